//! Normalisation of each vector to a spread of its own.

use tch::Tensor;

use super::{Initialization, Scope, Weight};

/// Keeps the division finite where a vector is constant.
const EPSILON: f64 = 1e-5;

/// What is made even.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormKind {
    /// (x - mean) / √(variance + ε) · `weight` + `bias` (Ba et al. 2016).
    Layer,
    /// x / √(mean of x² + ε) · `weight` (Zhang and Sennrich 2019).
    Rms,
}

/// Over the last dimension; `weight` [D] starts at one, `bias` [D] at zero.
pub struct Norm {
    kind: NormKind,
    weight: Weight,
    bias: Option<Weight>,
}

impl Norm {
    pub fn new(scope: Scope, kind: NormKind, size: i64) -> Self {
        let weight = scope.tensor("weight", &[size], Initialization::Constant(1.0));
        let bias = (kind == NormKind::Layer).then(|| scope.tensor("bias", &[size], Initialization::Constant(0.0)));
        Norm { kind, weight, bias }
    }

    /// [.., D] to [.., D].
    pub fn forward(&self, input: &Tensor) -> Tensor {
        let size = self.weight.size();
        match self.kind {
            NormKind::Layer => input.layer_norm(size, Some(&*self.weight), self.bias.as_deref(), EPSILON, true),
            NormKind::Rms => input.rms_norm(size, Some(&*self.weight), EPSILON),
        }
    }
}
