//! The whole Transformer under the house's `Seq2Seq` trait.

use tch::Tensor;

use super::cache::KeysAndValues;
use super::decoding::TransformerDecoding;
use super::embedding::{InputEmbedding, TokenPositions};
use super::layers::{DecoderLayer, EncoderLayer, SourceView};
use crate::batch::Source;
use crate::model::{DecoderOutput, Decoding, OutputLayer, Seq2Seq, WithAttention};
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

impl Seq2Seq for TransformerModel {
    fn forward(&self, source: &Source, input: &Tensor, pass: &ForwardContext, attention: WithAttention) -> DecoderOutput {
        let memory = self.encode(source, pass); // [B, S, D]
        // All layers' before the first layer: so gradients of the encoder's output are summed in one order.
        let memories: Vec<KeysAndValues> = self
            .decoder
            .iter()
            .map(|layer| {
                let (keys, values) = layer.cross_attention.keys_and_values(&memory); // [B, S, D] each
                KeysAndValues { keys, values }
            })
            .collect();
        let mut states = self.target.forward(input, TokenPositions::All, pass); // [B, T, D]
        let rotation = self.decoder_rotation(0, input.size()[1]);
        let view = SourceView { keep: &source.keep, with_attention: attention == WithAttention::Yes };
        let mut weights = Vec::new();
        for (layer, memory) in self.decoder.iter().zip(&memories) {
            let (output, layer_weights) = layer.forward(&states, memory, &view, rotation.as_ref(), pass); // [B, T, D], [B, H, T, S]
            states = output;
            weights.extend(layer_weights);
        }
        DecoderOutput {
            features: self.normalised(states),
            attention: view.with_attention.then(|| Tensor::stack(&weights, 1)), // [B, layers, H, T, S]
            sampled: None,
            copied: None,
        }
    }

    fn start(&self, source: &Source) -> Box<dyn Decoding + '_> {
        Box::new(TransformerDecoding::start(self, source))
    }

    fn output(&self) -> OutputLayer<'_> {
        OutputLayer { weight: &self.output, bias: Some(&self.output_bias) }
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        self.parameters.iter().map(|(name, weight)| (name.clone(), weight.shallow_clone())).collect()
    }

    fn attends(&self) -> bool {
        true
    }
}
