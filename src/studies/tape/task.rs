//! The model with its data.

use tch::Device;

use super::problem::Size;
use super::tensors::Sequences;
use crate::nn::Parameters;
use crate::recipe::TapeRecipe;
use crate::studies::random::{RandomGenerator, TEST};
use crate::studies::sequences::SequenceModel;

/// A model of sequences with what generates them.
pub struct TapeTask {
    pub(super) recipe: TapeRecipe,
    pub(super) model: SequenceModel,
    pub(super) device: Device,
    pub(super) parameters: Parameters,
    pub(super) seed: u64,
}

impl TapeTask {
    /// `count` sequences of one size.
    pub(super) fn draw(&self, size: Size, count: usize, random: &mut RandomGenerator) -> Sequences {
        let sequences: Vec<_> = (0..count).map(|_| self.recipe.problem.draw(size, random)).collect();
        Sequences::new(&sequences, self.device)
    }

    /// Sequences for tests of one size, the same at every call.
    pub(super) fn test_random(&self, size: Size) -> RandomGenerator {
        RandomGenerator::new(self.seed ^ TEST, (size.length * 1000 + size.repeats) as u64)
    }
}
