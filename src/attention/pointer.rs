//! Pointer networks (Vinyals et al. 2015): attention whose weights are the answer.

use anyhow::{Result, ensure};
use tch::Tensor;

use super::{AttentionOptions, Prepared, Score, full_precision};
use crate::nn::{Initialization, Scope, masked_softmax};
use crate::recipe::{AttentionRecipe, ScoreKind};

/// p(C_t = j) = softmax_j(score(d_t, e_j)) (Vinyals et al. 2015, equation 3, with the additive score): a distribution over the positions
/// of the input, however many there are. Nothing is mixed: the weights are the output.
pub struct Pointer {
    score: Score,
}

/// Options of a [`Pointer`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PointerOptions {
    /// The paper's is additive.
    pub score: ScoreKind,
    /// Width of the hidden layer of additive and concat scores.
    pub size: i64,
    /// Size of queries.
    pub query: i64,
    /// Size of keys.
    pub keys: i64,
    pub initialization: Initialization,
}

impl Pointer {
    /// # Errors
    /// Sizes that cannot work, and the location score, which knows no inputs to point at.
    pub fn new(scope: Scope, options: &PointerOptions) -> Result<Self> {
        ensure!(
            options.score != ScoreKind::Location,
            "a pointer needs a score that looks at what it points at; location does not"
        );
        let PointerOptions { score, size, query, keys, initialization } = *options;
        let options = AttentionOptions {
            recipe: AttentionRecipe::of(score, size),
            query,
            keys,
            maximum_length: 1,
            initialization,
            score_initialization: initialization,
            energy_initialization: initialization,
        };
        Ok(Pointer { score: Score::new(&scope, &options)? })
    }

    /// A pointer with any score.
    pub fn of(score: Score) -> Self {
        Pointer { score }
    }

    /// Once an input: `memory` [B, S, D] to point at, where `keep` [B, S] says what is no padding.
    pub fn prepare(&self, memory: &Tensor, keep: &Tensor) -> Prepared {
        let lengths = keep.sum_dim_intlist([-1i64].as_slice(), true, memory.kind());
        Prepared { keys: self.score.prepare(memory), values: memory.shallow_clone(), keep: keep.shallow_clone(), lengths }
    }

    /// log p [B, Q, S] of each position for queries [B, Q, D']; far below any probability where nothing may be pointed at.
    pub fn log_probabilities(&self, query: &Tensor, prepared: &Prepared) -> Tensor {
        self.log_probabilities_among(query, prepared, &prepared.keep.unsqueeze(1))
    }

    /// The same where each query has positions of its own to point at: `keep` [B, Q, S] or what can be broadcast to it.
    pub fn log_probabilities_among(&self, query: &Tensor, prepared: &Prepared, keep: &Tensor) -> Tensor {
        // Finite, so that nothing becomes NaN in a gradient.
        let energy = full_precision(&self.score.energy(query, prepared, None));
        energy.masked_fill(&keep.logical_not(), -1e30).log_softmax(-1, energy.kind())
    }

    /// p [B, Q, S].
    pub fn weights(&self, query: &Tensor, prepared: &Prepared) -> Tensor {
        masked_softmax(&self.score.energy(query, prepared, None), &prepared.keep.unsqueeze(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Parameters;
    use crate::nn::numerical::{check_gradients, leaf};
    use tch::{Device, Kind};

    fn options(score: ScoreKind) -> PointerOptions {
        PointerOptions { score, size: 4, query: 3, keys: 3, initialization: Initialization::Uniform(0.8) }
    }

    /// The first source alone.
    fn prepared_one(prepared: &Prepared) -> Prepared {
        let first = |tensor: &Tensor| tensor.narrow(0, 0, 1);
        Prepared {
            keys: first(&prepared.keys),
            values: first(&prepared.values),
            keep: first(&prepared.keep),
            lengths: first(&prepared.lengths),
        }
    }

    #[test]
    fn points_at_what_is_kept_alone() {
        tch::manual_seed(1);
        let store = Parameters::double(3);
        let keep = Tensor::from_slice(&[true, true, true, true, false, false]).reshape([2, 3]);
        for score in [ScoreKind::Additive, ScoreKind::Dot, ScoreKind::General] {
            let pointer = Pointer::new(store.root().sub(&format!("{score:?}")), &options(score)).unwrap();
            let [query, memory] = [[2, 4, 3], [2, 3, 3]].map(|size| Tensor::randn(size, (Kind::Double, Device::Cpu)));
            let prepared = pointer.prepare(&memory, &keep);
            let (weights, logs) = (pointer.weights(&query, &prepared), pointer.log_probabilities(&query, &prepared));
            assert!(logs.exp().allclose(&weights, 1e-9, 1e-12, false));
            let sums = weights.sum_dim_intlist([-1i64].as_slice(), false, Kind::Double);
            assert!(sums.allclose(&sums.ones_like(), 1e-9, 1e-9, false));
            assert_eq!(weights.get(1).narrow(1, 1, 2).abs().max().double_value(&[]), 0.0);
            // A query of its own choice: the second of four may point at the last position alone, the others as before.
            let each = Tensor::ones([1, 4, 3], (Kind::Bool, Device::Cpu));
            let _ = each.get(0).get(1).narrow(0, 0, 2).fill_(0);
            let among = pointer.log_probabilities_among(&query.narrow(0, 0, 1), &prepared_one(&prepared), &each).exp();
            assert!((among.double_value(&[0, 1, 2]) - 1.0).abs() < 1e-12);
            assert!(among.get(0).get(3).allclose(&weights.get(0).get(3), 1e-9, 1e-12, false));
        }
    }

    #[test]
    fn gradients_are_those_of_differences() {
        tch::manual_seed(2);
        let store = Parameters::double(4);
        let pointer = Pointer::new(store.root(), &options(ScoreKind::Additive)).unwrap();
        let keep = Tensor::from_slice(&[true, true, false]).unsqueeze(0);
        let mut inputs = vec![leaf("query", &[1, 2, 3]), leaf("memory", &[1, 3, 3])];
        inputs.extend(store.named());
        let (query, memory) = (inputs[0].1.shallow_clone(), inputs[1].1.shallow_clone());
        let target = Tensor::from_slice(&[0i64, 1]).reshape([1, 2, 1]);
        check_gradients(&inputs, || {
            let prepared = pointer.prepare(&memory, &keep);
            pointer.log_probabilities(&query, &prepared).gather(2, &target, false).sum(Kind::Double)
        });
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let store = Parameters::double(1);
        let error = |options| Pointer::new(store.root(), &options).map(|_| ()).unwrap_err().to_string();
        assert!(error(options(ScoreKind::Location)).contains("looks at what it points at"));
        assert!(error(PointerOptions { keys: 5, ..options(ScoreKind::Dot) }).contains("found 3 and 5"));
        assert!(error(PointerOptions { size: 0, ..options(ScoreKind::Additive) }).contains("found 0"));
    }
}
