//! The whole Transformer under the house's `Seq2Seq` trait.

use tch::{Device, Kind, Tensor};

use super::embedding::{InputEmbedding, Place};
use super::layers::{DecoderLayer, EncoderLayer, Memory, SelfStep, SourceView, StepSource};
use super::produced::{Produced, nothing, with_own, with_room};
use crate::attention::Joined;
use crate::batch::Source;
use crate::model::{Decoded, DecoderState, Encoded, OutputLayer, Seq2Seq, Step, WithAttention};
use crate::nn::{Norm, Parameters, Pass, Rotation};
use crate::runtime::bf16_maps;

/// An encoder-decoder of attention layers.
///
/// What is remembered of a source are the keys and values of every decoder layer's attention to it; a decoder's state are the keys and
/// values of its self-attention, which all hypotheses of a source share, and which of them are whose.
pub struct TransformerModel {
    pub(crate) parameters: Parameters,
    pub(super) source: InputEmbedding,
    pub(super) target: InputEmbedding,
    pub(super) encoder: Vec<EncoderLayer>,
    pub(super) encoder_norm: Option<Norm>,
    pub(super) decoder: Vec<DecoderLayer>,
    pub(super) decoder_norm: Option<Norm>,
    /// [V, D]
    pub(super) output: Tensor,
    /// [V]
    pub(super) output_bias: Tensor,
    /// Numbers a head when positions are rotary: encoder's, decoder's.
    pub(super) rotary: Option<(i64, i64)>,
}

impl TransformerModel {
    fn finished(&self, output: Tensor) -> Tensor {
        match &self.decoder_norm {
            Some(norm) => norm.forward(&output),
            None => output,
        }
    }

    /// What [`Seq2Seq::step`] would have to join at every step.
    fn joined(&self) -> Vec<Tensor> {
        let joined = self.decoder.iter().map(|layer| layer.attention.joined());
        joined.flat_map(|Joined { weight, bias }| [weight, bias]).collect()
    }

    fn decoder_rotation(&self, start: i64, length: i64) -> Option<Rotation> {
        self.rotary.map(|(_, size)| Rotation::new(start, length, size, self.output.device()))
    }
}

impl Seq2Seq for TransformerModel {
    fn encode(&self, source: &Source, pass: &Pass) -> Encoded {
        let mut states = self.source.forward(&source.ids, Place::All, pass);
        let (rows, length, size) = states.size3().expect("embedded ids have three dimensions");
        let rotation = self.rotary.map(|(size, _)| Rotation::new(0, length, size, states.device()));
        for layer in &self.encoder {
            states = layer.forward(&states, &source.keep, rotation.as_ref(), pass);
        }
        if let Some(norm) = &self.encoder_norm {
            states = norm.forward(&states);
        }
        let device = states.device();
        // A step on the CPU reads what is remembered place by place (`attention::step`), and has a loop for each of these kinds.
        let evaluated = !pass.trains() && device == Device::Cpu;
        let remembered = evaluated.then(|| if bf16_maps() { Kind::BFloat16 } else { Kind::Float });
        let memory = self.decoder.iter().flat_map(|layer| {
            let (keys, values) = layer.cross.keys_and_values(&states);
            [keys, values].map(|part| remembered.map_or_else(|| part.shallow_clone(), |kind| part.to_kind(kind)))
        });
        let options = (remembered.unwrap_or(Kind::Float), device);
        let initial = DecoderState {
            step: 0,
            tensors: vec![Tensor::empty([rows, 0], (Kind::Int64, device))],
            shared: Some(nothing(self.decoder.len(), rows, size, options)),
        };
        let lengths = Tensor::from_slice(&source.lengths).to_kind(Kind::Float).unsqueeze(1).to_device(device);
        Encoded {
            standing: memory.collect(),
            constants: if pass.trains() { Vec::new() } else { self.joined() },
            ..Encoded::new(source.keep.shallow_clone(), lengths, Vec::new(), initial)
        }
    }

    fn decode(&self, encoded: &Encoded, input: &Tensor, pass: &Pass, attention: WithAttention) -> Decoded {
        let mut states = self.target.forward(input, Place::All, pass);
        let rotation = self.decoder_rotation(0, input.size()[1]);
        let view = SourceView { keep: &encoded.keep, wanted: attention == WithAttention::Yes };
        let mut weights = Vec::new();
        for (layer, source) in self.decoder.iter().zip(pairs(&encoded.standing)) {
            let (output, found) = layer.forward(&states, &Memory::from(source), &view, rotation.as_ref(), pass);
            states = output;
            weights.extend(found);
        }
        Decoded {
            features: self.finished(states),
            attention: view.wanted.then(|| Tensor::stack(&weights, 1)),
            drawn: None,
            copied: None,
        }
    }

    fn step(&self, encoded: &Encoded, state: DecoderState, previous: &Tensor, attention: WithAttention) -> Step {
        let (rows, wanted) = (previous.size()[0], attention == WithAttention::Yes);
        let width = rows / encoded.rows();
        let mut shared = with_room(state.shared.expect("what a Transformer goes on from it has made"), width);
        let filled = shared.filled;
        let mut states = self.target.forward(&previous.unsqueeze(1), Place::One(state.step), &Pass::evaluation()).squeeze_dim(1);
        let rotation = self.decoder_rotation(state.step, 1);
        let places = with_own(&state.tensors[0], filled, width);
        let mut weights = Vec::new();
        let layers = self.decoder.iter().zip(pairs(&encoded.standing)).zip(pairs(&shared.tensors)).zip(pairs(&encoded.constants));
        for (((layer, source), produced), joined) in layers {
            let step = SelfStep {
                joined: Joined::from(joined),
                produced: Produced::from(produced),
                origins: &shared.origins,
                filled,
                places: &places,
                rotation: rotation.as_ref(),
            };
            let source =
                StepSource { memory: Memory::from(source), origins: &encoded.origins, lengths: &encoded.lengths, wanted };
            let (output, found) = layer.step(&states, &step, &source);
            states = output;
            weights.extend(found);
        }
        shared.filled += width;
        let (logits, summary) = self.output().step(&self.finished(states));
        Step {
            logits,
            summary,
            attention: wanted.then(|| Tensor::stack(&weights, 1)),
            state: DecoderState { step: state.step + 1, tensors: vec![places], shared: Some(shared) },
        }
    }

    fn output(&self) -> OutputLayer<'_> {
        OutputLayer { weight: &self.output, bias: Some(&self.output_bias) }
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        self.parameters.named()
    }

    fn attends(&self) -> bool {
        true
    }
}

/// Two tensors for each layer in turn.
fn pairs(tensors: &[Tensor]) -> impl Iterator<Item = [Tensor; 2]> {
    tensors.chunks(2).map(|pair| [pair[0].shallow_clone(), pair[1].shallow_clone()])
}
