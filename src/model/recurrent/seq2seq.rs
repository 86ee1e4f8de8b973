//! The recurrent models under the house's `Seq2Seq` trait.

use tch::Tensor;

use super::RecurrentModel;
use super::decoding::RecurrentDecoding;
use crate::batch::Source;
use crate::model::{DecoderOutput, Decoding, OutputLayer, Seq2Seq, WithAttention};
use crate::nn::ForwardContext;

impl Seq2Seq for RecurrentModel {
    fn forward(&self, source: &Source, input: &Tensor, pass: &ForwardContext, attention: WithAttention) -> DecoderOutput {
        let (source, start) = self.decoder.start(&self.encode(source, pass));
        let embedded = pass.dropout(&self.target_embedding.forward(input), self.dropout); // [B, T, E]
        let decoded = self.decoder.forward(&source, start, &embedded, pass, attention);
        DecoderOutput { features: pass.dropout(&decoded.features, self.dropout), ..decoded }
    }

    fn start(&self, source: &Source) -> Box<dyn Decoding + '_> {
        Box::new(RecurrentDecoding::start(self, source))
    }

    fn output(&self) -> OutputLayer<'_> {
        OutputLayer { weight: &self.output.weight, bias: self.output.bias.as_deref() }
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        self.parameters.iter().map(|(name, weight)| (name.clone(), weight.shallow_clone())).collect()
    }

    fn attends(&self) -> bool {
        self.decoder.attends()
    }

    fn copies(&self) -> bool {
        self.target_ids.is_some()
    }
}
