//! The whole encoder-decoder: embeddings, encoder, one of the decoders, output layer.

use tch::{Kind, Tensor};

use super::encoder::{Encoded, Encoder};
use super::{Decoder, EncoderOutput};
use crate::batch::Source;
use crate::nn::{Embedding, ForwardContext, Linear, Weight};

/// A recurrent encoder-decoder. Dropout falls on embeddings, between layers and on the features before the output layer, never on
/// recurrent connections (Zaremba et al. 2014).
pub struct RecurrentModel {
    pub(super) parameters: Vec<(String, Weight)>,
    pub(super) source_embedding: Embedding,
    pub(super) target_embedding: Embedding,
    pub(super) encoder: Encoder,
    pub(super) decoder: Box<dyn Decoder>,
    pub(super) output: Linear,
    pub(super) dropout: f64,
    /// For each source id the target id of the same spelling [V_s], where the model copies.
    pub(super) target_ids: Option<Weight>,
}

impl RecurrentModel {
    pub(super) fn encode(&self, source: &Source, pass: &ForwardContext) -> EncoderOutput {
        self.encode_with(source, false, pass).0
    }

    /// The same, and weights [B, H, S, S] of the encoder's self-attention where there is one and they are wanted.
    pub(super) fn encode_with(
        &self,
        source: &Source,
        with_attention: bool,
        pass: &ForwardContext,
    ) -> (EncoderOutput, Option<Tensor>) {
        let embedded = pass.dropout(&self.source_embedding.forward(&source.ids), self.dropout); // [B, S, E]
        let lengths = Tensor::from_slice(&source.lengths).to_kind(Kind::Float).unsqueeze(1).to_device(source.ids.device()); // [B, 1]
        let Encoded { states, self_attention } = self.encoder.read(&embedded, source, self.dropout, with_attention, pass); // its states [B, S, D]
        let same = |ids: &Weight| ids.index_select(0, &source.ids.reshape([-1])).view_as(&source.ids); // [B, S]
        let target_ids = self.target_ids.as_ref().map(same);
        (EncoderOutput { states, keep: source.keep.shallow_clone(), lengths, target_ids }, self_attention)
    }
}
