//! The answer pointer of Wang and Jiang (2017, section 2.3, the boundary model): where an answer begins, then where it ends.

use anyhow::Result;
use tch::Tensor;

use super::{Pointer, PointerOptions};
use crate::nn::{Cell, CellInitialization, Initialization, Scope};
use crate::recipe::{CellKind, ScoreKind};

/// Points twice (equations 7 to 9 and 12):
///
/// ```text
/// β_k = softmax(v tanh(V H^r + (W^a h^a_{k-1} + b^a) ⊗ e)),   h^a_k = LSTM(H^r β_k, h^a_{k-1}),   h^a_0 = 0
/// ```
///
/// β_1 is p(start), β_2 p(end | start). The LSTM makes one step only, from zeros, so that its recurrent matrix never learns.
pub struct BoundaryPointer {
    pointer: Pointer,
    cell: Cell,
}

impl BoundaryPointer {
    /// For memories [B, P, `memory`], with `hidden` cells and units of the score.
    ///
    /// # Errors
    /// Sizes below 1.
    pub fn new(scope: Scope, memory: i64, hidden: i64, initialization: Initialization) -> Result<Self> {
        let options = PointerOptions { score: ScoreKind::Additive, size: hidden, query: hidden, keys: memory, initialization };
        let start = CellInitialization { input: initialization, recurrent: Initialization::Orthogonal };
        Ok(BoundaryPointer {
            pointer: Pointer::new(scope.sub("pointer"), &options)?,
            cell: Cell::single(&scope.sub("cell"), CellKind::Lstm, memory, hidden, start),
        })
    }

    /// log p(start) and log p(end) [B, P] each, over `memory` [B, P, D] where `keep` [B, P] holds.
    pub fn point(&self, memory: &Tensor, keep: &Tensor) -> [Tensor; 2] {
        let prepared = self.pointer.prepare(memory, keep);
        let state = self.cell.zero_state(memory.size()[0]);
        let starts = self.pointer.log_probabilities(&state.hidden.unsqueeze(1), &prepared); // [B, 1, P]
        let context = starts.exp().to_kind(memory.kind()).matmul(memory).squeeze_dim(1); // [B, D]
        let state = self.cell.stepper(0).step(&self.cell.input_gates(&context), None, &state);
        let ends = self.pointer.log_probabilities(&state.hidden.unsqueeze(1), &prepared);
        [starts.squeeze_dim(1), ends.squeeze_dim(1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Parameters;
    use crate::nn::numerical::{check_gradients, leaf};
    use tch::{Device, Kind};

    #[test]
    fn both_ends_are_distributions_over_what_is_kept() {
        let store = Parameters::double(3);
        let pointer = BoundaryPointer::new(store.root(), 4, 3, Initialization::Uniform(0.8)).unwrap();
        // Not by chance, which tests side by side share.
        let memory = (Tensor::arange(40, (Kind::Double, Device::Cpu)) * 7.0).sin().view([2, 5, 4]) * 2.0;
        let keep = Tensor::from_slice(&[true, true, true, true, true, true, true, false, false, false]).view([2, 5]);
        let [starts, ends] = pointer.point(&memory, &keep).map(|logs| logs.exp());
        for weights in [&starts, &ends] {
            let sums = weights.sum_dim_intlist([-1i64].as_slice(), false, Kind::Double);
            assert!(sums.allclose(&sums.ones_like(), 1e-9, 1e-9, false));
            assert_eq!(weights.get(1).narrow(0, 2, 3).abs().max().double_value(&[]), 0.0);
        }
        assert!(!starts.allclose(&ends, 1e-6, 1e-6, false), "the end is asked for with what the start was");
    }

    #[test]
    fn gradients_are_those_of_differences() {
        tch::manual_seed(2);
        let store = Parameters::double(4);
        let pointer = BoundaryPointer::new(store.root(), 2, 3, Initialization::Uniform(0.8)).unwrap();
        let mut inputs = vec![leaf("memory", &[1, 3, 2])];
        inputs.extend(store.named());
        let memory = inputs[0].1.shallow_clone();
        let keep = Tensor::from_slice(&[true, true, false]).unsqueeze(0);
        check_gradients(&inputs, || {
            let [starts, ends] = pointer.point(&memory, &keep);
            starts.select(1, 0).sum(Kind::Double) + ends.select(1, 1).sum(Kind::Double)
        });
    }
}
