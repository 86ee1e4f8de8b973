//! The whole Transformer.

use tch::Tensor;

use super::cache::KeysAndValues;
use super::embedding::{InputEmbedding, TokenPositions};
use super::layers::{DecoderLayer, EncoderLayer, SourceView};
use crate::batch::Source;
use crate::model::DecoderOutput;
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
        self.encode_with(source, false, pass).0
    }

    /// The same, and weights [B, H, S, S] of each layer when wanted.
    pub(super) fn encode_with(&self, source: &Source, with_attention: bool, pass: &ForwardContext) -> (Tensor, Vec<Tensor>) {
        let mut states = self.source.forward(&source.ids, TokenPositions::All, pass); // [B, S, D]
        let rotation = self.rotary.map(|(size, _)| Rotation::new(0, states.size()[1], size, states.device()));
        let mut weights = Vec::new();
        for layer in &self.encoder {
            let (output, layer_weights) = layer.forward(&states, &source.keep, rotation.as_ref(), with_attention, pass); // [B, S, D], [B, H, S, S]
            states = output;
            weights.extend(layer_weights);
        }
        let states = self.encoder_norm.as_ref().map_or(states.shallow_clone(), |norm| norm.forward(&states));
        (states, weights)
    }

    /// The decoder over all positions of `input` [B, T], from the encoder's output [B, S, D]; and weights [B, H, T, T] of each layer's
    /// self-attention when wanted.
    pub(super) fn decode(
        &self,
        memory: &Tensor,
        source: &SourceView,
        input: &Tensor,
        pass: &ForwardContext,
    ) -> (DecoderOutput, Vec<Tensor>) {
        // All layers' before the first layer: so gradients of the encoder's output are summed in one order.
        let memories: Vec<KeysAndValues> = self
            .decoder
            .iter()
            .map(|layer| {
                let (keys, values) = layer.cross_attention.keys_and_values(memory); // [B, S, D] each
                KeysAndValues { keys, values }
            })
            .collect();
        let mut states = self.target.forward(input, TokenPositions::All, pass); // [B, T, D]
        let rotation = self.decoder_rotation(0, input.size()[1]);
        let (mut self_weights, mut cross_weights) = (Vec::new(), Vec::new());
        for (layer, memory) in self.decoder.iter().zip(&memories) {
            let output = layer.forward(&states, memory, source, rotation.as_ref(), pass);
            states = output.states; // [B, T, D]
            self_weights.extend(output.self_attention); // [B, H, T, T]
            cross_weights.extend(output.cross_attention); // [B, H, T, S]
        }
        let decoded = DecoderOutput {
            features: self.normalised(states),
            attention: source.with_attention.then(|| Tensor::stack(&cross_weights, 1)), // [B, layers, H, T, S]
            sampled: None,
            copied: None,
        };
        (decoded, self_weights)
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
