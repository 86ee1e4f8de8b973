//! The task as the trainer sees it, and its examination.

use std::path::Path;

use anyhow::Result;
use tch::{Device, no_grad};

use super::examine::{self, AnsweredProblems};
use super::model::{PointingNetwork, Problems};
use super::pictures;
use super::problem::Example;
use super::session::PointingSession;
use super::task::PointingTask;
use crate::nn::{ForwardContext, Parameters};
use crate::recipe::{PointingModel, PointingProblem, PointingRecipe};
use crate::runtime::Interrupt;
use crate::studies::random::{RandomGenerator, VALIDATION, endless_epoch};
use crate::studies::{Finding, Interactive, Study};
use crate::train::{BatchCounts, Loss, Validation};

impl Study for PointingTask {
    type Recipe = PointingRecipe;
    type Model = PointingNetwork;
    type Batch = u64;

    fn model(recipe: &PointingRecipe, store: &Parameters) -> Result<PointingNetwork> {
        PointingNetwork::new(recipe, recipe.problem.width(), store)
    }

    fn new(recipe: &PointingRecipe, seed: u64, device: Device) -> Result<Self> {
        let parameters = Parameters::new(seed, device);
        let model = Self::model(recipe, &parameters)?;
        Ok(PointingTask { recipe: recipe.clone(), model, device, parameters, seed })
    }

    fn session(recipe: &PointingRecipe, folder: &Path, device: Device) -> Result<Box<dyn Interactive>> {
        Ok(Box::new(PointingSession::open(recipe, folder, device)?))
    }

    fn recipe(&self) -> &PointingRecipe {
        &self.recipe
    }

    fn store(&self) -> &Parameters {
        &self.parameters
    }

    fn epoch(&self, _seed: u64, epoch: u64) -> Result<Vec<u64>> {
        Ok(endless_epoch(epoch))
    }

    fn loss(&mut self, batch: &u64, _pass: &ForwardContext) -> Result<Loss> {
        let examples = self.batch(*batch);
        let problems = Problems::new(&examples, self.device);
        let cost = self.model.cost(&problems);
        let counts = BatchCounts {
            terms: problems.terms(),
            sequences: examples.len() as u64,
            source_tokens: (examples.len() * examples[0].inputs.len()) as u64,
            target_tokens: problems.terms(),
        };
        Ok(Loss::of(cost, counts))
    }

    fn describe(&self, batch: &u64) -> String {
        let count = RandomGenerator::new(self.seed, *batch).between(self.recipe.fewest, self.recipe.most);
        format!("{} problems of {count} inputs", self.recipe.batch)
    }

    /// Problems of the largest size that is trained on: cost of an answer and share of right answers.
    fn validate(&mut self, _interrupt: &Interrupt) -> Result<Validation> {
        let mut random = RandomGenerator::new(self.seed ^ VALIDATION, 0);
        let examples: Vec<Example> =
            (0..self.recipe.tested).map(|_| self.recipe.problem.draw(self.recipe.most, &mut random)).collect();
        let (cost, tested) = no_grad(|| {
            let cost = self.model.cost(&Problems::new(&examples, self.device)).double_value(&[]);
            (cost / examples.len() as f64, AnsweredProblems::of(self, examples))
        });
        let scores = [("loss", cost), ("accuracy", tested.right())];
        Ok(Validation::of(scores))
    }

    fn pictures(&self, directory: &Path) -> Result<()> {
        pictures::draw(self, directory)
    }

    fn summary(&self) -> String {
        let model = match self.recipe.model {
            PointingModel::Pointer => "a pointer network",
            PointingModel::Attention => "a sequence-to-sequence model with attention",
        };
        let problem = match self.recipe.problem {
            PointingProblem::Sort => "to sort numbers",
            PointingProblem::Hull => "convex hulls of points",
        };
        format!(
            "{model} of {} cells learns {problem}, {} to {} of them",
            self.recipe.hidden, self.recipe.fewest, self.recipe.most
        )
    }

    fn examine(&self, folder: &Path) -> Result<Vec<Finding>> {
        pictures::draw(self, folder)?;
        Ok(no_grad(|| examine::examine(self)))
    }
}
