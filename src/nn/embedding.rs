//! Token ids to vectors.

use tch::Tensor;

use super::{Initialization, Scope, Weight};

/// A table `weight` [V, D]. The row of padding is an ordinary row: nothing that is used ever depends on it.
pub struct Embedding {
    pub weight: Weight,
}

impl Embedding {
    pub fn new(scope: Scope, vocabulary: i64, size: i64, initialization: Initialization) -> Self {
        Embedding { weight: scope.tensor("weight", &[vocabulary, size], initialization) }
    }

    /// The same table under another use (tied embeddings).
    pub fn tied(weight: &Weight) -> Self {
        Embedding { weight: weight.tied() }
    }

    /// Ids [..] to vectors [.., D].
    pub fn forward(&self, ids: &Tensor) -> Tensor {
        Tensor::embedding(&self.weight, ids, -1, false, false)
    }
}
