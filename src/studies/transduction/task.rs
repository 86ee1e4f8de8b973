//! The task as the trainer sees it.

use std::path::Path;

use anyhow::Result;
use tch::{Device, Kind, Tensor, no_grad};

use super::model::Transducer;
use super::pictures;
use super::problem::Transduction;
use super::session::TransductionSession;
use crate::nn::{ForwardContext, Parameters};
use crate::recipe::{StackQueueKind, TransductionModelRecipe, TransductionProblem, TransductionRecipe};
use crate::runtime::Interrupt;
use crate::studies::random::{RandomGenerator, TEST, VALIDATION, endless_epoch};
use crate::studies::{Aim, Finding, Interactive, Study};
use crate::train::{BatchCounts, Loss, Validation};

/// Sequences of one length that are tested at once.
const AT_ONCE: usize = 20;

/// A model of sequences with what generates them.
pub struct TransductionTask {
    pub(super) recipe: TransductionRecipe,
    pub(super) model: Transducer,
    parameters: Parameters,
    pub(super) seed: u64,
}

/// How much of a test was right (Grefenstette et al. 2015, section 4.3).
struct Accuracy {
    /// Share of sequences without an error.
    coarse: f64,
    /// Mean share of a sequence before its first error.
    fine: f64,
    /// Nats a symbol.
    loss: f64,
}

impl TransductionTask {
    /// The model, with its parameters in `store`.
    fn model(recipe: &TransductionRecipe, store: &Parameters) -> Transducer {
        Transducer::new(recipe, store)
    }

    fn draw(&self, length: usize, count: usize, random: &mut RandomGenerator) -> (Tensor, Tensor) {
        self.ids(&(0..count).map(|_| self.recipe.draw(length, random)).collect::<Vec<_>>())
    }

    /// Of sequences of one length the ids [B, T] that are read, and [B, L + 1] that are to be said.
    pub(super) fn ids(&self, drawn: &[Transduction]) -> (Tensor, Tensor) {
        let tensor = |rows: Vec<&Vec<i64>>| {
            let flat: Vec<i64> = rows.iter().flat_map(|row| row.iter().copied()).collect();
            Tensor::from_slice(&flat).view([rows.len() as i64, -1]).to_device(self.parameters.device())
        };
        (tensor(drawn.iter().map(|pair| &pair.inputs).collect()), tensor(drawn.iter().map(|pair| &pair.outputs).collect()))
    }

    /// Summed cost in nats.
    fn cost(&self, scores: &Tensor, outputs: &Tensor) -> Tensor {
        let flat = scores.flatten(0, 1);
        flat.cross_entropy_loss::<Tensor>(&outputs.flatten(0, 1), None, tch::Reduction::Sum, -100, 0.0)
    }

    /// On `count` sequences of these lengths.
    fn accuracy(&self, shortest: usize, longest: usize, count: usize, set: u64) -> Accuracy {
        let (mut coarse, mut fine, mut cost, mut symbols, mut sequences) = (0.0, 0.0, 0.0, 0, 0);
        no_grad(|| {
            for number in 0..count.div_ceil(AT_ONCE) {
                let mut random = RandomGenerator::new(self.seed ^ set, number as u64);
                let length = self.recipe.draw_length(shortest, longest, &mut random);
                let (inputs, outputs) = self.draw(length, AT_ONCE.min(count - sequences), &mut random);
                let (scores, _) = self.model.answer(&inputs, outputs.size()[1]);
                cost += self.cost(&scores, &outputs).double_value(&[]);
                // Until its first error a sequence is right, and the given history is what the model said itself.
                let right = scores.argmax(-1, false).eq_tensor(&outputs).to_kind(Kind::Float).cumprod(1, Kind::Float);
                coarse += right.select(1, -1).sum(Kind::Double).double_value(&[]);
                fine += right.mean_dim(1, false, Kind::Double).sum(Kind::Double).double_value(&[]);
                symbols += outputs.numel();
                sequences += outputs.size()[0] as usize;
            }
        });
        let count = sequences as f64;
        Accuracy { coarse: coarse / count, fine: fine / count, loss: cost / symbols as f64 }
    }

    /// Whether the paper finds this memory to solve this problem at every length.
    fn solves(&self) -> bool {
        let TransductionModelRecipe::StackQueue(model) = self.recipe.model else { return false };
        matches!(
            (self.recipe.problem, model.kind),
            (TransductionProblem::Copy, StackQueueKind::Queue | StackQueueKind::Deque)
                | (TransductionProblem::Reverse, StackQueueKind::Stack | StackQueueKind::Deque)
        )
    }

    /// Coarse and fine accuracy at lengths 65 to 128 (table 1 of the paper).
    fn paper(&self) -> &'static str {
        use TransductionProblem::{BigramFlip, Copy, Reverse};
        match (self.recipe.problem, self.recipe.model) {
            (Copy, TransductionModelRecipe::Lstm(_)) => "0.01 and 0.50",
            (Reverse, TransductionModelRecipe::Lstm(_)) => "0.04 and 0.13",
            (BigramFlip, TransductionModelRecipe::Lstm(_)) => "0.02 and 0.52",
            (problem, TransductionModelRecipe::StackQueue(model)) => match (problem, model.kind) {
                (Copy, StackQueueKind::Queue | StackQueueKind::Deque)
                | (Reverse, StackQueueKind::Stack | StackQueueKind::Deque) => "1 and 1",
                (Copy, StackQueueKind::Stack) => "0.00 and 0.22",
                (Reverse, StackQueueKind::Queue) => "0.00 and 0.01",
                (BigramFlip, StackQueueKind::Stack) => "0.00 and 0.48",
                (BigramFlip, StackQueueKind::Queue) => "0.55 and 0.98",
                (BigramFlip, StackQueueKind::Deque) => "0.53 and 0.98",
            },
        }
    }
}

impl Study for TransductionTask {
    type Recipe = TransductionRecipe;
    type Batch = u64;

    fn make_model(recipe: &TransductionRecipe, store: &Parameters) -> Result<()> {
        Self::model(recipe, store);
        Ok(())
    }

    fn new(recipe: &TransductionRecipe, seed: u64, device: Device) -> Result<Self> {
        let parameters = Parameters::new(seed, device);
        let model = Self::model(recipe, &parameters);
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
        let model = match self.recipe.model {
            TransductionModelRecipe::StackQueue(model) => {
                format!("an LSTM of {} with a {:?}", model.hidden, model.kind).to_lowercase()
            }
            TransductionModelRecipe::Lstm(model) => format!("{} LSTM layers of {}", model.layers, model.hidden),
        };
        format!("{model} learns {} symbols: {:?}", self.recipe.symbols, self.recipe.problem)
    }

    fn pictures(&self, directory: &Path) -> Result<()> {
        pictures::draw(self, directory)
    }

    fn examine(&self, folder: &Path) -> Result<Vec<Finding>> {
        pictures::draw(self, folder)?;
        let TransductionRecipe { shortest, longest, tested, .. } = self.recipe;
        let seen = self.accuracy(shortest, longest, tested, TEST);
        let longer = self.accuracy(longest + 1, 2 * longest, tested, TEST);
        let of = |what: &str, from: usize, to: usize| format!("{what} accuracy, length {from} to {to}");
        let coarse = Finding::new(of("coarse", longest + 1, 2 * longest), longer.coarse).paper(self.paper());
        Ok(vec![
            Finding::new(of("coarse", shortest, longest), seen.coarse),
            Finding::new(of("fine", shortest, longest), seen.fine),
            if self.solves() { coarse.aim(Aim::AtLeast(1.0)) } else { coarse },
            Finding::new(of("fine", longest + 1, 2 * longest), longer.fine),
        ])
    }
}
