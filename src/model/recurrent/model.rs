//! The whole encoder-decoder: embeddings, encoder, one of the decoders, output layer.

use tch::{Kind, Tensor};

use super::{Decoder, Read, Stepped, Steps};
use crate::batch::Source;
use crate::model::{Decoded, DecoderState, Encoded, OutputLayer, Seq2Seq, Step, WithAttention};
use crate::nn::{Embedding, Linear, Parameters, Pass, RecurrentStack};

/// A recurrent encoder-decoder. Dropout falls on embeddings, between layers and on the features before the output layer, never on
/// recurrent connections (Zaremba et al. 2014).
pub struct RecurrentModel {
    pub(crate) parameters: Parameters,
    pub(crate) source_embedding: Embedding,
    pub(crate) target_embedding: Embedding,
    pub(crate) encoder: RecurrentStack,
    pub(crate) decoder: Box<dyn Decoder>,
    pub(crate) output: Linear,
    pub(crate) dropout: f64,
    /// For each source id the target id of the same spelling [V_s], where the model copies.
    pub(crate) same: Option<Tensor>,
}

impl Seq2Seq for RecurrentModel {
    fn encode(&self, source: &Source, pass: &Pass) -> Encoded {
        let embedded = pass.dropout(&self.source_embedding.forward(&source.ids), self.dropout);
        let lengths = Tensor::from_slice(&source.lengths).to_kind(Kind::Float).unsqueeze(1).to_device(source.ids.device());
        let output = self.encoder.read(&embedded, &source.lengths, self.dropout, pass);
        let same = self.same.as_ref().map(|same| same.index_select(0, &source.ids.reshape([-1])).view_as(&source.ids));
        self.decoder.prepare(&Read { output, keep: source.keep.shallow_clone(), lengths, same })
    }

    fn decode(&self, encoded: &Encoded, input: &Tensor, pass: &Pass, attention: WithAttention) -> Decoded {
        let embedded = pass.dropout(&self.target_embedding.forward(input), self.dropout);
        let Steps { features, weights, drawn, copied } = self.decoder.decode(encoded, &embedded, pass, attention);
        Decoded { features, attention: weights.map(|weights| weights.unsqueeze(1).unsqueeze(1)), drawn, copied }
    }

    fn step(&self, encoded: &Encoded, state: DecoderState, previous: &Tensor, attention: WithAttention) -> Step {
        let embedded = self.target_embedding.forward(previous);
        let Stepped { features, weights, copied, state } = self.decoder.step(encoded, &state, &embedded);
        let (logits, summary) = match copied {
            None => self.output().step(&features),
            Some(copied) => {
                let rows = Tensor::arange(features.size()[0], (Kind::Int64, features.device()));
                (copied.log_probabilities(&self.output().logits(&features), &rows), None)
            }
        };
        let attention = (attention == WithAttention::Yes).then_some(weights).flatten();
        Step { logits, summary, attention: attention.map(|weights| weights.unsqueeze(1).unsqueeze(1)), state }
    }

    fn output(&self) -> OutputLayer<'_> {
        OutputLayer { weight: &self.output.weight, bias: self.output.bias.as_ref() }
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        self.parameters.named()
    }

    fn attends(&self) -> bool {
        self.decoder.attends()
    }

    fn copies(&self) -> bool {
        self.same.is_some()
    }
}
