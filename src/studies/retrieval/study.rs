//! The task as the trainer sees it, and its examination.

use std::path::Path;

use anyhow::Result;
use tch::{Device, no_grad};

use super::problem::{VOCABULARY, spelled};
use super::session::RetrievalSession;
use super::task::RetrievalTask;
use crate::nn::{ForwardContext, Parameters};
use crate::recipe::{RetrievalRecipe, SequenceModelRecipe};
use crate::runtime::Interrupt;
use crate::studies::random::{RandomGenerator, TEST, VALIDATION, endless_epoch};
use crate::studies::sequences::{SymbolModel, memory, summary};
use crate::studies::{Finding, Interactive, Study};
use crate::train::{BatchCounts, Loss, Validation};

impl Study for RetrievalTask {
    type Recipe = RetrievalRecipe;
    type Model = SymbolModel;
    type Batch = u64;

    fn model(recipe: &RetrievalRecipe, store: &Parameters) -> Result<SymbolModel> {
        SymbolModel::new(&recipe.model, VOCABULARY, recipe.embedding, store)
    }

    fn new(recipe: &RetrievalRecipe, seed: u64, device: Device) -> Result<Self> {
        let parameters = Parameters::new(seed, device);
        let model = Self::model(recipe, &parameters)?;
        Ok(RetrievalTask { recipe: recipe.clone(), model, parameters, seed })
    }

    fn session(recipe: &RetrievalRecipe, folder: &Path, device: Device) -> Result<Box<dyn Interactive>> {
        Ok(Box::new(RetrievalSession::open(recipe, folder, device)?))
    }

    fn recipe(&self) -> &RetrievalRecipe {
        &self.recipe
    }

    fn store(&self) -> &Parameters {
        &self.parameters
    }

    fn epoch(&self, _seed: u64, epoch: u64) -> Result<Vec<u64>> {
        Ok(endless_epoch(epoch))
    }

    fn loss(&mut self, batch: &u64, _pass: &ForwardContext) -> Result<Loss> {
        let (inputs, answers) = self.draw(self.recipe.pairs, self.recipe.batch, &mut RandomGenerator::new(self.seed, *batch));
        let cost = self.cost(&self.scores(&inputs), &answers);
        let counts = BatchCounts {
            terms: answers.numel() as u64,
            sequences: self.recipe.batch as u64,
            source_tokens: inputs.numel() as u64,
            target_tokens: answers.numel() as u64,
        };
        Ok(Loss::of(cost, counts))
    }

    fn describe(&self, _batch: &u64) -> String {
        format!("{} sequences of {} pairs", self.recipe.batch, self.recipe.pairs)
    }

    fn validate(&mut self, _interrupt: &Interrupt) -> Result<Validation> {
        let (loss, wrong) = self.test(self.recipe.pairs, VALIDATION);
        Ok(Validation::of([("loss", loss), ("error", wrong)]))
    }

    fn summary(&self) -> String {
        format!("{} learns to retrieve one of {} pairs", summary(&self.recipe.model), self.recipe.pairs)
    }

    /// What was read of the memory for one sequence.
    fn pictures(&self, directory: &Path) -> Result<()> {
        let (inputs, _) = self.draw(self.recipe.pairs, 1, &mut RandomGenerator::new(self.seed ^ TEST, u64::MAX));
        let (_, weightings) = no_grad(|| self.model.answer(&inputs, 1));
        let columns: Vec<String> = Vec::<i64>::try_from(inputs.squeeze_dim(0))?.into_iter().map(spelled).collect();
        match memory(&columns, &weightings)? {
            Some((name, figure)) => figure.drawing().save(&directory.join(name)),
            None => Ok(()),
        }
    }

    fn examine(&self, folder: &Path) -> Result<Vec<Finding>> {
        self.pictures(folder)?;
        let pairs = self.recipe.pairs;
        let of = |pairs: usize| {
            let (_, wrong) = self.test(pairs, TEST);
            Finding::new(format!("% of digits wrong, {pairs} pairs"), 100.0 * wrong)
        };
        let mut findings = vec![of(pairs).paper(self.paper())];
        let longer = (2 * pairs).min(26);
        if longer > pairs {
            findings.push(of(longer));
        }
        Ok(findings)
    }
}

impl RetrievalTask {
    /// Classification error in percent (table 1 of Ba et al. 2016), by units.
    fn paper(&self) -> &'static str {
        match self.recipe.model {
            SequenceModelRecipe::FastWeights(model) => match model.hidden {
                20 => "1.81",
                50 | 100 => "0",
                _ => "",
            },
            SequenceModelRecipe::Lstm(model) if model.layers == 1 => match model.hidden {
                20 => "60.81",
                50 => "1.85",
                100 => "0",
                _ => "",
            },
            _ => "",
        }
    }
}
