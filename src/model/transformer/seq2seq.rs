//! The Transformer under the house's `Seq2Seq` trait.

use tch::Tensor;

use super::TransformerModel;
use super::decoding::TransformerDecoding;
use super::layers::SourceView;
use crate::batch::Source;
use crate::model::{AllAttention, DecoderOutput, Decoding, OutputLayer, Seq2Seq, WithAttention};
use crate::nn::ForwardContext;

impl Seq2Seq for TransformerModel {
    fn forward(&self, source: &Source, input: &Tensor, pass: &ForwardContext, attention: WithAttention) -> DecoderOutput {
        let view = SourceView { keep: &source.keep, with_attention: attention == WithAttention::Yes, with_self_attention: false };
        self.decode(&self.encode(source, pass), &view, input, pass).0
    }

    fn all_attention(&self, source: &Source, input: &Tensor) -> AllAttention {
        let _guard = tch::no_grad_guard();
        let pass = ForwardContext::evaluation();
        let (memory, encoder) = self.encode_with(source, true, &pass);
        let view = SourceView { keep: &source.keep, with_attention: true, with_self_attention: true };
        let (decoded, decoder) = self.decode(&memory, &view, input, &pass);
        AllAttention {
            encoder: Some(Tensor::stack(&encoder, 1)), // [B, layers, H, S, S]
            decoder: Some(Tensor::stack(&decoder, 1)), // [B, layers, H, T, T]
            cross: decoded.attention,
            tape: None,
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
