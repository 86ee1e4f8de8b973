//! The whole Transformer.

use tch::Tensor;

use super::embedding::{InputEmbedding, TokenPositions};
use super::layers::{DecoderLayer, EncoderLayer};
use crate::batch::Source;
use crate::nn::{ForwardContext, Norm, Rotation, Weight};

/// An encoder-decoder of attention layers (Vaswani et al. 2017).
pub struct TransformerModel {
    pub(super) parameters: Vec<(String, Weight)>,
    pub(super) source: InputEmbedding,
    pub(super) target: InputEmbedding,
    pub(super) encoder: Vec<EncoderLayer>,
    pub(super) encoder_norm: Option<Norm>,
    pub(super) decoder: Vec<DecoderLayer>,
    pub(super) decoder_norm: Option<Norm>,
    /// [V, D]
    pub(super) output: Weight,
    /// [V]
    pub(super) output_bias: Weight,
    /// Numbers a head when positions are rotary: encoder's, decoder's.
    pub(super) rotary: Option<(i64, i64)>,
}

impl TransformerModel {
    /// The encoder's output [B, S, D].
    pub(super) fn encode(&self, source: &Source, pass: &ForwardContext) -> Tensor {
        let mut states = self.source.forward(&source.ids, TokenPositions::All, pass); // [B, S, D]
        let rotation = self.rotary.map(|(size, _)| Rotation::new(0, states.size()[1], size, states.device()));
        for layer in &self.encoder {
            states = layer.forward(&states, &source.keep, rotation.as_ref(), pass);
        }
        match &self.encoder_norm {
            Some(norm) => norm.forward(&states),
            None => states,
        }
    }

    /// What leaves the decoder's layers, normalised where they are pre-norm.
    pub(super) fn normalised(&self, output: Tensor) -> Tensor {
        match &self.decoder_norm {
            Some(norm) => norm.forward(&output),
            None => output,
        }
    }

    /// Of `length` positions from `start` on, when positions are rotary.
    pub(super) fn decoder_rotation(&self, start: i64, length: i64) -> Option<Rotation> {
        self.rotary.map(|(_, size)| Rotation::new(start, length, size, self.output.device()))
    }
}
