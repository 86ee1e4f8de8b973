//! Attention of a sentence to itself by soft parents: the syntactic attention layer of Kim et al. 2017, and simple attention beside it.

use anyhow::{Result, ensure};
use tch::{Kind, Tensor};

use super::parent_marginals;
use crate::nn::{Initialization, Linear, Scope, Weight, masked_softmax};

/// Potentials of arcs, θ_mh = tanh(s·tanh(W₁ x_h + W₂ x_m + b)) (Kim et al. 2017, section 4.1 and appendix A.1).
pub struct Syntactic {
    /// W₁ and b.
    head: Linear,
    /// W₂.
    modifier: Linear,
    /// s [A].
    energy: Weight,
}

/// How potentials become weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parents {
    /// A softmax over every position, each row by itself: simple attention.
    Softmax,
    /// Marginals of projective trees: structured attention.
    Tree,
}

impl Syntactic {
    /// For states of D numbers and a hidden layer of A.
    ///
    /// # Errors
    /// Sizes below 1.
    pub fn new(scope: Scope, states: i64, hidden: i64, initialization: Initialization) -> Result<Self> {
        ensure!(
            states >= 1 && hidden >= 1,
            "syntactic attention needs sizes of 1 or more, found states of {states} and {hidden} hidden"
        );
        Ok(Syntactic {
            head: Linear::new(scope.sub("head"), states, hidden, initialization),
            modifier: Linear::without_bias(scope.sub("modifier"), states, hidden, initialization),
            energy: scope.tensor("energy", &[hidden], initialization),
        })
    }

    /// θ of states [B, S, D]: [B, S, S], rows the modifiers, columns the heads.
    pub fn potentials(&self, states: &Tensor) -> Tensor {
        let hidden = self.modifier.forward(states).unsqueeze(2) + self.head.forward(states).unsqueeze(1);
        hidden.tanh().matmul(&self.energy).tanh()
    }

    /// Weights [B, S, S] of states [B, S, D] with these true lengths: row m says what is the parent of m.
    ///
    /// # Errors
    /// Lengths that do not fit the states.
    pub fn weights(&self, states: &Tensor, lengths: &[i64], parents: Parents) -> Result<Tensor> {
        let potentials = self.potentials(states);
        match parents {
            Parents::Tree => parent_marginals(&potentials, lengths),
            Parents::Softmax => {
                let positions = Tensor::arange(states.size()[1], (Kind::Int64, states.device()));
                let lengths = Tensor::from_slice(lengths).to_device(states.device());
                let keep = positions.unsqueeze(0).lt_tensor(&lengths.unsqueeze(1));
                Ok(masked_softmax(&potentials, &keep.unsqueeze(1)))
            }
        }
    }
}
