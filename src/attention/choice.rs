//! How energies become weights: over the whole source, or in a window.

use anyhow::{Result, ensure};
use tch::{Kind, Tensor};

use super::structured::{chain_marginals, segment_marginals, with_sum};
use super::{AttentionOptions, Prepared, QuerySteps, full_precision};
use crate::nn::{Initialization, Linear, Scope, Weight, masked_softmax};
use crate::recipe::{AttentionRecipe, ChoiceKind};

/// A choice of one's own.
pub trait CustomChoice: Send + Sync {
    /// Energies [B, Q, S] to weights [B, Q, S], which are to be zero where `keep` [B, 1, S] does not hold.
    fn choose(&self, energy: &Tensor, keep: &Tensor) -> Tensor;
}

impl<F: Fn(&Tensor, &Tensor) -> Tensor + Send + Sync> CustomChoice for F {
    fn choose(&self, energy: &Tensor, keep: &Tensor) -> Tensor {
        self(energy, keep)
    }
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
        centre: Weight,
    },
    /// `pairwise` [2, 2]: what it counts to go from one state to another.
    LinearChain {
        pairwise: Weight,
        sum: Option<f64>,
    },
    /// `lengths` [L]: what it counts that a segment has a length.
    Segments {
        lengths: Weight,
        sum: Option<f64>,
    },
    /// Whatever the user makes of it.
    Custom(Box<dyn CustomChoice>),
}

impl Choice {
    /// # Errors
    /// Windows and segments that hold nothing, and sums that cannot be reached.
    pub fn new(scope: &Scope, options: &AttentionOptions) -> Result<Self> {
        let AttentionRecipe { choice, window, sum, .. } = options.recipe;
        match choice {
            ChoiceKind::LocalM | ChoiceKind::LocalP => {
                ensure!(window >= 1, "a window of local attention reaches 1 or more positions to either side, found {window}");
            }
            ChoiceKind::Segments => ensure!(window >= 1, "segments have at most 1 or more positions, found {window}"),
            ChoiceKind::Global | ChoiceKind::LinearChain => {}
        }
        if let Some(sum) = sum {
            ensure!(sum.is_finite() && sum > 0.0, "weights can be scaled to a sum above 0, found {sum}");
        }
        Ok(match choice {
            ChoiceKind::Global => Choice::Global,
            ChoiceKind::LocalM => Choice::LocalMonotonic { window },
            ChoiceKind::LocalP => Choice::LocalPredictive {
                window,
                position: Linear::without_bias(scope.sub("position"), options.query, options.query, options.initialization),
                centre: scope.tensor("centre", &[options.query], options.initialization),
            },
            ChoiceKind::LinearChain => {
                Choice::LinearChain { pairwise: scope.tensor("pairwise", &[2, 2], Initialization::Constant(0.0)), sum }
            }
            ChoiceKind::Segments => {
                Choice::Segments { lengths: scope.tensor("lengths", &[window], Initialization::Constant(0.0)), sum }
            }
        })
    }

    /// A choice of one's own: a function of energies and of what may be attended.
    pub fn custom(choice: impl CustomChoice + 'static) -> Self {
        Choice::Custom(Box::new(choice))
    }

    /// Energies [B, Q, S] of queries [B, Q, D'] to weights [B, Q, S].
    pub(super) fn choose(&self, energy: &Tensor, query: &Tensor, prepared: &Prepared, step: QuerySteps) -> Tensor {
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
                let share = full_precision(&position.forward(query).tanh().matmul(centre)).sigmoid();
                let centre = lengths * share.unsqueeze(-1);
                let distance = positions(energy) - centre;
                let inside = distance.abs().le(*window as f64).logical_and(&keep);
                let deviation = *window as f64 / 2.0;
                let gaussian = (distance.square() * (-0.5 / (deviation * deviation))).exp();
                masked_softmax(energy, &inside) * gaussian
            }
            Choice::LinearChain { pairwise, sum } => scaled(chain_marginals(energy, pairwise, &keep), *sum),
            Choice::Segments { lengths, sum } => scaled(segment_marginals(energy, lengths, &keep).positions, *sum),
            Choice::Custom(choice) => choice.choose(energy, &keep),
        }
    }

    /// p = t, at most the last position of the source [B or 1, Q or 1, 1].
    fn monotonic_centre(&self, energy: &Tensor, prepared: &Prepared, step: QuerySteps) -> Tensor {
        let options = (Kind::Float, energy.device());
        let steps = match step {
            QuerySteps::Same(step) => Tensor::full([1, 1, 1], step as f64, options),
            QuerySteps::From(from) => Tensor::arange_start(from, from + energy.size()[1], options).reshape([1, -1, 1]),
        };
        steps.minimum(&(prepared.lengths.unsqueeze(1) - 1.0))
    }
}

fn scaled(weights: Tensor, sum: Option<f64>) -> Tensor {
    match sum {
        Some(sum) => with_sum(&weights, sum),
        None => weights,
    }
}

/// 0 … S-1 as [1, 1, S].
fn positions(energy: &Tensor) -> Tensor {
    Tensor::arange(energy.size()[2], (Kind::Float, energy.device())).reshape([1, 1, -1])
}
