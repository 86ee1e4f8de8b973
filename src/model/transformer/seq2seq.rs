//! The Transformer under the house's `Seq2Seq` trait.

use tch::Tensor;

use super::TransformerModel;
use super::cache::KeysAndValues;
use super::decoding::TransformerDecoding;
use super::embedding::TokenPositions;
use super::layers::SourceView;
use crate::batch::Source;
use crate::model::{DecoderOutput, Decoding, OutputLayer, Seq2Seq, WithAttention};
use crate::nn::ForwardContext;

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
