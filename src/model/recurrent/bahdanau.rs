//! Bahdanau, Cho and Bengio 2015: attention before the cell, on the state before it.

use anyhow::Result;
use tch::Tensor;

use super::bridge::Sides;
use super::build::Starts;
use super::look::{Look, LookOptions, in_a_row};
use super::state::{flatten, unflatten};
use super::{Decoder, Read, Stepped, Steps};
use crate::attention::{AttentionOptions, Step};
use crate::model::{DecoderState, Encoded, WithAttention};
use crate::nn::{CellKind, CellState, Linear, Pass, RecurrentStack, Scope};

/// c_t = Σ_j α_tj h_j with α from (s_{t-1}, h_j); s_t = RNN([y_{t-1}; c_t], s_{t-1}) (section 3.1);
/// features = maxout of U s_t + V y_{t-1} + C c_t (section A.2.2).
///
/// Two readings of the paper: its appendix writes s_{t-1} into the deep output where its equation 4 says s_t; equation 4 is
/// followed, as most implementations do. An LSTM in place of the paper's gated unit starts with a zero cell.
pub struct BahdanauDecoder {
    stack: RecurrentStack,
    look: Look,
    /// s_0 = tanh(W_s ←h_1): from the backward direction, which ends at the first word.
    start: Linear,
    deep: Linear,
    kind: CellKind,
    dropout: f64,
}

/// Sizes and options of a [`BahdanauDecoder`].
pub struct BahdanauOptions {
    pub sides: Sides,
    pub embedding: i64,
    /// Features after maxout.
    pub maxout: i64,
    pub attention: AttentionOptions,
    pub look: LookOptions,
    pub dropout: f64,
}

impl BahdanauDecoder {
    pub fn new(scope: Scope, options: &BahdanauOptions, starts: &Starts) -> Result<Self> {
        let BahdanauOptions { sides, embedding, maxout, attention, look, dropout } = options;
        let (kind, hidden, context) = (sides.kind, sides.decoder_hidden, attention.keys);
        let joined = hidden + embedding + context;
        Ok(BahdanauDecoder {
            stack: RecurrentStack::new(scope.sub("rnn"), kind, embedding + context, hidden, 1, false, starts.cell),
            look: Look::new(&scope, attention, look)?,
            start: Linear::new(scope.sub("start"), sides.encoder_hidden, hidden, starts.other),
            deep: Linear::new(scope.sub("deep"), joined, 2 * maxout, starts.other),
            kind,
            dropout: *dropout,
        })
    }

    /// Deep output: [.., H], [.., E], [.., D] to [.., F]. Units k and F + k are a pair of which the larger one counts.
    fn features(&self, hidden: &Tensor, embedded: &Tensor, context: &Tensor) -> Tensor {
        let pairs = self.deep.forward(&Tensor::cat(&[hidden, embedded, context], -1)).chunk(2, -1);
        pairs[0].maximum(&pairs[1])
    }
}

impl Decoder for BahdanauDecoder {
    fn prepare(&self, read: &Read) -> Encoded {
        let prepared = self.look.attention.prepare(&read.output.states, &read.keep, &read.lengths);
        let top = read.output.finals.last().expect("an encoder has a layer");
        let backward = top.last().expect("a layer has a direction");
        let hidden = self.start.forward(&backward.hidden).tanh();
        let cell = (self.kind == CellKind::Lstm).then(|| hidden.zeros_like());
        let mut tensors = flatten(vec![CellState { hidden, cell }]);
        if self.look.attention.wants_coverage() {
            tensors.push(read.keep.zeros_like().to_kind(tch::Kind::Float));
        }
        Encoded::new(
            prepared.keep.shallow_clone(),
            prepared.lengths.shallow_clone(),
            Look::memory(prepared, read.same.as_ref()),
            DecoderState { step: 0, tensors, ..DecoderState::default() },
        )
    }

    fn decode(&self, encoded: &Encoded, embedded: &Tensor, pass: &Pass, attention: WithAttention) -> Steps {
        let prepared = Look::prepared(encoded);
        let cell = &self.stack.layers[0].forward;
        let stepper = cell.stepper(prepared.values.size()[2]);
        let (states, rest) = unflatten(&encoded.initial.tensors, self.kind, 1);
        let mut state = states.into_iter().next().expect("one layer");
        let mut covered = rest.first().map(|covered| covered.unsqueeze(1));
        // Time first, so that each step's gates lie together.
        let gates = cell.input_gates(&embedded.transpose(0, 1).contiguous()).unbind(0);
        let (mut hidden, mut contexts, mut weights, mut drawn) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (step, gates) in gates.iter().enumerate() {
            let query = state.hidden.unsqueeze(1);
            let looked = self.look.attend(&query, &prepared, Step::Same(step as i64), covered.as_ref(), pass);
            let attended = looked.attended;
            drawn.extend(looked.drawn);
            let context = attended.context.squeeze_dim(1);
            state = stepper.step(gates, Some(&context), &state);
            hidden.push(state.hidden.shallow_clone());
            contexts.push(context);
            if let Some(covered) = &mut covered {
                *covered = &*covered + &attended.weights;
            }
            weights.push(attended.weights);
        }
        let (hidden, context) = (Tensor::stack(&hidden, 1), Tensor::stack(&contexts, 1));
        let features = pass.dropout(&self.features(&hidden, embedded, &context), self.dropout);
        let wanted = attention == WithAttention::Yes || self.look.copies();
        let weights = wanted.then(|| Tensor::cat(&weights, 1));
        let copied = weights.as_ref().and_then(|weights| self.look.copied(encoded, [&context, &hidden, embedded], weights));
        Steps { features, weights, drawn: in_a_row(drawn), copied }
    }

    fn step(&self, encoded: &Encoded, state: &DecoderState, embedded: &Tensor) -> Stepped {
        let (rows, sources) = (embedded.size()[0], encoded.rows());
        let side_by_side = |tensor: &Tensor| tensor.reshape([sources, rows / sources, -1]);
        let prepared = Look::prepared(encoded);
        let (states, rest) = unflatten(&state.tensors, self.kind, 1);
        let covered = rest.first().map(side_by_side);
        let query = side_by_side(&states[0].hidden);
        let step = Step::Same(state.step);
        let attended = self.look.attend(&query, &prepared, step, covered.as_ref(), &Pass::evaluation()).attended;
        let context = attended.context.reshape([rows, -1]);
        let cell = &self.stack.layers[0].forward;
        let gates = cell.input_gates(embedded);
        let next = cell.stepper(context.size()[1]).step(&gates, Some(&context), &states[0]);
        let features = self.features(&next.hidden, embedded, &context);
        let parts = [&attended.context, &side_by_side(&next.hidden), &side_by_side(embedded)];
        let copied = self.look.copied(encoded, parts, &attended.weights);
        let mut tensors = flatten(vec![next]);
        if let Some(covered) = covered {
            tensors.push((covered + &attended.weights).reshape([rows, -1]));
        }
        Stepped {
            features,
            weights: Some(attended.weights.reshape([rows, -1])),
            copied,
            state: DecoderState { step: state.step + 1, tensors, ..DecoderState::default() },
        }
    }

    fn attends(&self) -> bool {
        true
    }
}
