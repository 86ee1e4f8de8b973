//! Hebbian fast weights: a short-term memory beside a recurrent cell's slow weights (Ba et al. 2016).

use anyhow::{Result, ensure};
use tch::Tensor;

use crate::nn::{Initialization, Linear, Norm, Scope, Weight};
use crate::recipe::Normalization;

/// Options of a [`FastWeightCell`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FastWeightOptions {
    /// Size of an input, I.
    pub input: i64,
    /// Size of the state, N.
    pub hidden: i64,
    /// Steps of the inner loop, in which the fast weights act on the next state, at least 1: S of the paper, which uses 1.
    pub inner_steps: i64,
    /// λ, what a step leaves of the fast weights, above 0 and below 1: 0.95 in the paper.
    pub decay: f64,
    /// η, what the newest state adds, above 0: 0.5 in the paper.
    pub rate: f64,
    /// Whether λ and η are learned by gradient from there on, rather than given as a rule.
    pub learned: bool,
    pub initialization: Initialization,
}

/// A recurrent cell that attends to its own recent states:
///
/// A(t) = λ A(t-1) + η h(t) h(t)ᵀ (equation 1), h₀(t+1) = f(a), h_{s+1}(t+1) = f(LN(a + A(t) h_s(t+1))) with a = W h(t) + C
/// x(t+1) + b (equation 2, layer normalisation as in section 3.2), f = ReLU.
pub struct FastWeightCell {
    /// W [N, N]
    recurrent: Linear,
    /// C [N, I] and b
    input: Linear,
    norm: Norm,
    strength: Strength,
    hidden: i64,
    inner_steps: i64,
}

/// λ and η.
enum Strength {
    Given {
        decay: f64,
        rate: f64,
    },
    /// logit(λ) and ln η, one number each, so that no gradient leads out of where they make sense.
    Learned {
        decay: Weight,
        rate: Weight,
    },
}

/// State of a cell: hidden state and fast weights.
pub struct FastWeightState {
    /// h [B, N]
    pub hidden: Tensor,
    /// A [B, N, N]
    pub fast: Tensor,
}

/// A sequence that was run through a cell.
pub struct FastWeightRun {
    /// h [B, T, N]
    pub states: Tensor,
    /// What the fast weights were asked with at each step [B, T, N].
    pub queries: Tensor,
    /// The state after the last step.
    pub end: FastWeightState,
}

impl FastWeightCell {
    /// With parameters `recurrent`, `input`, `norm`, and `decay` and `rate` where they are learned.
    ///
    /// # Errors
    /// A size or count below 1, a decay outside of 0 to 1, or a rate that is not above 0.
    pub fn new(scope: Scope, options: &FastWeightOptions) -> Result<Self> {
        let FastWeightOptions { input, hidden, inner_steps, decay, rate, .. } = *options;
        for (name, found) in [("input", input), ("hidden", hidden), ("inner_steps", inner_steps)] {
            ensure!(found >= 1, "a cell with fast weights needs {name} of at least 1, found {found}");
        }
        ensure!(decay > 0.0 && decay < 1.0, "a cell with fast weights needs a decay between 0 and 1, found {decay}");
        ensure!(rate.is_finite() && rate > 0.0, "a cell with fast weights needs a rate above 0, found {rate}");
        let one = |name: &str, value: f64| scope.tensor(name, &[1], Initialization::Constant(value));
        Ok(FastWeightCell {
            recurrent: Linear::without_bias(scope.sub("recurrent"), hidden, hidden, options.initialization),
            input: Linear::new(scope.sub("input"), input, hidden, options.initialization),
            norm: Norm::new(scope.sub("norm"), Normalization::Layer, hidden),
            strength: if options.learned {
                Strength::Learned { decay: one("decay", (decay / (1.0 - decay)).ln()), rate: one("rate", rate.ln()) }
            } else {
                Strength::Given { decay, rate }
            },
            hidden,
            inner_steps,
        })
    }

    /// All zeros for `rows` rows.
    pub fn zero_state(&self, rows: i64) -> FastWeightState {
        let like = &self.recurrent.weight;
        let zeros = |size: &[i64]| Tensor::zeros(size, (like.kind(), like.device()));
        FastWeightState { hidden: zeros(&[rows, self.hidden]), fast: zeros(&[rows, self.hidden, self.hidden]) }
    }

    /// A whole sequence [B, T, I].
    pub fn run(&self, input: &Tensor, state: FastWeightState) -> FastWeightRun {
        let from_input = self.input.forward(input); // [B, T, N]
        let mut state = state;
        let (mut states, mut queries) = (Vec::new(), Vec::new());
        for step in 0..input.size()[1] {
            let (next, query) = self.advance(&from_input.select(1, step), &state);
            state = next;
            states.push(state.hidden.shallow_clone());
            queries.push(query);
        }
        FastWeightRun { states: Tensor::stack(&states, 1), queries: Tensor::stack(&queries, 1), end: state } // [B, T, N]
    }

    /// What each step of a run that began with no fast weights read of each earlier state: η λ^(t-1-τ) (h(τ)·q(t)) for τ < t, [B, T, T]
    /// (equation 4 of the paper).
    pub fn attention(&self, run: &FastWeightRun) -> Tensor {
        let (kind, device, steps) = (run.states.kind(), run.states.device(), run.states.size()[1]);
        let (decay, rate) = match &self.strength {
            Strength::Given { decay, rate } => (*decay, *rate),
            Strength::Learned { decay, rate } => (decay.sigmoid().double_value(&[0]), rate.exp().double_value(&[0])),
        };
        let step = Tensor::arange(steps, (kind, device));
        let age = step.unsqueeze(1) - step.unsqueeze(0) - 1.0; // [T, T]
        let left = (age * decay.ln()).exp().tril(-1) * rate; // [T, T]
        run.queries.bmm(&run.states.transpose(1, 2)) * left // [B, T, T]
    }

    /// `from_input` C x + b [B, N] to the next state, and the last q = h_s that the fast weights were asked with [B, N].
    fn advance(&self, from_input: &Tensor, state: &FastWeightState) -> (FastWeightState, Tensor) {
        let slow = self.recurrent.forward(&state.hidden) + from_input; // a [B, N]
        let mut hidden = slow.relu();
        let mut query = hidden.shallow_clone();
        for _ in 0..self.inner_steps {
            query = hidden;
            let fast = state.fast.matmul(&query.unsqueeze(2)).squeeze_dim(2); // A q [B, N]
            hidden = self.norm.forward(&(&slow + fast)).relu();
        }
        let outer = hidden.unsqueeze(2) * hidden.unsqueeze(1); // h hᵀ [B, N, N]
        let fast = match &self.strength {
            Strength::Given { decay, rate } => &state.fast * *decay + outer * *rate,
            Strength::Learned { decay, rate } => &state.fast * decay.sigmoid() + outer * rate.exp(),
        };
        (FastWeightState { hidden, fast }, query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Parameters;
    use crate::nn::numerical::{check_gradients, leaf};
    use tch::{Device, Kind};

    fn options() -> FastWeightOptions {
        FastWeightOptions {
            input: 3,
            hidden: 5,
            inner_steps: 2,
            decay: 0.9,
            rate: 0.5,
            learned: false,
            initialization: Initialization::Xavier { gain: 1.0 },
        }
    }

    fn cell(options: FastWeightOptions) -> (Parameters, FastWeightCell) {
        let store = Parameters::double(2);
        let cell = FastWeightCell::new(store.root(), &options).unwrap();
        (store, cell)
    }

    /// One step: input x [B, I] and the state before it to the state after it.
    fn step(cell: &FastWeightCell, input: &Tensor, state: &FastWeightState) -> FastWeightState {
        cell.advance(&cell.input.forward(input), state).0
    }

    fn input(steps: i64) -> Tensor {
        tch::manual_seed(1);
        Tensor::randn([2, steps, 3], (Kind::Double, Device::Cpu))
    }

    #[test]
    fn fast_weights_are_attention_to_the_recent_past() {
        let (_, cell) = cell(options());
        let FastWeightRun { states, end, .. } = cell.run(&input(6), cell.zero_state(2));
        // A(T) q = η Σ λ^(T-t) (h(t)·q) h(t) (equation 4): attention without a softmax, which decays with age.
        let query = Tensor::randn([2, 5], (Kind::Double, Device::Cpu));
        let read = end.fast.matmul(&query.unsqueeze(2)).squeeze_dim(2);
        let ages = Tensor::arange_start_step(5, -1, -1, (Kind::Double, Device::Cpu));
        let decay = (ages * 0.9f64.ln()).exp() * 0.5;
        let weights = states.matmul(&query.unsqueeze(2)).squeeze_dim(2) * decay;
        let expected = weights.unsqueeze(1).matmul(&states).squeeze_dim(1);
        assert!(read.allclose(&expected, 1e-10, 1e-12, false));
    }

    #[test]
    fn attention_is_what_the_fast_weights_give() {
        let (_, cell) = cell(options());
        let run = cell.run(&input(6), cell.zero_state(2));
        let before = cell.run(&input(6).narrow(1, 0, 5), cell.zero_state(2)).end.fast;
        let read = before.matmul(&run.queries.select(1, 5).unsqueeze(2)).squeeze_dim(2); // A(5) q(6)
        let weights = cell.attention(&run);
        assert!(weights.select(1, 5).unsqueeze(1).bmm(&run.states).squeeze_dim(1).allclose(&read, 1e-10, 1e-12, false));
        assert_eq!(weights.triu(0).abs().sum(Kind::Double).double_value(&[]), 0.0, "nothing of what is still to come");
    }

    #[test]
    fn a_sequence_is_its_steps() {
        let (_, cell) = cell(options());
        let input = input(4);
        let FastWeightRun { states, end, .. } = cell.run(&input, cell.zero_state(2));
        let mut state = cell.zero_state(2);
        for at in 0..4 {
            state = step(&cell, &input.select(1, at), &state);
            assert!(state.hidden.allclose(&states.select(1, at), 1e-12, 1e-14, false));
        }
        assert!(state.fast.allclose(&end.fast, 1e-12, 1e-14, false));
        // Rows are independent of each other.
        let alone = cell.run(&input.narrow(0, 1, 1), cell.zero_state(1)).states;
        assert!(alone.get(0).allclose(&states.get(1), 1e-12, 1e-14, false));
    }

    #[test]
    fn a_state_is_attracted_to_recent_states() {
        // What a ReLU network saw a step ago has the larger share the stronger the fast weights are.
        let likeness = |rate| {
            let (_, cell) = cell(FastWeightOptions { rate, ..options() });
            let first = step(&cell, &input(1).select(1, 0), &cell.zero_state(2));
            let second = step(&cell, &(input(1).select(1, 0) * 0.3), &first);
            Tensor::cosine_similarity(&second.hidden, &first.hidden, 1, 1e-9).mean(Kind::Double).double_value(&[])
        };
        assert!(likeness(5.0) > likeness(1e-6));
    }

    #[test]
    fn gradients_are_right_given_and_learned() {
        for learned in [false, true] {
            let (store, cell) = cell(FastWeightOptions { learned, ..options() });
            let mut inputs = store.named();
            assert_eq!(inputs.iter().any(|(name, _)| name == "decay"), learned);
            tch::manual_seed(7);
            inputs.push(leaf("input", &[2, 4, 3]));
            let input = inputs.last().expect("just pushed").1.shallow_clone();
            check_gradients(&inputs, || {
                let FastWeightRun { states, end, .. } = cell.run(&input, cell.zero_state(2));
                states.sin().sum(Kind::Double) + end.fast.tanh().sum(Kind::Double)
            });
        }
    }

    #[test]
    fn learned_strengths_start_at_the_given_ones() {
        let [(_, given), (_, learned)] = [false, true].map(|learned| cell(FastWeightOptions { learned, ..options() }));
        let [one, other] = [&given, &learned].map(|cell| cell.run(&input(5), cell.zero_state(2)).end.fast);
        assert!(one.allclose(&other, 1e-5, 1e-7, false));
    }

    #[test]
    fn numbers_that_cannot_work_are_named() {
        let error = |options| FastWeightCell::new(Parameters::double(1).root(), &options).err().unwrap().to_string();
        assert_eq!(
            error(FastWeightOptions { inner_steps: 0, ..options() }),
            "a cell with fast weights needs inner_steps of at least 1, found 0"
        );
        assert!(error(FastWeightOptions { decay: 1.0, ..options() }).contains("between 0 and 1, found 1"));
        assert!(error(FastWeightOptions { rate: f64::NAN, ..options() }).contains("above 0, found NaN"));
    }
}
