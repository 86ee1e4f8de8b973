//! The task as the trainer sees it, and its examination.

use std::path::Path;

use anyhow::Result;
use serde_json::Value;
use tch::{Device, Kind, Tensor, no_grad};

use super::batch::Batch;
use super::examine::{Tested, examine};
use super::model::{Captioner, GRID};
use super::pictures;
use super::session::CaptionsSession;
use super::split::SceneSet;
use super::task::CaptionsTask;
use crate::nn::{ForwardContext, Parameters};
use crate::recipe::{CaptionAttention, CaptionsRecipe};
use crate::runtime::Interrupt;
use crate::studies::random::{VALIDATION, endless_epoch};
use crate::studies::{Finding, Interactive, Study};
use crate::tasks::translation::Reinforcement;
use crate::train::{BatchCounts, Loss, LossSums, Validation};

impl Study for CaptionsTask {
    type Recipe = CaptionsRecipe;
    type Model = Captioner;
    type Batch = u64;

    fn model(recipe: &CaptionsRecipe, store: &Parameters) -> Result<Captioner> {
        Captioner::new(recipe, store)
    }

    fn new(recipe: &CaptionsRecipe, seed: u64, device: Device) -> Result<Self> {
        CaptionsTask::start(recipe, seed, device)
    }

    fn session(recipe: &CaptionsRecipe, folder: &Path, device: Device) -> Result<Box<dyn Interactive>> {
        Ok(Box::new(CaptionsSession::open(recipe, folder, device)?))
    }

    fn recipe(&self) -> &CaptionsRecipe {
        &self.recipe
    }

    fn store(&self) -> &Parameters {
        &self.parameters
    }

    fn summary(&self) -> String {
        let attention = match self.recipe.attention {
            CaptionAttention::Soft => "soft",
            CaptionAttention::Hard(_) => "hard",
        };
        let seen = Captioner::receptive_field().side;
        format!(
            "{attention} attention over {GRID}×{GRID} places, each of which sees {seen}×{seen} dots, learns captions of scenes"
        )
    }

    fn epoch(&self, _seed: u64, epoch: u64) -> Result<Vec<u64>> {
        Ok(endless_epoch(epoch))
    }

    fn loss(&mut self, batch: &u64, pass: &ForwardContext) -> Result<Loss> {
        let batch = Batch::new(&self.batch(*batch), self.device);
        let decoded = self.model.decode(&batch.pictures, &batch.inputs, pass);
        let likelihoods = self.model.log_likelihoods(&decoded, &batch); // [B, T]
        let cost = -likelihoods.sum(Kind::Float);
        let nll = cost.double_value(&[]);
        let mut backward = cost;
        let mut auxiliary = 0.0;
        if self.recipe.doubly_stochastic > 0.0 {
            let unlooked = Captioner::doubly_stochastic(&decoded.weights, &batch.real) * self.recipe.doubly_stochastic;
            auxiliary = unlooked.double_value(&[]);
            backward += unlooked;
        }
        if let Some((reinforcement, sampled)) =
            self.reinforcement.as_mut().zip(decoded.sampled.as_ref()).filter(|_| pass.trains())
        {
            let real: Tensor = batch.real.reshape([-1]).nonzero().squeeze_dim(1); // [N]
            let rewards = likelihoods.detach().reshape([-1]).index_select(0, &real);
            backward += reinforcement.surrogate(&sampled.listed(&real), &rewards);
        }
        let terms = batch.terms();
        let counts = BatchCounts {
            terms,
            sequences: self.recipe.batch as u64,
            source_tokens: (self.recipe.batch as i64 * GRID * GRID) as u64,
            target_tokens: terms,
        };
        Ok(Loss { backward, sums: LossSums { loss: nll + auxiliary, nll, auxiliary, counts } })
    }

    fn describe(&self, batch: &u64) -> String {
        format!("{} scenes, batch {batch}", self.recipe.batch)
    }

    fn extra_state(&self) -> Value {
        self.reinforcement.as_ref().map_or(Value::Null, Reinforcement::extra_state)
    }

    fn restore_extra_state(&mut self, state: &Value) -> Result<()> {
        self.reinforcement.as_mut().map_or(Ok(()), |reinforcement| reinforcement.restore_extra_state(state))
    }

    /// On scenes with pairs of objects that are held out.
    fn validate(&mut self, _interrupt: &Interrupt) -> Result<Validation> {
        let tested = no_grad(|| Tested::of(self, &self.tests(SceneSet::Validation, VALIDATION)))?;
        let scores =
            [("loss", tested.loss), ("bleu", tested.bleu), ("accuracy", tested.right), ("in_box", tested.looked.in_box())];
        Ok(Validation::of(scores))
    }

    fn pictures(&self, directory: &Path) -> Result<()> {
        pictures::draw(self, directory)
    }

    fn examine(&self, folder: &Path) -> Result<Vec<Finding>> {
        pictures::draw(self, folder)?;
        no_grad(|| examine(self))
    }
}
