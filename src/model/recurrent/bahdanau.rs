//! Bahdanau, Cho and Bengio 2015: attention before the cell, on the state before it.

use anyhow::Result;
use tch::Tensor;

use super::bridge::Dimensions;
use super::cross_attention::{CrossAttention, CrossAttentionOptions, sampled_in_turn};
use super::initializers::Initializers;
use super::{Decoder, DecoderStep, EncodedSource, EncoderOutput, RecurrentState, by_hypothesis, mean_of_heads};
use crate::attention::{AttentionOptions, QuerySteps};
use crate::model::{DecoderOutput, WithAttention};
use crate::nn::{CellState, ForwardContext, Linear, RecurrentStack, Scope};
use crate::recipe::CellKind;

/// c_t = Σ_j α_tj h_j with α from (s_{t-1}, h_j); s_t = RNN([y_{t-1}; c_t], s_{t-1}) (section 3.1);
/// features = maxout of U s_t + V y_{t-1} + C c_t (section A.2.2).
///
/// Two readings of the paper: its appendix writes s_{t-1} into the deep output where its equation 4 says s_t; equation 4 is
/// followed, as most implementations do. An LSTM in place of the paper's gated unit starts with a zero cell.
pub struct BahdanauDecoder {
    stack: RecurrentStack,
    cross_attention: CrossAttention,
    /// s_0 = tanh(W_s ←h_1): from the backward direction, which ends at the first word.
    start: Linear,
    deep: Linear,
    kind: CellKind,
    /// Width of a context.
    context: i64,
}

/// Sizes and options of a [`BahdanauDecoder`].
pub struct BahdanauOptions {
    pub dimensions: Dimensions,
    pub embedding: i64,
    /// Features after maxout.
    pub maxout: i64,
    pub attention: AttentionOptions,
    pub cross_attention: CrossAttentionOptions,
}

impl BahdanauDecoder {
    pub fn new(scope: Scope, options: &BahdanauOptions, initializers: &Initializers) -> Result<Self> {
        let BahdanauOptions { dimensions, embedding, maxout, attention, cross_attention } = options;
        let (kind, hidden, context) = (dimensions.kind, dimensions.decoder_hidden, attention.keys);
        let joined = hidden + embedding + context;
        Ok(BahdanauDecoder {
            stack: RecurrentStack::new(scope.sub("rnn"), kind, embedding + context, hidden, 1, false, initializers.cell),
            cross_attention: CrossAttention::new(&scope, attention, cross_attention)?,
            start: Linear::new(scope.sub("start"), dimensions.encoder_hidden, hidden, initializers.other),
            deep: Linear::new(scope.sub("deep"), joined, 2 * maxout, initializers.other),
            kind,
            context,
        })
    }

    /// Deep output: [.., H], [.., E], [.., D] to [.., F]. Units k and F + k are a pair of which the larger one counts.
    fn features(&self, hidden: &Tensor, embedded: &Tensor, context: &Tensor) -> Tensor {
        let pairs = self.deep.forward(&Tensor::cat(&[hidden, embedded, context], -1)).chunk(2, -1);
        pairs[0].maximum(&pairs[1])
    }
}

impl Decoder for BahdanauDecoder {
    fn start(&self, encoded: &EncoderOutput) -> (EncodedSource, RecurrentState) {
        let source = self.cross_attention.prepare(encoded);
        let top = encoded.states.finals.last().expect("an encoder has a layer");
        let backward = top.last().expect("a layer has a direction");
        let hidden = self.start.forward(&backward.hidden).tanh(); // [B, H]
        let cell = (self.kind == CellKind::Lstm).then(|| hidden.zeros_like());
        let coverage = self.cross_attention.no_coverage(&source);
        let state = RecurrentState { coverage, ..RecurrentState::of(vec![CellState { hidden, cell }]) };
        (source, state)
    }

    fn forward(
        &self,
        source: &EncodedSource,
        start: RecurrentState,
        embedded: &Tensor,
        pass: &ForwardContext,
        attention: WithAttention,
    ) -> DecoderOutput {
        let cell = &self.stack.layers[0].forward;
        let stepper = cell.stepper(self.context);
        let RecurrentState { cells, coverage, .. } = start;
        let mut state = cells.into_iter().next().expect("one layer");
        let mut coverage = coverage.map(|coverage| coverage.unsqueeze(1)); // [B, 1, S]
        // Time first, so that each step's gates lie together.
        let gates = cell.input_gates(&embedded.transpose(0, 1).contiguous()).unbind(0); // T times [B, G·H]
        let (mut hidden, mut contexts, mut weights, mut sampled) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (step, gates) in gates.iter().enumerate() {
            let query = state.hidden.unsqueeze(1); // [B, 1, H]
            let found = self.cross_attention.attend(&query, source, QuerySteps::Same(step as i64), coverage.as_ref(), pass);
            let attended = found.attended;
            sampled.extend(found.sampled);
            let context = attended.context.squeeze_dim(1); // [B, D]
            state = stepper.step(gates, Some(&context), &state);
            hidden.push(state.hidden.shallow_clone());
            contexts.push(context);
            if let Some(coverage) = &mut coverage {
                *coverage = &*coverage + &attended.weights;
            }
            weights.push(found.heads); // [B, H, 1, S]
        }
        let (hidden, context) = (Tensor::stack(&hidden, 1), Tensor::stack(&contexts, 1)); // [B, T, H], [B, T, D]
        let features = self.features(&hidden, embedded, &context); // [B, T, F]
        let wanted = attention == WithAttention::Yes || self.cross_attention.copies();
        let weights = wanted.then(|| Tensor::cat(&weights, 2)); // [B, H, T, S]
        let parts = [&context, &hidden, embedded];
        let copied = weights.as_ref().and_then(|weights| self.cross_attention.copied(source, parts, &mean_of_heads(weights)));
        let attention = weights.map(|weights| weights.unsqueeze(1)); // [B, 1, H, T, S]
        DecoderOutput { features, attention, sampled: sampled_in_turn(sampled), copied }
    }

    fn step(&self, source: &EncodedSource, state: &mut RecurrentState, embedded: &Tensor, position: i64) -> DecoderStep {
        let rows = embedded.size()[0];
        let coverage = state.coverage.as_ref().map(|coverage| source.side_by_side(coverage)); // [B, W, S]
        let query = source.side_by_side(&state.cells[0].hidden); // [B, W, H]
        let step = QuerySteps::Same(position);
        let found = self.cross_attention.attend(&query, source, step, coverage.as_ref(), &ForwardContext::evaluation());
        let attended = found.attended;
        let context = attended.context.reshape([rows, -1]); // [R, D]
        let cell = &self.stack.layers[0].forward;
        let gates = cell.input_gates(embedded); // [R, G·H]
        let next = cell.stepper(context.size()[1]).step(&gates, Some(&context), &state.cells[0]);
        let features = self.features(&next.hidden, embedded, &context); // [R, F]
        let parts = [&attended.context, &source.side_by_side(&next.hidden), &source.side_by_side(embedded)];
        let copied = self.cross_attention.copied(source, parts, &attended.weights);
        state.cells = vec![next];
        state.coverage = coverage.map(|coverage| (coverage + &attended.weights).reshape([rows, -1])); // [R, S]
        DecoderStep { features, weights: Some(by_hypothesis(&found.heads)), copied }
    }

    fn attends(&self) -> bool {
        true
    }
}
