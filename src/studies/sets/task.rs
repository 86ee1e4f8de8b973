//! The model with its data.

use tch::Device;

use super::model::SetClassifier;
use super::problem::{Needles, Sets};
use crate::nn::Parameters;
use crate::recipe::SetsRecipe;
use crate::studies::random::{RandomGenerator, TEST};

/// A classifier of sets, with what generates them.
pub struct SetsTask {
    pub(super) recipe: SetsRecipe,
    pub(super) model: SetClassifier,
    pub(super) needles: Needles,
    pub(super) device: Device,
    pub(super) parameters: Parameters,
    pub(super) seed: u64,
}

impl SetsTask {
    /// Instances of the sets of a batch: every size's logarithm is as likely as another's.
    pub(super) fn size(&self, random: &mut RandomGenerator) -> usize {
        let (low, high) = ((self.recipe.fewest as f64).ln(), (self.recipe.most as f64).ln());
        (low + (high - low) * random.share()).exp().round() as usize
    }

    pub(super) fn batch(&self, number: u64) -> Sets {
        let mut random = RandomGenerator::new(self.seed, number);
        let size = self.size(&mut random);
        self.needles.sets(&self.recipe, self.recipe.batch, size, &mut random, self.device)
    }

    /// Sets of `size` instances that nothing was trained on, the same at every call.
    pub(super) fn tests(&self, size: usize, count: usize) -> Sets {
        let mut random = RandomGenerator::new(self.seed ^ TEST, size as u64);
        self.needles.sets(&self.recipe, count, size, &mut random, self.device)
    }
}
