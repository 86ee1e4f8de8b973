//! The task as the trainer sees it, and its examination.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use tch::Device;

use super::data::{Data, Document, Known};
use super::model::{Batch, QueryClassifier, Sizes};
use super::session::QueriesSession;
use super::task::{FILE, QueriesTask};
use super::{examine, pictures};
use crate::nn::{ForwardContext, Parameters};
use crate::recipe::QueriesRecipe;
use crate::runtime::Interrupt;
use crate::runtime::files::Shown;
use crate::studies::random::RandomGenerator;
use crate::studies::{Finding, Interactive, Study};
use crate::train::{BatchCounts, Loss, Validation, ValidationFingerprint};

impl Study for QueriesTask {
    type Recipe = QueriesRecipe;
    type Model = QueryClassifier;
    type Batch = Vec<usize>;

    fn model(recipe: &QueriesRecipe, store: &Parameters) -> Result<QueryClassifier> {
        QueryClassifier::new(recipe, &Sizes { words: 1, classes: vec![1] }, store)
    }

    fn new(recipe: &QueriesRecipe, seed: u64, device: Device) -> Result<Self> {
        let data = Data::new(recipe, seed)?;
        let parameters = Parameters::new(seed, device);
        let model = QueryClassifier::new(recipe, &Sizes::of(&data.known), &parameters)?;
        Ok(QueriesTask { recipe: recipe.clone(), data, model, device, parameters })
    }

    fn session(recipe: &QueriesRecipe, folder: &Path, device: Device) -> Result<Box<dyn Interactive>> {
        Ok(Box::new(QueriesSession::open(recipe, folder, device)?))
    }

    fn recipe(&self) -> &QueriesRecipe {
        &self.recipe
    }

    fn store(&self) -> &Parameters {
        &self.parameters
    }

    fn epoch(&self, seed: u64, epoch: u64) -> Result<Vec<Vec<usize>>> {
        let mut order: Vec<usize> = (0..self.data.train.len()).collect();
        RandomGenerator::new(seed, epoch).shuffle(&mut order);
        Ok(order.chunks(self.recipe.batch).map(<[usize]>::to_vec).collect())
    }

    fn loss(&mut self, batch: &Vec<usize>, pass: &ForwardContext) -> Result<Loss> {
        let documents: Vec<&Document> = batch.iter().map(|&number| &self.data.train[number]).collect();
        let tensors = Batch::new(&documents, &self.data.known, self.device);
        let count = batch.len() as u64;
        let asked = count * self.data.known.asked.len() as u64;
        let counts = BatchCounts { terms: count, sequences: count, source_tokens: tensors.tokens(), target_tokens: asked };
        Ok(Loss::of(self.model.read(&tensors, pass).cost(&tensors), counts))
    }

    fn describe(&self, batch: &Vec<usize>) -> String {
        format!("{} documents of up to {} words", batch.len(), self.longest(batch))
    }

    fn memory_estimate(&self, batch: &Vec<usize>) -> Vec<u64> {
        vec![(batch.len() * self.longest(batch)) as u64]
    }

    /// Of documents held out: the cost of all questions, and the share of right answers to any.
    fn validate(&mut self, _interrupt: &Interrupt) -> Result<Validation> {
        let (held_out, asked) = (self.data.held_out.len() as f64, self.data.known.asked.len() as f64);
        let classified = self.classify(&self.data.held_out)?;
        let right = classified.right.iter().sum::<usize>() as f64 / (held_out * asked);
        Ok(Validation::of([("loss", classified.cost / held_out), ("accuracy", right)]))
    }

    fn validation_fingerprint(&self) -> ValidationFingerprint {
        ValidationFingerprint::default().with("documents", self.data.held_out.iter().map(|document| document.words.join(" ")))
    }

    fn pictures(&self, directory: &Path) -> Result<()> {
        pictures::draw(self, &self.data.held_out[0], directory)
    }

    fn save_extra(&self, directory: &Path) -> Result<()> {
        let path = directory.join(FILE);
        let text = serde_json::to_string(&self.data.known)? + "\n";
        std::fs::write(&path, text).with_context(|| format!("{}: cannot write", path.shown()))
    }

    fn load_extra(&mut self, directory: &Path) -> Result<()> {
        ensure!(
            Known::read(directory)? == self.data.known,
            "{}: was trained with other words or labels than these documents have; set task.queries.file and the seed back",
            directory.join(FILE).shown()
        );
        Ok(())
    }

    fn summary(&self) -> String {
        let asked: Vec<String> =
            self.data.known.asked.iter().map(|asked| format!("{} of {}", asked.name, asked.classes.len())).collect();
        let queries = if self.recipe.shared { "one query vector for all questions" } else { "a query vector for each question" };
        format!("{queries} learns classes ({}) from {} documents", asked.join(", "), self.data.train.len())
    }

    fn examine(&self, folder: &Path) -> Result<Vec<Finding>> {
        pictures::draw(self, &self.data.test[0], folder)?;
        examine::examine(self)
    }
}

impl QueriesTask {
    /// Words of the longest document of a batch of training.
    fn longest(&self, batch: &[usize]) -> usize {
        batch.iter().map(|&number| self.data.train[number].words.len()).max().unwrap_or(0)
    }
}
