//! Rules on the scores of the next token.

use tch::{Kind, Tensor};

/// One rule. Scores [R, V] are log probabilities; minus infinity forbids a token.
pub trait Processor {
    /// `step` tokens were produced so far.
    fn apply(&self, scores: Tensor, step: usize) -> Tensor;
}

/// Tokens that are never produced.
pub struct Suppress {
    ids: Tensor,
}

impl Suppress {
    pub fn new(ids: &[u32], device: tch::Device) -> Self {
        let ids: Vec<i64> = ids.iter().map(|&id| i64::from(id)).collect();
        Suppress { ids: Tensor::from_slice(&ids).to_kind(Kind::Int64).to_device(device) }
    }
}

impl Processor for Suppress {
    fn apply(&self, scores: Tensor, _: usize) -> Tensor {
        scores.index_fill(1, &self.ids, f64::NEG_INFINITY)
    }
}

/// EOS only after this many tokens.
pub struct MinimumLength {
    pub length: usize,
    eos: Suppress,
}

impl MinimumLength {
    pub fn new(length: usize, eos: u32, device: tch::Device) -> Self {
        MinimumLength { length, eos: Suppress::new(&[eos], device) }
    }
}

impl Processor for MinimumLength {
    fn apply(&self, scores: Tensor, step: usize) -> Tensor {
        if step < self.length { self.eos.apply(scores, step) } else { scores }
    }
}
