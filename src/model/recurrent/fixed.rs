//! No attention: the source is one vector (Cho et al. 2014; Sutskever et al. 2014), the baseline of the whole story.
//!
//! The context c is the encoder's last state of its top layer (both directions when there are two). It starts the decoder and, unless the recipe
//! says that it only starts it, is part of its input at every step, so that nothing but its size limits what it can pass on.

use tch::Tensor;

use super::bridge::{Bridge, Dimensions};
use super::initializers::Initializers;
use super::{Decoder, DecoderStep, EncodedSource, EncoderOutput, RecurrentState};
use crate::attention::Prepared;
use crate::model::{DecoderOutput, WithAttention};
use crate::nn::{ForwardContext, RecurrentStack, Scope};
use crate::recipe::FixedContext;

/// s_t = RNN([y_{t-1}; c], s_{t-1}), or RNN(y_{t-1}, s_{t-1}) where c only starts it; features are s_t.
pub struct FixedContextDecoder {
    context: FixedContext,
    stack: RecurrentStack,
    bridge: Bridge,
    dropout: f64,
}

impl FixedContextDecoder {
    pub fn new(
        scope: Scope,
        dimensions: &Dimensions,
        embedding: i64,
        context: FixedContext,
        dropout: f64,
        initializers: &Initializers,
    ) -> Self {
        let (hidden, layers) = (dimensions.decoder_hidden, dimensions.decoder_layers);
        let input = match context {
            FixedContext::EveryStep => embedding + dimensions.memory(),
            FixedContext::Start => embedding,
        };
        FixedContextDecoder {
            context,
            stack: RecurrentStack::new(scope.sub("rnn"), dimensions.kind, input, hidden, layers, false, initializers.cell),
            bridge: Bridge::new(scope.sub("bridge"), dimensions, initializers.other),
            dropout,
        }
    }

    /// [embedded; c] with c beside every step: [B, T, E] to [B, T, E + D]. Where c only starts the decoder, `embedded` as it is.
    fn with_context(&self, source: &EncodedSource, embedded: &Tensor) -> Tensor {
        if self.context == FixedContext::Start {
            return embedded.shallow_clone();
        }
        let steps = embedded.size()[1];
        Tensor::cat(&[embedded, &source.memory[0].values.expand([-1, steps, -1], false)], 2)
    }
}

impl Decoder for FixedContextDecoder {
    fn start(&self, encoded: &EncoderOutput) -> (EncodedSource, RecurrentState) {
        let top = encoded.states.finals.last().expect("an encoder has a layer");
        let context = Tensor::cat(&top.iter().map(|state| &state.hidden).collect::<Vec<_>>(), 1).unsqueeze(1); // [B, 1, D]
        let memory = Prepared {
            keys: context.shallow_clone(),
            values: context,
            keep: encoded.keep.narrow(1, 0, 1).ones_like(), // [B, 1]
            lengths: encoded.lengths.ones_like(),
        };
        (EncodedSource { memory: vec![memory], target_ids: None }, RecurrentState::of(self.bridge.cross(&encoded.states)))
    }

    fn forward(
        &self,
        source: &EncodedSource,
        start: RecurrentState,
        embedded: &Tensor,
        pass: &ForwardContext,
        _: WithAttention,
    ) -> DecoderOutput {
        let output = self.stack.run(&self.with_context(source, embedded), &start.cells, self.dropout, pass);
        DecoderOutput { features: output.states, attention: None, sampled: None, copied: None }
    }

    fn step(&self, source: &EncodedSource, state: &mut RecurrentState, embedded: &Tensor, _: i64) -> DecoderStep {
        let rows = embedded.size()[0];
        // W hypotheses of a source are W steps beside each other as far as the context is concerned.
        let input = self.with_context(source, &source.side_by_side(embedded)); // [B, W, E + D]
        let output = self.stack.run(&input.reshape([rows, 1, -1]), &state.cells, 0.0, &ForwardContext::evaluation()); // states [R, 1, H]
        state.cells = output.finals.into_iter().flatten().collect();
        DecoderStep { features: output.states.squeeze_dim(1), weights: None, copied: None }
    }

    fn attends(&self) -> bool {
        false
    }
}
