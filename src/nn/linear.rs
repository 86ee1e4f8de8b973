//! y = x Wᵀ + b.

use tch::Tensor;

use super::{Initialization, Scope};

/// A linear map, named `weight` [out, in] and `bias` [out] as in PyTorch.
pub struct Linear {
    pub weight: Tensor,
    pub bias: Option<Tensor>,
}

impl Linear {
    /// With a bias that starts at zero.
    pub fn new(scope: Scope, input: i64, output: i64, initialization: Initialization) -> Self {
        let bias = Some(scope.tensor("bias", &[output], Initialization::Constant(0.0)));
        Linear { weight: scope.tensor("weight", &[output, input], initialization), bias }
    }

    /// Without a bias.
    pub fn without_bias(scope: Scope, input: i64, output: i64, initialization: Initialization) -> Self {
        Linear { weight: scope.tensor("weight", &[output, input], initialization), bias: None }
    }

    /// [.., in] to [.., out].
    pub fn forward(&self, input: &Tensor) -> Tensor {
        input.linear(&self.weight, self.bias.as_ref())
    }
}
