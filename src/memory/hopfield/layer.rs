//! The modern network's update as a layer: usable wherever attention is (Ramsauer et al. 2021, section 3).

use anyhow::{Result, ensure};
use tch::Tensor;

use crate::nn::{ForwardContext, Initialization, Linear, Scope, Weight, masked_softmax};

/// Options of a [`HopfieldLayer`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HopfieldOptions {
    /// Size of a state, D'.
    pub state: i64,
    /// Size of a stored pattern, D.
    pub stored: i64,
    /// Size of what comes out.
    pub output: i64,
    /// How many associations are made side by side, H.
    pub heads: i64,
    /// Size of the space that states and patterns meet in, of each head, K.
    pub head_size: i64,
    /// How often a state is updated before it is answered, at least 1. With 1 the layer is multi-head attention.
    pub updates: i64,
    /// β, the inverse temperature of the softmax over patterns, above 0. Nothing: attention's 1/√K.
    pub beta: Option<f64>,
    /// Whether each head learns a β of its own, from that one on.
    pub learned_beta: bool,
    /// Dropout of the weights that the answer is mixed by.
    pub dropout: f64,
    pub initialization: Initialization,
}

/// Associates states with stored patterns: ξ = W_q r and X = W_k y per head, ξ ← Xᵀ softmax(β X ξ) for all updates but the last,
/// and the answer W_o (W_v y)ᵀ softmax(β X ξ) (equation 10, with the value map of attention: W_v stands for their product W_K
/// W_V).
pub struct HopfieldLayer {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    beta: Beta,
    heads: i64,
    updates: i64,
    dropout: f64,
}

enum Beta {
    Given(f64),
    /// ln β [H]: β is above zero by itself.
    Learned(Weight),
}

/// What is worked out once for a memory.
pub struct HopfieldStored {
    /// X [B, H, Z, K], or [1, H, Z, K] for all rows.
    keys: Tensor,
    /// [B, H, Z, K] likewise.
    values: Tensor,
}

/// What came of associating.
pub struct Associated {
    /// [B, Q, output]
    pub answer: Tensor,
    /// Share of each pattern in the answer [B, H, Q, Z], before dropout.
    pub weights: Tensor,
}

impl HopfieldLayer {
    /// With parameters `q_proj`, `k_proj`, `v_proj`, `out_proj` as in multi-head attention, and `log_beta` where β is learned.
    ///
    /// # Errors
    /// A size, head or update count below 1, or a β that is not above 0.
    pub fn new(scope: Scope, options: &HopfieldOptions) -> Result<Self> {
        let HopfieldOptions { state, stored, output, heads, head_size, updates, .. } = *options;
        let counts = [
            ("state", state),
            ("stored", stored),
            ("output", output),
            ("heads", heads),
            ("head_size", head_size),
            ("updates", updates),
        ];
        for (name, found) in counts {
            ensure!(found >= 1, "a Hopfield layer needs {name} of at least 1, found {found}");
        }
        let beta = options.beta.unwrap_or(1.0 / (head_size as f64).sqrt());
        ensure!(
            beta.is_finite() && beta > 0.0,
            "a Hopfield layer needs beta above 0, found {beta}: leave it out for 1/√{head_size}"
        );
        let map = |name: &str, input, output| Linear::new(scope.sub(name), input, output, options.initialization);
        let width = heads * head_size;
        Ok(HopfieldLayer {
            query: map("q_proj", state, width),
            key: map("k_proj", stored, width),
            value: map("v_proj", stored, width),
            output: map("out_proj", width, output),
            beta: if options.learned_beta {
                Beta::Learned(scope.tensor("log_beta", &[heads], Initialization::Constant(beta.ln())))
            } else {
                Beta::Given(beta)
            },
            heads,
            updates,
            dropout: options.dropout,
        })
    }

    /// Once a memory: patterns [B, Z, D].
    pub fn store(&self, patterns: &Tensor) -> HopfieldStored {
        HopfieldStored { keys: self.split(&self.key.forward(patterns)), values: self.split(&self.value.forward(patterns)) }
    }

    /// Associates states [B, Q, D'] with what is stored, as far as `keep` [B, Z] lets them: a state that may attend to nothing
    /// is answered as by patterns of zeros.
    pub fn associate(
        &self,
        states: &Tensor,
        stored: &HopfieldStored,
        keep: Option<&Tensor>,
        pass: &ForwardContext,
    ) -> Associated {
        let keep = keep.map(|keep| keep.unsqueeze(1).unsqueeze(1)); // [B, 1, 1, Z]
        let mut queries = self.split(&self.query.forward(states)); // [B, H, Q, K]
        for _ in 1..self.updates {
            queries = self.weights(&queries, stored, keep.as_ref()).matmul(&stored.keys); // [B, H, Q, K]
        }
        let weights = self.weights(&queries, stored, keep.as_ref()); // [B, H, Q, Z]
        let mixed = pass.dropout(&weights, self.dropout).matmul(&stored.values); // [B, H, Q, K]
        let joined = mixed.transpose(1, 2).flatten(2, 3); // [B, Q, H·K]
        let answer = self.output.forward(&joined); // [B, Q, output]
        Associated { answer, weights }
    }

    /// softmax(β ξ Xᵀ): ξ [B, H, Q, K] to [B, H, Q, Z].
    fn weights(&self, queries: &Tensor, stored: &HopfieldStored, keep: Option<&Tensor>) -> Tensor {
        let scaled = match &self.beta {
            Beta::Given(beta) => queries * *beta,
            Beta::Learned(log_beta) => queries * log_beta.exp().view([-1, 1, 1]), // by [H, 1, 1]
        };
        let energy = scaled.matmul(&stored.keys.transpose(2, 3)); // [B, H, Q, Z]
        match keep {
            Some(keep) => masked_softmax(&energy, keep),
            None => energy.softmax(-1, energy.kind()),
        }
    }

    /// The heads of [B, T, H·K] apart: [B, H, T, K].
    fn split(&self, projected: &Tensor) -> Tensor {
        let size = projected.size();
        projected.view([size[0], size[1], self.heads, size[2] / self.heads]).transpose(1, 2) // [B, H, T, K]
    }
}

/// A layer whose stored patterns are parameters: a table that is looked up by similarity, the same for every row.
pub struct HopfieldMemory {
    layer: HopfieldLayer,
    /// [Z, D]
    patterns: Weight,
}

impl HopfieldMemory {
    /// With `slots` patterns, parameter `patterns` [Z, D], beside those of the layer.
    ///
    /// # Errors
    /// As [`HopfieldLayer::new`]; no slots.
    pub fn new(scope: Scope, options: &HopfieldOptions, slots: i64) -> Result<Self> {
        ensure!(slots >= 1, "a Hopfield memory needs at least 1 slot, found {slots}");
        let patterns = scope.tensor("patterns", &[slots, options.stored], Initialization::Normal(1.0));
        Ok(HopfieldMemory { layer: HopfieldLayer::new(scope, options)?, patterns })
    }

    /// What is stored; again after every change of the parameters.
    pub fn stored(&self) -> HopfieldStored {
        self.layer.store(&self.patterns.unsqueeze(0)) // patterns [1, Z, D]
    }

    /// As [`HopfieldLayer::associate`], with what [`HopfieldMemory::stored`] gave.
    pub fn associate(&self, states: &Tensor, stored: &HopfieldStored, pass: &ForwardContext) -> Associated {
        self.layer.associate(states, stored, None, pass)
    }
}

#[cfg(test)]
mod tests;
