//! The model with its data.

use tch::Device;

use super::formula::Formula;
use super::model::ParsingModel;
use crate::nn::Parameters;
use crate::recipe::TreesRecipe;
use crate::studies::random::{RandomGenerator, TEST};

/// Depths that are trained on.
pub(super) const DEPTHS: std::ops::RangeInclusive<usize> = 2..=4;
/// So many batches are sorted by length together: batches of like lengths, and yet by chance.
pub(super) const POOL: usize = 20;

/// A model of formulas with what it is trained on.
pub struct TreesTask {
    pub(super) recipe: TreesRecipe,
    pub(super) model: ParsingModel,
    pub(super) device: Device,
    pub(super) formulas: Vec<Formula>,
    pub(super) parameters: Parameters,
    pub(super) seed: u64,
}

impl TreesTask {
    /// Formulas of a depth that nothing was trained on, the same at every call.
    pub(super) fn tests(&self, depth: usize) -> Vec<Formula> {
        draw(depth, self.recipe.tested, self.seed ^ TEST)
    }

    pub(super) fn length(&self, formula: &usize) -> usize {
        self.formulas[*formula].prefix().len()
    }
}

pub(super) fn draw(depth: usize, count: usize, seed: u64) -> Vec<Formula> {
    let mut random = RandomGenerator::new(seed, depth as u64);
    (0..count).map(|_| Formula::draw(depth, &mut random)).collect()
}
