//! No attention: the source is one vector (Cho et al. 2014; Sutskever et al. 2014), the baseline of the whole story.
//!
//! The context c is the encoder's last state of its top layer (both directions when there are two). It starts the decoder and is
//! part of its input at every step, so that nothing but its size limits what it can pass on.

use tch::Tensor;

use super::bridge::{Bridge, Sides};
use super::build::Starts;
use super::state::{flatten, unflatten};
use super::{Decoder, Read, Stepped, Steps};
use crate::model::{DecoderState, Encoded, WithAttention};
use crate::nn::{CellKind, CellState, Pass, RecurrentStack, Scope};

/// s_t = RNN([y_{t-1}; c], s_{t-1}); features are s_t.
pub struct FixedContextDecoder {
    stack: RecurrentStack,
    bridge: Bridge,
    kind: CellKind,
    dropout: f64,
}

impl FixedContextDecoder {
    pub fn new(scope: Scope, sides: &Sides, embedding: i64, dropout: f64, starts: &Starts) -> Self {
        let (input, hidden, layers) = (embedding + sides.memory(), sides.decoder_hidden, sides.decoder_layers);
        FixedContextDecoder {
            stack: RecurrentStack::new(scope.sub("rnn"), sides.kind, input, hidden, layers, false, starts.cell),
            bridge: Bridge::new(scope.sub("bridge"), sides, starts.other),
            kind: sides.kind,
            dropout,
        }
    }

    /// [embedded; c] with c beside every step: [B, T, E] to [B, T, E + D].
    fn with_context(&self, encoded: &Encoded, embedded: &Tensor) -> Tensor {
        let context = encoded.memory[0].unsqueeze(1);
        let steps = embedded.size()[1];
        Tensor::cat(&[embedded, &context.expand([-1, steps, -1], false)], 2)
    }

    fn states(&self, state: &DecoderState) -> Vec<CellState> {
        unflatten(&state.tensors, self.kind, self.stack.layers.len()).0
    }
}

impl Decoder for FixedContextDecoder {
    fn prepare(&self, read: &Read) -> Encoded {
        let top = read.output.finals.last().expect("an encoder has a layer");
        let context = Tensor::cat(&top.iter().map(|state| &state.hidden).collect::<Vec<_>>(), 1);
        Encoded::new(
            read.keep.shallow_clone(),
            read.lengths.shallow_clone(),
            vec![context],
            DecoderState { step: 0, tensors: flatten(self.bridge.cross(&read.output)), ..DecoderState::default() },
        )
    }

    fn decode(&self, encoded: &Encoded, embedded: &Tensor, pass: &Pass, _: WithAttention) -> Steps {
        let states = self.states(&encoded.initial);
        let output = self.stack.run(&self.with_context(encoded, embedded), &states, self.dropout, pass);
        Steps { features: pass.dropout(&output.states, self.dropout), weights: None, drawn: None, copied: None }
    }

    fn step(&self, encoded: &Encoded, state: &DecoderState, embedded: &Tensor) -> Stepped {
        let rows = embedded.size()[0];
        // W hypotheses of a source are W steps beside each other as far as the context is concerned.
        let input = self.with_context(encoded, &embedded.reshape([encoded.rows(), rows / encoded.rows(), -1]));
        let output = self.stack.run(&input.reshape([rows, 1, -1]), &self.states(state), 0.0, &Pass::evaluation());
        let ends = output.finals.into_iter().flatten().collect();
        Stepped {
            features: output.states.squeeze_dim(1),
            weights: None,
            copied: None,
            state: DecoderState { step: state.step + 1, tensors: flatten(ends), ..DecoderState::default() },
        }
    }

    fn attends(&self) -> bool {
        false
    }
}
