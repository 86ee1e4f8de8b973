//! The model with its data.

use tch::{Kind, Tensor, no_grad};

use super::problem::{Retrieval, draw};
use crate::nn::Parameters;
use crate::recipe::RetrievalRecipe;
use crate::studies::random::RandomGenerator;
use crate::studies::sequences::SymbolModel;

/// Sequences that are tested at once.
const AT_ONCE: usize = 500;

/// A model of sequences with what generates them.
pub struct RetrievalTask {
    pub(super) recipe: RetrievalRecipe,
    pub(super) model: SymbolModel,
    pub(super) parameters: Parameters,
    pub(super) seed: u64,
}

impl RetrievalTask {
    /// `count` sequences of so many pairs: ids [B, T], and the digits asked for [B].
    pub(super) fn draw(&self, pairs: usize, count: usize, random: &mut RandomGenerator) -> (Tensor, Tensor) {
        let drawn: Vec<Retrieval> = (0..count).map(|_| draw(pairs, random)).collect();
        let inputs: Vec<i64> = drawn.iter().flat_map(|one| one.inputs.iter().copied()).collect();
        let answers: Vec<i64> = drawn.iter().map(|one| one.answer).collect();
        let device = self.parameters.device();
        (Tensor::from_slice(&inputs).view([count as i64, -1]).to_device(device), Tensor::from_slice(&answers).to_device(device))
    }

    /// Scores [B, V] of the answer to ids [B, T].
    pub(super) fn scores(&self, inputs: &Tensor) -> Tensor {
        self.model.answer(inputs, 1).0.squeeze_dim(1)
    }

    /// Summed cost in nats.
    pub(super) fn cost(&self, scores: &Tensor, answers: &Tensor) -> Tensor {
        scores.cross_entropy_loss::<Tensor>(answers, None, tch::Reduction::Sum, -100, 0.0)
    }

    /// Nats an answer, and the share of wrong ones, on `tested` sequences.
    pub(super) fn test(&self, pairs: usize, set: u64) -> (f64, f64) {
        let (mut cost, mut wrong, mut count) = (0.0, 0.0, 0);
        let mut random = RandomGenerator::new(self.seed ^ set, pairs as u64);
        no_grad(|| {
            while count < self.recipe.tested {
                let now = AT_ONCE.min(self.recipe.tested - count);
                let (inputs, answers) = self.draw(pairs, now, &mut random);
                let scores = self.scores(&inputs); // [B, V]
                cost += self.cost(&scores, &answers).double_value(&[]);
                wrong += scores.argmax(-1, false).ne_tensor(&answers).sum(Kind::Int64).double_value(&[]);
                count += now;
            }
        });
        (cost / count as f64, wrong / count as f64)
    }
}
