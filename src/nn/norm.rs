//! Normalisation of each vector to a spread of its own.

use tch::Tensor;

use super::{Initialization, Scope, Weight};
use crate::recipe::Normalization;

/// Keeps the division finite where a vector is constant.
const EPSILON: f64 = 1e-5;

/// Over the last dimension; `weight` [D] starts at one, `bias` [D] at zero.
pub struct Norm {
    kind: Normalization,
    weight: Weight,
    bias: Option<Weight>,
}

impl Norm {
    pub fn new(scope: Scope, kind: Normalization, size: i64) -> Self {
        let weight = scope.tensor("weight", &[size], Initialization::Constant(1.0));
        let bias = (kind == Normalization::Layer).then(|| scope.tensor("bias", &[size], Initialization::Constant(0.0)));
        Norm { kind, weight, bias }
    }

    /// [.., D] to [.., D].
    pub fn forward(&self, input: &Tensor) -> Tensor {
        let size = self.weight.size();
        match self.kind {
            Normalization::Layer => input.layer_norm(size, Some(&*self.weight), self.bias.as_deref(), EPSILON, true),
            Normalization::Rms => input.rms_norm(size, Some(&*self.weight), EPSILON),
        }
    }
}
