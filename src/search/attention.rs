//! Attention of one token sequence over one source, for every layer and head.

use tch::Tensor;

use crate::kernels::numbers_of;

/// Weights [layers, heads, rows, columns]. Of cross-attention rows are target tokens in the order produced, columns source tokens, EOS last on
/// both sides.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenAttention {
    pub layers: usize,
    pub heads: usize,
    pub rows: usize,
    pub columns: usize,
    /// Row-major.
    pub weights: Vec<f32>,
}

impl TokenAttention {
    /// From [layers, heads, T, S], of which the first `rows` and `columns` are real.
    pub fn from_tensor(weights: &Tensor, rows: usize, columns: usize) -> Self {
        let weights = weights.narrow(2, 0, rows as i64).narrow(3, 0, columns as i64);
        let size = weights.size();
        TokenAttention { layers: size[0] as usize, heads: size[1] as usize, rows, columns, weights: numbers_of(&weights) }
    }

    /// One head of one layer as [rows · columns].
    pub fn head(&self, layer: usize, head: usize) -> &[f32] {
        let size = self.rows * self.columns;
        let start = (layer * self.heads + head) * size;
        &self.weights[start..start + size]
    }

    /// The mean over all layers and heads as [rows · columns].
    pub fn mean(&self) -> Vec<f32> {
        let (size, count) = (self.rows * self.columns, self.layers * self.heads);
        let mut mean = vec![0f32; size];
        for head in self.weights.chunks(size.max(1)) {
            for (sum, weight) in mean.iter_mut().zip(head) {
                *sum += weight / count as f32;
            }
        }
        mean
    }
}

/// Every attention over one pair; none where the model has no such attention.
#[derive(Debug, Clone, PartialEq)]
pub struct PairAttention {
    /// Source tokens, EOS last, attend to themselves.
    pub encoder: Option<TokenAttention>,
    /// Rows are target tokens, EOS last; columns what the decoder read before them, BOS first.
    pub decoder: Option<TokenAttention>,
    pub cross: Option<TokenAttention>,
    /// Rows are target tokens, columns the slots of a tape that is read.
    pub tape_read: Option<TokenAttention>,
    /// The same for heads that write.
    pub tape_write: Option<TokenAttention>,
}

/// Weights of one step for all rows, shared by the hypotheses that go through it.
pub(super) struct StepAttention {
    pub layers: usize,
    pub heads: usize,
    pub columns: usize,
    pub weights: Vec<f32>,
}

impl StepAttention {
    /// From [R, layers, heads, S].
    pub fn new(weights: &Tensor) -> Self {
        let size = weights.size();
        StepAttention {
            layers: size[1] as usize,
            heads: size[2] as usize,
            columns: size[3] as usize,
            weights: numbers_of(weights),
        }
    }
}
