//! Attention of one token sequence over one source, for every layer and head.

use tch::{Kind, Tensor};

/// Weights [layers, heads, rows, columns]: rows are target tokens in the order produced, columns source tokens, EOS last on both sides.
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
        TokenAttention { layers: size[0] as usize, heads: size[1] as usize, rows, columns, weights: flat(&weights) }
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

/// The numbers of a tensor on any device, row-major.
pub(super) fn flat(tensor: &Tensor) -> Vec<f32> {
    let tensor = tensor.to_kind(Kind::Float).to_device(tch::Device::Cpu).contiguous().view(-1);
    Vec::try_from(tensor).expect("a flat float tensor is a vector")
}
