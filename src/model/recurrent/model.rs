//! The whole encoder-decoder: embeddings, encoder, one of the decoders, output layer.

use tch::{Kind, Tensor};

use super::decoding::RecurrentDecoding;
use super::{Decoder, EncoderOutput};
use crate::batch::Source;
use crate::model::{DecoderOutput, Decoding, OutputLayer, Seq2Seq, WithAttention};
use crate::nn::{Embedding, ForwardContext, Linear, RecurrentStack, Weight};

/// A recurrent encoder-decoder. Dropout falls on embeddings, between layers and on the features before the output layer, never on
/// recurrent connections (Zaremba et al. 2014).
pub struct RecurrentModel {
    pub(super) parameters: Vec<(String, Weight)>,
    pub(super) source_embedding: Embedding,
    pub(super) target_embedding: Embedding,
    pub(super) encoder: RecurrentStack,
    pub(super) decoder: Box<dyn Decoder>,
    pub(super) output: Linear,
    pub(super) dropout: f64,
    /// For each source id the target id of the same spelling [V_s], where the model copies.
    pub(super) target_ids: Option<Weight>,
}

impl RecurrentModel {
    pub(super) fn encode(&self, source: &Source, pass: &ForwardContext) -> EncoderOutput {
        let embedded = pass.dropout(&self.source_embedding.forward(&source.ids), self.dropout); // [B, S, E]
        let lengths = Tensor::from_slice(&source.lengths).to_kind(Kind::Float).unsqueeze(1).to_device(source.ids.device()); // [B, 1]
        let states = self.encoder.read(&embedded, &source.lengths, self.dropout, pass); // [B, S, D]
        let same = |ids: &Weight| ids.index_select(0, &source.ids.reshape([-1])).view_as(&source.ids); // [B, S]
        let target_ids = self.target_ids.as_ref().map(same);
        EncoderOutput { states, keep: source.keep.shallow_clone(), lengths, target_ids }
    }
}

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
