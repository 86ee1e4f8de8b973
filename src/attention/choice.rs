//! How energies become weights: over the whole source, or in a window.

use tch::{Kind, Tensor};

use super::{AttentionOptions, Prepared, Step};
use crate::nn::{Linear, Scope, masked_softmax};

/// The choices of Luong et al. 2015, section 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChoiceKind {
    /// Softmax over every source position.
    Global,
    /// Softmax over the window [p - D, p + D] around the position of the same number, p = t (monotonic). Behind the end of the
    /// source the window stays at its last position, so that it is never empty.
    LocalMonotonic { window: i64 },
    /// Softmax over the window [p - D, p + D] around a predicted position p = S · sigmoid(v·tanh(W q)), S the sentence's own length,
    /// times a Gaussian around p with σ = D / 2 (equations 9 and 10).
    LocalPredictive { window: i64 },
}

/// A choice with its parameters.
pub enum Choice {
    Global,
    LocalMonotonic {
        window: i64,
    },
    /// `position` [D', D'], `centre` [D'].
    LocalPredictive {
        window: i64,
        position: Linear,
        centre: Tensor,
    },
}

impl Choice {
    pub(super) fn new(scope: &Scope, options: &AttentionOptions) -> Self {
        match options.choice {
            ChoiceKind::Global => Choice::Global,
            ChoiceKind::LocalMonotonic { window } => Choice::LocalMonotonic { window },
            ChoiceKind::LocalPredictive { window } => Choice::LocalPredictive {
                window,
                position: Linear::without_bias(scope.sub("position"), options.query, options.query, options.initialization),
                centre: scope.tensor("centre", &[options.query], options.initialization),
            },
        }
    }

    /// Energies [B, Q, S] of queries [B, Q, D'] to weights [B, Q, S].
    pub(super) fn choose(&self, energy: &Tensor, query: &Tensor, prepared: &Prepared, step: Step) -> Tensor {
        let keep = prepared.keep.unsqueeze(1);
        match self {
            Choice::Global => masked_softmax(energy, &keep),
            Choice::LocalMonotonic { window } => {
                let distance = positions(energy) - self.monotonic_centre(energy, prepared, step);
                let inside = distance.abs().le(*window as f64).logical_and(&keep);
                masked_softmax(energy, &inside)
            }
            Choice::LocalPredictive { window, position, centre } => {
                let lengths = prepared.lengths.unsqueeze(1);
                // [B, Q, 1]; half precision could not tell neighbours of a long sentence apart.
                let share = position.forward(query).tanh().matmul(centre).to_kind(Kind::Float).sigmoid();
                let centre = lengths * share.unsqueeze(-1);
                let distance = positions(energy) - centre;
                let inside = distance.abs().le(*window as f64).logical_and(&keep);
                let deviation = *window as f64 / 2.0;
                let gaussian = (distance.square() * (-0.5 / (deviation * deviation))).exp();
                masked_softmax(energy, &inside) * gaussian
            }
        }
    }

    /// p = t, at most the last position of the source [B or 1, Q or 1, 1].
    fn monotonic_centre(&self, energy: &Tensor, prepared: &Prepared, step: Step) -> Tensor {
        let options = (Kind::Float, energy.device());
        let steps = match step {
            Step::Same(step) => Tensor::full([1, 1, 1], step as f64, options),
            Step::From(from) => Tensor::arange_start(from, from + energy.size()[1], options).reshape([1, -1, 1]),
        };
        steps.minimum(&(prepared.lengths.unsqueeze(1) - 1.0))
    }
}

/// 0 … S-1 as [1, 1, S].
fn positions(energy: &Tensor) -> Tensor {
    Tensor::arange(energy.size()[2], (Kind::Float, energy.device())).reshape([1, 1, -1])
}
