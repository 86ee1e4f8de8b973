//! The task as the trainer sees it, and its examination.

use std::path::Path;

use anyhow::{Context, Result};
use tch::{Device, Tensor};

use super::examine::{examine, test};
use super::model::SetClassifier;
use super::problem::{NEEDLES_FILE, Needles};
use super::session::SetsSession;
use super::task::SetsTask;
use crate::nn::{ForwardContext, Parameters};
use crate::recipe::{SetPooling, SetsRecipe};
use crate::runtime::Interrupt;
use crate::runtime::files::Shown;
use crate::studies::random::{RandomGenerator, VALIDATION, endless_epoch};
use crate::studies::{Finding, Interactive, Study};
use crate::train::{BatchCounts, Loss, Validation};

impl Study for SetsTask {
    type Recipe = SetsRecipe;
    type Model = SetClassifier;
    type Batch = u64;

    fn model(recipe: &SetsRecipe, store: &Parameters) -> Result<SetClassifier> {
        SetClassifier::new(recipe, store)
    }

    fn new(recipe: &SetsRecipe, seed: u64, device: Device) -> Result<Self> {
        let parameters = Parameters::new(seed, device);
        let model = Self::model(recipe, &parameters)?;
        Ok(SetsTask { recipe: recipe.clone(), model, needles: Needles::draw(recipe, seed), device, parameters, seed })
    }

    fn session(recipe: &SetsRecipe, folder: &Path, device: Device) -> Result<Box<dyn Interactive>> {
        Ok(Box::new(SetsSession::open(recipe, folder, device)?))
    }

    fn recipe(&self) -> &SetsRecipe {
        &self.recipe
    }

    fn store(&self) -> &Parameters {
        &self.parameters
    }

    fn epoch(&self, _seed: u64, epoch: u64) -> Result<Vec<u64>> {
        Ok(endless_epoch(epoch))
    }

    fn loss(&mut self, batch: &u64, pass: &ForwardContext) -> Result<Loss> {
        let sets = self.batch(*batch);
        let found = self.model.classify(&sets.instances, pass);
        let cost = found.logits.cross_entropy_loss::<Tensor>(&sets.classes, None, tch::Reduction::Sum, -100, 0.0);
        let count = sets.places.len() as u64;
        let instances = count * sets.instances.size()[1] as u64;
        Ok(Loss::of(cost, BatchCounts { terms: count, sequences: count, source_tokens: instances, target_tokens: count }))
    }

    fn describe(&self, batch: &u64) -> String {
        let size = self.size(&mut RandomGenerator::new(self.seed, *batch));
        format!("{} sets of {size} instances", self.recipe.batch)
    }

    /// Sets of the largest size that is trained on.
    fn validate(&mut self, _interrupt: &Interrupt) -> Result<Validation> {
        let mut random = RandomGenerator::new(self.seed ^ VALIDATION, 0);
        let sets = self.needles.sets(&self.recipe, self.recipe.tested, self.recipe.most, &mut random, self.device);
        let tested = test(self, &sets);
        Ok(Validation::of([("accuracy", tested.right), ("loss", tested.cost)]))
    }

    fn save_extra(&self, directory: &Path) -> Result<()> {
        let path = directory.join(NEEDLES_FILE);
        Tensor::write_safetensors(&[("needles", self.needles.tensor())], &path)
            .with_context(|| format!("{}: cannot write", path.shown()))
    }

    fn summary(&self) -> String {
        let pooling = match self.recipe.pooling {
            SetPooling::Hopfield => "Hopfield pooling",
            SetPooling::Lookup => "a Hopfield lookup",
            SetPooling::Average => "an average",
        };
        let SetsRecipe { needles, fewest, most, .. } = self.recipe;
        format!("{pooling} learns which of {needles} needles, or none, is among {fewest} to {most} instances")
    }

    fn examine(&self, folder: &Path) -> Result<Vec<Finding>> {
        examine(self, folder)
    }
}
