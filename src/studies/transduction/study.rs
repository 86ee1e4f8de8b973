//! The task as the trainer sees it, and its examination.

use std::path::Path;

use anyhow::Result;
use tch::Device;

use super::pictures;
use super::session::TransductionSession;
use super::task::{Accuracy, TransductionTask};
use crate::nn::{ForwardContext, Parameters};
use crate::recipe::TransductionRecipe;
use crate::runtime::Interrupt;
use crate::studies::random::{RandomGenerator, TEST, VALIDATION, endless_epoch};
use crate::studies::sequences::{SymbolModel, summary};
use crate::studies::{Aim, Finding, Interactive, Study};
use crate::train::{BatchCounts, Loss, Validation};

impl Study for TransductionTask {
    type Recipe = TransductionRecipe;
    type Model = SymbolModel;
    type Batch = u64;

    fn model(recipe: &TransductionRecipe, store: &Parameters) -> Result<SymbolModel> {
        SymbolModel::new(&recipe.model, recipe.vocabulary(), recipe.embedding, store)
    }

    fn new(recipe: &TransductionRecipe, seed: u64, device: Device) -> Result<Self> {
        let parameters = Parameters::new(seed, device);
        let model = Self::model(recipe, &parameters)?;
        Ok(TransductionTask { recipe: recipe.clone(), model, parameters, seed })
    }

    fn session(recipe: &TransductionRecipe, folder: &Path, device: Device) -> Result<Box<dyn Interactive>> {
        Ok(Box::new(TransductionSession::open(recipe, folder, device)?))
    }

    fn recipe(&self) -> &TransductionRecipe {
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
        let length = self.recipe.draw_length(self.recipe.shortest, self.recipe.longest, &mut random);
        let (inputs, outputs) = self.draw(length, self.recipe.batch, &mut random);
        let cost = self.cost(&self.model.answer(&inputs, outputs.size()[1]).0, &outputs);
        let counts = BatchCounts {
            terms: outputs.numel() as u64,
            sequences: self.recipe.batch as u64,
            source_tokens: inputs.numel() as u64,
            target_tokens: outputs.numel() as u64,
        };
        Ok(Loss::of(cost, counts))
    }

    fn describe(&self, batch: &u64) -> String {
        let length =
            self.recipe.draw_length(self.recipe.shortest, self.recipe.longest, &mut RandomGenerator::new(self.seed, *batch));
        format!("{} sequences of {length} symbols", self.recipe.batch)
    }

    /// At lengths as they are trained on.
    fn validate(&mut self, _interrupt: &Interrupt) -> Result<Validation> {
        const COUNT: usize = 200;
        let Accuracy { coarse, fine, loss } = self.accuracy(self.recipe.shortest, self.recipe.longest, COUNT, VALIDATION);
        let scores = [("loss", loss), ("accuracy", coarse), ("error", 1.0 - fine)];
        Ok(Validation::of(scores))
    }

    fn summary(&self) -> String {
        format!("{} learns {} symbols: {:?}", summary(&self.recipe.model), self.recipe.symbols, self.recipe.problem)
    }

    fn pictures(&self, directory: &Path) -> Result<()> {
        pictures::draw(self, directory)
    }

    fn examine(&self, folder: &Path) -> Result<Vec<Finding>> {
        pictures::draw(self, folder)?;
        let TransductionRecipe { shortest, longest, tested, .. } = self.recipe;
        let trained = self.accuracy(shortest, longest, tested, TEST);
        let longer = self.accuracy(longest + 1, 2 * longest, tested, TEST);
        let of = |what: &str, from: usize, to: usize| format!("{what} accuracy, length {from} to {to}");
        let coarse = Finding::new(of("coarse", longest + 1, 2 * longest), longer.coarse).paper(self.paper());
        Ok(vec![
            Finding::new(of("coarse", shortest, longest), trained.coarse),
            Finding::new(of("fine", shortest, longest), trained.fine),
            if self.solves() { coarse.aim(Aim::AtLeast(1.0)) } else { coarse },
            Finding::new(of("fine", longest + 1, 2 * longest), longer.fine),
        ])
    }
}
