//! The model with its data.

use tch::{Kind, Tensor, no_grad};

use super::problem::Transduction;
use crate::nn::Parameters;
use crate::recipe::{SequenceModelRecipe, StackQueueKind, TransductionProblem, TransductionRecipe};
use crate::studies::random::RandomGenerator;
use crate::studies::sequences::SymbolModel;

/// Sequences of one length that are tested at once.
const AT_ONCE: usize = 20;

/// A model of sequences with what generates them.
pub struct TransductionTask {
    pub(super) recipe: TransductionRecipe,
    pub(super) model: SymbolModel,
    pub(super) parameters: Parameters,
    pub(super) seed: u64,
}

/// How much of a test was right (Grefenstette et al. 2015, section 4.3).
pub(super) struct Accuracy {
    /// Share of sequences without an error.
    pub coarse: f64,
    /// Mean share of a sequence before its first error.
    pub fine: f64,
    /// Nats a symbol.
    pub loss: f64,
}

impl TransductionTask {
    pub(super) fn draw(&self, length: usize, count: usize, random: &mut RandomGenerator) -> (Tensor, Tensor) {
        self.ids(&(0..count).map(|_| self.recipe.draw(length, random)).collect::<Vec<_>>())
    }

    /// Of sequences of one length the ids [B, T] that are read, and [B, L + 1] that are to be predicted.
    pub(super) fn ids(&self, drawn: &[Transduction]) -> (Tensor, Tensor) {
        let tensor = |rows: Vec<&Vec<i64>>| {
            let flat: Vec<i64> = rows.iter().flat_map(|row| row.iter().copied()).collect();
            Tensor::from_slice(&flat).view([rows.len() as i64, -1]).to_device(self.parameters.device())
        };
        (tensor(drawn.iter().map(|pair| &pair.inputs).collect()), tensor(drawn.iter().map(|pair| &pair.outputs).collect()))
    }

    /// Summed cost in nats.
    pub(super) fn cost(&self, scores: &Tensor, outputs: &Tensor) -> Tensor {
        let flat = scores.flatten(0, 1); // [B · (L + 1), V]
        flat.cross_entropy_loss::<Tensor>(&outputs.flatten(0, 1), None, tch::Reduction::Sum, -100, 0.0)
    }

    /// On `count` sequences of these lengths.
    pub(super) fn accuracy(&self, shortest: usize, longest: usize, count: usize, set: u64) -> Accuracy {
        let (mut coarse, mut fine, mut cost, mut symbols, mut sequences) = (0.0, 0.0, 0.0, 0, 0);
        no_grad(|| {
            for number in 0..count.div_ceil(AT_ONCE) {
                let mut random = RandomGenerator::new(self.seed ^ set, number as u64);
                let length = self.recipe.draw_length(shortest, longest, &mut random);
                let (inputs, outputs) = self.draw(length, AT_ONCE.min(count - sequences), &mut random);
                let (scores, _) = self.model.answer(&inputs, outputs.size()[1]); // [B, L + 1, V]
                cost += self.cost(&scores, &outputs).double_value(&[]);
                // Until its first error a sequence is right, and the given prefix is what the model predicted itself.
                let right = scores.argmax(-1, false).eq_tensor(&outputs).to_kind(Kind::Float); // [B, L + 1]
                let right = right.cumprod(1, Kind::Float);
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
    pub(super) fn solves(&self) -> bool {
        let SequenceModelRecipe::StackQueue(model) = self.recipe.model else { return false };
        matches!(
            (self.recipe.problem, model.kind),
            (TransductionProblem::Copy, StackQueueKind::Queue | StackQueueKind::Deque)
                | (TransductionProblem::Reverse, StackQueueKind::Stack | StackQueueKind::Deque)
        )
    }

    /// Coarse and fine accuracy at lengths 65 to 128 (table 1 of the paper).
    pub(super) fn paper(&self) -> &'static str {
        use TransductionProblem::{BigramFlip, Copy, Reverse};
        match (self.recipe.problem, self.recipe.model) {
            (Copy, SequenceModelRecipe::Lstm(_)) => "0.01 and 0.50",
            (Reverse, SequenceModelRecipe::Lstm(_)) => "0.04 and 0.13",
            (BigramFlip, SequenceModelRecipe::Lstm(_)) => "0.02 and 0.52",
            (problem, SequenceModelRecipe::StackQueue(model)) => match (problem, model.kind) {
                (Copy, StackQueueKind::Queue | StackQueueKind::Deque)
                | (Reverse, StackQueueKind::Stack | StackQueueKind::Deque) => "1 and 1",
                (Copy, StackQueueKind::Stack) => "0.00 and 0.22",
                (Reverse, StackQueueKind::Queue) => "0.00 and 0.01",
                (BigramFlip, StackQueueKind::Stack) => "0.00 and 0.48",
                (BigramFlip, StackQueueKind::Queue) => "0.55 and 0.98",
                (BigramFlip, StackQueueKind::Deque) => "0.53 and 0.98",
            },
            _ => "",
        }
    }
}
