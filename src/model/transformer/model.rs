//! The whole Transformer under the house's `Seq2Seq` trait.

use tch::{Kind, Tensor};

use super::embedding::InputEmbedding;
use super::layers::{DecoderLayer, EncoderLayer, Memory, SourceView};
use crate::batch::Source;
use crate::model::{Decoded, DecoderState, Encoded, OutputLayer, Seq2Seq, Step, WithAttention};
use crate::nn::{Norm, Parameters, Pass, Rotation};

/// An encoder-decoder of attention layers.
///
/// What is remembered of a source are the keys and values of every decoder layer's attention to it; a decoder's state are the keys and
/// values of its self-attention, one step longer after each step.
pub struct TransformerModel {
    pub(super) parameters: Parameters,
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
    pub(super) decoder_heads: i64,
}

impl TransformerModel {
    fn finished(&self, output: Tensor) -> Tensor {
        match &self.decoder_norm {
            Some(norm) => norm.forward(&output),
            None => output,
        }
    }

    fn decoder_rotation(&self, start: i64, length: i64) -> Option<Rotation> {
        self.rotary.map(|(_, size)| Rotation::new(start, length, size, self.output.device()))
    }
}

impl Seq2Seq for TransformerModel {
    fn encode(&self, source: &Source, pass: &Pass) -> Encoded {
        let mut states = self.source.forward(&source.ids, 0, pass);
        let (rows, length, size) = states.size3().expect("embedded ids have three dimensions");
        let rotation = self.rotary.map(|(size, _)| Rotation::new(0, length, size, states.device()));
        for layer in &self.encoder {
            states = layer.forward(&states, &source.keep, rotation.as_ref(), pass);
        }
        if let Some(norm) = &self.encoder_norm {
            states = norm.forward(&states);
        }
        let memory = self.decoder.iter().flat_map(|layer| {
            let (keys, values) = layer.cross.keys_and_values(&states);
            [keys, values]
        });
        let heads = self.decoder_heads;
        let nothing = || Tensor::zeros([rows, heads, 0, size / heads], (Kind::Float, states.device()));
        Encoded {
            keep: source.keep.shallow_clone(),
            lengths: Tensor::from_slice(&source.lengths).to_kind(Kind::Float).unsqueeze(1).to_device(states.device()),
            memory: memory.collect(),
            initial: DecoderState { step: 0, tensors: (0..2 * self.decoder.len()).map(|_| nothing()).collect() },
        }
    }

    fn decode(&self, encoded: &Encoded, input: &Tensor, pass: &Pass, attention: WithAttention) -> Decoded {
        let mut states = self.target.forward(input, 0, pass);
        let rotation = self.decoder_rotation(0, input.size()[1]);
        let view = SourceView { keep: &encoded.keep, wanted: attention == WithAttention::Yes };
        let mut weights = Vec::new();
        for (layer, source) in self.decoder.iter().zip(pairs(&encoded.memory)) {
            let (output, found) = layer.forward(&states, &source, &view, rotation.as_ref(), pass);
            states = output;
            weights.extend(found);
        }
        Decoded { features: self.finished(states), attention: view.wanted.then(|| Tensor::stack(&weights, 1)) }
    }

    fn step(&self, encoded: &Encoded, state: &DecoderState, previous: &Tensor, attention: WithAttention) -> Step {
        let mut states = self.target.forward(&previous.unsqueeze(1), state.step, &Pass::evaluation());
        let rows = states.size()[0];
        let rotation = self.decoder_rotation(state.step, 1);
        let view = SourceView { keep: &encoded.keep, wanted: attention == WithAttention::Yes };
        let (mut weights, mut tensors) = (Vec::new(), Vec::with_capacity(state.tensors.len()));
        for ((layer, source), produced) in self.decoder.iter().zip(pairs(&encoded.memory)).zip(pairs(&state.tensors)) {
            let (output, found, memory) = layer.step(&states, produced, &source, &view, rotation.as_ref());
            states = output;
            tensors.extend([memory.keys, memory.values]);
            // [B, H, W, S] to [R, H, S].
            weights.extend(found.map(|weights| {
                let size = weights.size();
                weights.transpose(1, 2).reshape([rows, size[1], size[3]])
            }));
        }
        Step {
            logits: self.output().logits(&self.finished(states).squeeze_dim(1)),
            attention: view.wanted.then(|| Tensor::stack(&weights, 1)),
            state: DecoderState { step: state.step + 1, tensors },
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

/// Keys and values of each layer in turn.
fn pairs(tensors: &[Tensor]) -> impl Iterator<Item = Memory> {
    tensors.chunks(2).map(|pair| Memory { keys: pair[0].shallow_clone(), values: pair[1].shallow_clone() })
}
