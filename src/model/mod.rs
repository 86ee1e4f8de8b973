//! What search, training and alignment know of a model: the [`Seq2Seq`] trait. The only match over architectures is in `build`.

mod build;
mod decoding;
pub mod recurrent;
pub mod transformer;

pub use build::{ParameterShapes, Vocabularies, build, parameter_shapes};
pub use decoding::{Decoding, NextTokenScores, OutputLayer, StepOutput};

use tch::Tensor;

use crate::attention::Copied;
use crate::attention::hard::Sampled;
use crate::batch::Source;
use crate::memory::Weightings;
use crate::nn::ForwardContext;

/// A model from source ids to target ids that shows what it attends to. Threads may use one together.
pub trait Seq2Seq: Send + Sync {
    /// Teacher forcing: encoder and decoder over whole sentences. `input` [B, T] starts with BOS; row t of the result predicts the token after
    /// it.
    fn forward(&self, source: &Source, input: &Tensor, pass: &ForwardContext, attention: WithAttention) -> DecoderOutput;

    /// Encodes a batch of sources and starts to decode them, step by step.
    fn start(&self, source: &Source) -> Box<dyn Decoding + '_>;

    /// The map from features to logits, apart from `forward` so that a loss can go through it in chunks. Where a model copies, it is not all.
    fn output(&self) -> OutputLayer<'_>;

    /// Scores of the next token [N, V] at rows [N] (int64, counted over [B · T]) of what was decoded, in single precision: logits, or log
    /// probabilities where the model copies.
    fn scores(&self, decoded: &DecoderOutput, rows: &Tensor) -> Tensor {
        let logits = self.output().logits(&decoded.features_at(rows));
        match &decoded.copied {
            None => logits,
            Some(copied) => copied.log_probabilities(&logits, rows),
        }
    }

    /// Every attention that there is, under teacher forcing as in [`Self::forward`], without gradients. Cross-attention alone unless a model has
    /// more.
    fn all_attention(&self, source: &Source, input: &Tensor) -> AllAttention {
        let _guard = tch::no_grad_guard();
        let decoded = self.forward(source, input, &ForwardContext::evaluation(), WithAttention::Yes);
        AllAttention { cross: decoded.attention, ..AllAttention::default() }
    }

    /// Trainable parameters by the names that checkpoints use, in a fixed order; the tensors share storage with the model's.
    fn parameters(&self) -> Vec<(String, Tensor)>;

    /// Whether there is attention to show at all.
    fn attends(&self) -> bool;

    /// Whether words of the source may be copied.
    fn copies(&self) -> bool {
        false
    }
}

/// Whether attention weights are wanted: some kernels give none, so it costs only those who ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithAttention {
    Yes,
    No,
}

/// Weights of all layers and heads. Rows attend to columns; those of padding mean nothing.
#[derive(Default)]
pub struct AllAttention {
    /// Self-attention of the encoder [B, layers, heads, S, S].
    pub encoder: Option<Tensor>,
    /// Self-attention of the decoder [B, layers, heads, T, T]: row t is the step that gives token t, columns are its inputs, BOS first.
    pub decoder: Option<Tensor>,
    /// [B, layers, heads, T, S]
    pub cross: Option<Tensor>,
    /// Of a decoder with a tape where its heads read and write [B, 1, heads, T, Z].
    pub tape: Option<Weightings>,
}

/// Result of [`Seq2Seq::forward`].
pub struct DecoderOutput {
    /// What the output layer reads [B, T, F].
    pub features: Tensor,
    /// Weights [B, layers, heads, T, S], when asked for and the model attends.
    pub attention: Option<Tensor>,
    /// What hard attention drew in training [B, T], or chose.
    pub sampled: Option<Sampled>,
    /// Where the model copies.
    pub copied: Option<Copied>,
}

impl DecoderOutput {
    /// Features [N, F] of rows [N] (int64), counted over [B · T].
    pub fn features_at(&self, rows: &Tensor) -> Tensor {
        let width = *self.features.size().last().expect("features have a size");
        self.features.reshape([-1, width]).index_select(0, rows)
    }
}
