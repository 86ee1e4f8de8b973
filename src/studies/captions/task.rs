//! The model with its data.

use anyhow::Result;
use tch::Device;

use super::batch::Example;
use super::model::Captioner;
use super::split::SceneSet;
use crate::nn::Parameters;
use crate::recipe::{CaptionAttention, CaptionsRecipe};
use crate::studies::random::RandomGenerator;
use crate::tasks::translation::Reinforcement;

/// A captioner with what generates its scenes.
pub struct CaptionsTask {
    pub(super) recipe: CaptionsRecipe,
    pub(super) model: Captioner,
    /// How hard attention learns.
    pub(super) reinforcement: Option<Reinforcement>,
    pub(super) device: Device,
    pub(super) parameters: Parameters,
    pub(super) seed: u64,
}

impl CaptionsTask {
    pub(super) fn start(recipe: &CaptionsRecipe, seed: u64, device: Device) -> Result<Self> {
        let parameters = Parameters::new(seed, device);
        let model = Captioner::new(recipe, &parameters)?;
        let reinforcement = match recipe.attention {
            CaptionAttention::Soft => None,
            CaptionAttention::Hard(hard) => Some(Reinforcement::new(&hard)?),
        };
        Ok(CaptionsTask { recipe: recipe.clone(), model, reinforcement, device, parameters, seed })
    }

    pub(super) fn batch(&self, number: u64) -> Vec<Example> {
        let mut random = RandomGenerator::new(self.seed, number);
        (0..self.recipe.batch).map(|_| Example::draw(SceneSet::Train, &mut random)).collect()
    }

    /// Examples of a set, as many as are tested, the same at every call; `purpose` sets them apart from what is trained on.
    pub(super) fn tests(&self, set: SceneSet, purpose: u64) -> Vec<Example> {
        let mut random = RandomGenerator::new(self.seed ^ purpose, set as u64);
        (0..self.recipe.tested).map(|_| Example::draw(set, &mut random)).collect()
    }
}
