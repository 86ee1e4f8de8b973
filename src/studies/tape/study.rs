//! The task as the trainer sees it, and its examination.

use std::path::Path;

use anyhow::Result;
use tch::{Device, no_grad};

use super::examine;
use super::pictures;
use super::session::TapeSession;
use super::task::TapeTask;
use crate::nn::{ForwardContext, Parameters};
use crate::recipe::TapeRecipe;
use crate::runtime::Interrupt;
use crate::studies::random::{RandomGenerator, VALIDATION, endless_epoch};
use crate::studies::sequences::{SequenceModel, summary};
use crate::studies::{Finding, Interactive, Study};
use crate::train::{BatchCounts, Loss, Validation};

impl Study for TapeTask {
    type Recipe = TapeRecipe;
    type Model = SequenceModel;
    type Batch = u64;

    fn model(recipe: &TapeRecipe, store: &Parameters) -> Result<SequenceModel> {
        SequenceModel::new(&recipe.model, recipe.problem.widths(), store)
    }

    fn new(recipe: &TapeRecipe, seed: u64, device: Device) -> Result<Self> {
        let parameters = Parameters::new(seed, device);
        let model = Self::model(recipe, &parameters)?;
        Ok(TapeTask { recipe: recipe.clone(), model, device, parameters, seed })
    }

    fn session(recipe: &TapeRecipe, folder: &Path, device: Device) -> Result<Box<dyn Interactive>> {
        Ok(Box::new(TapeSession::open(recipe, folder, device)?))
    }

    fn recipe(&self) -> &TapeRecipe {
        &self.recipe
    }

    fn store(&self) -> &Parameters {
        &self.parameters
    }

    fn epoch(&self, _seed: u64, epoch: u64) -> Result<Vec<u64>> {
        Ok(endless_epoch(epoch))
    }

    fn loss(&mut self, batch: &u64, _pass: &ForwardContext) -> Result<Loss> {
        let mut random = RandomGenerator::new(self.seed, *batch);
        let size = self.recipe.problem.draw_size(&mut random);
        let sequences = self.draw(size, self.recipe.batch, &mut random);
        let (answers, _) = self.model.answer(&sequences.inputs);
        let cost = sequences.cost(&answers);
        let counts = BatchCounts {
            terms: sequences.targets.numel() as u64,
            sequences: self.recipe.batch as u64,
            source_tokens: (sequences.inputs.size()[0] * sequences.inputs.size()[1]) as u64,
            target_tokens: sequences.targets.numel() as u64,
        };
        Ok(Loss::of(cost, counts))
    }

    fn describe(&self, batch: &u64) -> String {
        let size = self.recipe.problem.draw_size(&mut RandomGenerator::new(self.seed, *batch));
        format!("{} sequences of length {}, repeated {} times", self.recipe.batch, size.length, size.repeats)
    }

    /// Sequences of sizes as they are trained on, or so many times as long: bits and wrong bits a sequence.
    fn validate(&mut self, _interrupt: &Interrupt) -> Result<Validation> {
        const SIZES: u64 = 8;
        let each = self.recipe.tested.div_ceil(SIZES as usize);
        let (mut cost, mut wrong) = (0.0, 0.0);
        no_grad(|| {
            for number in 0..SIZES {
                let mut random = RandomGenerator::new(self.seed ^ VALIDATION, number);
                let mut size = self.recipe.problem.draw_size(&mut random);
                if self.recipe.problem.stretches() {
                    size.length *= self.recipe.stretch;
                }
                let sequences = self.draw(size, each, &mut random);
                let (answers, _) = self.model.answer(&sequences.inputs);
                cost += sequences.cost(&answers).double_value(&[]);
                wrong += sequences.wrong(&answers);
            }
        });
        let count = (SIZES as usize * each) as f64;
        let scores = [("bits", cost / std::f64::consts::LN_2 / count), ("error", wrong / count)];
        Ok(Validation::of(scores))
    }

    fn pictures(&self, directory: &Path) -> Result<()> {
        pictures::draw(self, self.recipe.problem.shown(), directory)
    }

    fn summary(&self) -> String {
        format!("{} learns {}", summary(&self.recipe.model), examine::title(&self.recipe.problem))
    }

    fn examine(&self, folder: &Path) -> Result<Vec<Finding>> {
        pictures::draw(self, self.recipe.problem.shown(), folder)?;
        Ok(no_grad(|| examine::examine(self)))
    }
}
