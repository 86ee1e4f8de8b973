//! The model with its data.

use tch::Device;

use super::model::PointingNetwork;
use super::problem::Example;
use crate::nn::Parameters;
use crate::recipe::PointingRecipe;
use crate::studies::random::{RandomGenerator, TEST};

/// A model that points, with what generates its problems.
pub struct PointingTask {
    pub(super) recipe: PointingRecipe,
    pub(super) model: PointingNetwork,
    pub(super) device: Device,
    pub(super) parameters: Parameters,
    pub(super) seed: u64,
}

impl PointingTask {
    pub(super) fn batch(&self, number: u64) -> Vec<Example> {
        let mut random = RandomGenerator::new(self.seed, number);
        let count = random.between(self.recipe.fewest, self.recipe.most);
        (0..self.recipe.batch).map(|_| self.recipe.problem.draw(count, &mut random)).collect()
    }

    /// Problems of `count` inputs that nothing was trained on, the same at every call.
    pub(super) fn tests(&self, count: usize) -> Vec<Example> {
        let mut random = RandomGenerator::new(self.seed ^ TEST, count as u64);
        (0..self.recipe.tested).map(|_| self.recipe.problem.draw(count, &mut random)).collect()
    }
}
