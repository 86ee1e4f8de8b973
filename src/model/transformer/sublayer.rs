//! What stands around each part of a layer, and the feed-forward part.

use tch::Tensor;

use crate::nn::{ForwardContext, Initialization, Linear, Norm, Scope};
use crate::recipe::{Activation, NormPlace};

/// Residual connection, normalisation and dropout around a sublayer.
pub(super) struct Residual {
    pub norm: Norm,
    pub place: NormPlace,
    pub dropout: f64,
}

impl Residual {
    /// x + f(norm(x)), or norm(x + f(x)).
    pub fn around(&self, input: &Tensor, pass: &ForwardContext, sublayer: impl FnOnce(&Tensor) -> Tensor) -> Tensor {
        match self.place {
            NormPlace::Pre => pass.add_dropped(input, &sublayer(&self.norm.forward(input)), self.dropout),
            NormPlace::Post => self.norm.forward(&pass.add_dropped(input, &sublayer(input), self.dropout)),
        }
    }
}

/// W₂ act(W₁ x + b₁) + b₂ (Vaswani et al. 2017, equation 2), or gated W₂ (act(W₁ x) ⊙ W₃ x) (Shazeer 2020): `fc1`, `fc2`, `fc_gate`.
pub(super) struct FeedForward {
    inner: Linear,
    gate: Option<Linear>,
    outer: Linear,
    activation: Activation,
    dropout: f64,
}

impl FeedForward {
    pub fn new(scope: &Scope, sizes: (i64, i64), activation: Activation, gated: bool, dropout: f64, gain: f64) -> Self {
        let (outside, inside) = sizes;
        let map = |name: &str, from, to| Linear::new(scope.sub(name), from, to, Initialization::Xavier { gain });
        FeedForward {
            inner: map("fc1", outside, inside),
            gate: gated.then(|| map("fc_gate", outside, inside)),
            outer: map("fc2", inside, outside),
            activation,
            dropout,
        }
    }

    /// [.., D] to [.., D].
    pub fn forward(&self, input: &Tensor, pass: &ForwardContext) -> Tensor {
        let inner = self.inner.forward(input);
        let active = match self.activation {
            Activation::Relu => inner.relu(),
            Activation::Gelu => inner.gelu("none"),
            Activation::Silu => inner.silu(),
        };
        let active = match &self.gate {
            Some(gate) => active * gate.forward(input),
            None => active,
        };
        self.outer.forward(&pass.dropout(&active, self.dropout))
    }
}
