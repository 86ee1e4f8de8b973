//! The task as the trainer sees it, and its examination.

use std::path::Path;

use anyhow::Result;
use tch::{Device, no_grad};

use super::examine::Tested;
use super::grammar::Document;
use super::model::{DocumentClassifier, Reports};
use super::session::DocumentsSession;
use super::task::{DocumentsTask, draw};
use super::{examine, pictures};
use crate::nn::{ForwardContext, Parameters};
use crate::recipe::{DocumentsRecipe, PoolingKind};
use crate::runtime::Interrupt;
use crate::studies::random::{RandomGenerator, VALIDATION};
use crate::studies::{Finding, Interactive, Study};
use crate::train::{BatchCounts, Loss, Validation};

impl Study for DocumentsTask {
    type Recipe = DocumentsRecipe;
    type Model = DocumentClassifier;
    type Batch = Vec<usize>;

    fn model(recipe: &DocumentsRecipe, store: &Parameters) -> Result<DocumentClassifier> {
        DocumentClassifier::new(recipe, store)
    }

    fn new(recipe: &DocumentsRecipe, seed: u64, device: Device) -> Result<Self> {
        let parameters = Parameters::new(seed, device);
        let model = Self::model(recipe, &parameters)?;
        let documents = draw(recipe, recipe.documents, seed);
        Ok(DocumentsTask { recipe: recipe.clone(), model, device, documents, parameters, seed })
    }

    fn session(recipe: &DocumentsRecipe, folder: &Path, device: Device) -> Result<Box<dyn Interactive>> {
        Ok(Box::new(DocumentsSession::open(recipe, folder, device)?))
    }

    fn recipe(&self) -> &DocumentsRecipe {
        &self.recipe
    }

    fn store(&self) -> &Parameters {
        &self.parameters
    }

    fn epoch(&self, seed: u64, epoch: u64) -> Result<Vec<Vec<usize>>> {
        let mut order: Vec<usize> = (0..self.documents.len()).collect();
        RandomGenerator::new(seed, epoch).shuffle(&mut order);
        Ok(order.chunks(self.recipe.batch).map(<[usize]>::to_vec).collect())
    }

    fn loss(&mut self, batch: &Vec<usize>, _pass: &ForwardContext) -> Result<Loss> {
        let documents: Vec<Document> = batch.iter().map(|&document| self.documents[document].clone()).collect();
        let reports = Reports::new(&documents, self.device);
        let cost = self.model.cost(&reports)?;
        let counts = BatchCounts {
            terms: batch.len() as u64,
            sequences: batch.len() as u64,
            source_tokens: reports.tokens(),
            target_tokens: batch.len() as u64,
        };
        Ok(Loss::of(cost, counts))
    }

    fn describe(&self, batch: &Vec<usize>) -> String {
        let sentences: usize = batch.iter().map(|&document| self.documents[document].sentences.len()).sum();
        format!("{} documents of {sentences} sentences", batch.len())
    }

    fn validate(&mut self, _interrupt: &Interrupt) -> Result<Validation> {
        let documents = draw(&self.recipe, self.recipe.tested, self.seed ^ VALIDATION);
        let tested = no_grad(|| Tested::of(self, &documents))?;
        let scores = [("loss", tested.cost), ("accuracy", tested.right)];
        Ok(Validation::of(scores))
    }

    fn pictures(&self, directory: &Path) -> Result<()> {
        pictures::draw(self, directory)
    }

    fn summary(&self) -> String {
        let pooling = match self.recipe.pooling {
            PoolingKind::Attention => "attention",
            PoolingKind::Average => "averages",
            PoolingKind::Max => "maxima",
            PoolingKind::Gated => "gates",
        };
        format!("words and sentences pooled by {pooling} learn classes from {} documents", self.documents.len())
    }

    fn examine(&self, folder: &Path) -> Result<Vec<Finding>> {
        pictures::draw(self, folder)?;
        no_grad(|| examine::examine(self))
    }
}
