//! The recurrent models under the house's `Seq2Seq` trait.

use tch::Tensor;

use super::RecurrentModel;
use super::decoding::RecurrentDecoding;
use crate::batch::Source;
use crate::memory::Weightings;
use crate::model::{AllAttention, DecoderOutput, Decoding, OutputLayer, Seq2Seq, WithAttention};
use crate::nn::ForwardContext;

impl Seq2Seq for RecurrentModel {
    fn forward(&self, source: &Source, input: &Tensor, pass: &ForwardContext, attention: WithAttention) -> DecoderOutput {
        let (source, start) = self.decoder.start(&self.encode(source, pass));
        let embedded = pass.dropout(&self.target_embedding.forward(input), self.dropout); // [B, T, E]
        let decoded = self.decoder.forward(&source, start, &embedded, pass, attention);
        DecoderOutput { features: pass.dropout(&decoded.features, self.dropout), ..decoded }
    }

    fn all_attention(&self, source: &Source, input: &Tensor) -> AllAttention {
        let _guard = tch::no_grad_guard();
        let pass = ForwardContext::evaluation();
        let cross = self.forward(source, input, &pass, WithAttention::Yes).attention;
        let encoder = self.encode_with(source, true, &pass).1.map(|weights| weights.unsqueeze(1)); // [B, 1, H, S, S]
        AllAttention { encoder, decoder: None, cross, tape: self.tape_weightings(source, input) }
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

impl RecurrentModel {
    /// Where the heads of a tape are, step by step, for inputs [B, T]: [B, 1, heads, T, Z].
    fn tape_weightings(&self, source: &Source, input: &Tensor) -> Option<Weightings> {
        let (source, mut state) = self.decoder.start(&self.encode(source, &ForwardContext::evaluation()));
        let (mut read, mut write) = (Vec::new(), Vec::new());
        for (position, embedded) in self.target_embedding.forward(input).unbind(1).iter().enumerate() {
            self.decoder.step(&source, &mut state, embedded, position as i64);
            let weightings = self.decoder.tape_weightings(&state)?; // [B, heads, Z]
            read.push(weightings.read);
            write.push(weightings.write);
        }
        let over_time = |steps: &[Tensor]| Tensor::stack(steps, 2).unsqueeze(1); // [B, 1, heads, T, Z]
        Some(Weightings { read: over_time(&read), write: over_time(&write) })
    }
}
