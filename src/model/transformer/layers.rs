//! One layer of the encoder, one of the decoder.

use tch::Tensor;

use super::cache::{KeyValueCache, KeysAndValues};
use super::sublayer::{FeedForward, Residual};
use crate::attention::{Allowed, FusedProjection, MultiHead};
use crate::kernels::CacheSlots;
use crate::nn::{ForwardContext, Rotation};

/// Self-attention, then feed-forward.
pub(super) struct EncoderLayer {
    pub self_attention: MultiHead,
    pub self_attention_residual: Residual,
    pub feed_forward: FeedForward,
    pub feed_forward_residual: Residual,
}

impl EncoderLayer {
    /// [B, S, D] to [B, S, D], and weights [B, H, S, S] when wanted; `keep` [B, S].
    pub fn forward(
        &self,
        input: &Tensor,
        keep: &Tensor,
        rotation: Option<&Rotation>,
        with_attention: bool,
        pass: &ForwardContext,
    ) -> (Tensor, Option<Tensor>) {
        let mut weights = None;
        let attended = self.self_attention_residual.around(input, pass, |input| {
            let projection = self.self_attention.fused_projection();
            let [queries, keys, values] = rotated(rotation, self.self_attention.project_query_key_value(input, &projection)); // [B, S, D] each
            let (context, found) =
                self.self_attention.attend(&queries, (&keys, &values), Allowed::Kept(keep), with_attention, pass);
            weights = found; // [B, H, S, S]
            context
        });
        (self.feed_forward_residual.around(&attended, pass, |input| self.feed_forward.forward(input, pass)), weights)
    }
}

/// Self-attention to the target so far, cross-attention to the source, then feed-forward.
pub(super) struct DecoderLayer {
    pub self_attention: MultiHead,
    pub self_attention_residual: Residual,
    pub cross_attention: MultiHead,
    pub cross_attention_residual: Residual,
    pub feed_forward: FeedForward,
    pub feed_forward_residual: Residual,
}

/// The source as all decoder layers see it under teacher forcing.
pub(super) struct SourceView<'a> {
    /// True where there is a token [B, S].
    pub keep: &'a Tensor,
    /// Whether cross-attention's weights are wanted.
    pub with_attention: bool,
    /// Whether self-attention's weights are wanted.
    pub with_self_attention: bool,
}

/// What a decoder layer makes of all positions.
pub(super) struct DecoderLayerOutput {
    /// [B, T, D]
    pub states: Tensor,
    /// Weights [B, H, T, T], when wanted.
    pub self_attention: Option<Tensor>,
    /// Weights [B, H, T, S], when wanted.
    pub cross_attention: Option<Tensor>,
}

/// What all layers of one step have in common.
pub(super) struct StepContext<'a> {
    /// Which row of the self-attention caches each source has [B].
    pub rows: &'a [usize],
    /// Where the step's keys and values go in those rows: the first of W slots.
    pub first_slot: usize,
    /// What self-attention attends to: each hypothesis's own tokens, the coming one's included.
    pub self_slots: CacheSlots,
    /// What cross-attention attends to: each source's tokens.
    pub source_slots: CacheSlots,
    /// Of the step's position.
    pub rotation: Option<Rotation>,
    /// Whether cross-attention's weights are wanted.
    pub with_attention: bool,
}

impl DecoderLayer {
    /// All positions of the target at once [B, T, D]. `memory` holds keys and values [B, S, D] each.
    pub fn forward(
        &self,
        input: &Tensor,
        memory: &KeysAndValues,
        source: &SourceView,
        rotation: Option<&Rotation>,
        pass: &ForwardContext,
    ) -> DecoderLayerOutput {
        let (mut self_attention, mut cross_attention) = (None, None);
        let attended = self.self_attention_residual.around(input, pass, |input| {
            let projection = self.self_attention.fused_projection();
            let [queries, keys, values] = rotated(rotation, self.self_attention.project_query_key_value(input, &projection)); // [B, T, D] each
            let wanted = source.with_self_attention;
            let (context, found) = self.self_attention.attend(&queries, (&keys, &values), Allowed::Causal, wanted, pass);
            self_attention = found; // [B, H, T, T]
            context
        });
        let cross_attended = self.cross_attention_residual.around(&attended, pass, |input| {
            let queries = self.cross_attention.queries(input); // [B, T, D]
            let keys_and_values = (&memory.keys, &memory.values);
            let allowed = Allowed::Kept(source.keep);
            let (context, found) = self.cross_attention.attend(&queries, keys_and_values, allowed, source.with_attention, pass);
            cross_attention = found; // [B, H, T, S]
            context
        });
        let states = self.feed_forward_residual.around(&cross_attended, pass, |input| self.feed_forward.forward(input, pass));
        DecoderLayerOutput { states, self_attention, cross_attention }
    }

    /// One token of each of R hypotheses: [R, D] to [R, D], and weights [R, H, S] when wanted. Its keys and values go into the cache.
    pub fn step(
        &self,
        input: &Tensor,
        cache: &KeyValueCache,
        projection: &FusedProjection,
        step: &StepContext,
    ) -> (Tensor, Option<Tensor>) {
        let pass = ForwardContext::evaluation();
        let attended = self.self_attention_residual.around(input, &pass, |input| {
            let fused = self.self_attention.project_query_key_value(input, projection);
            let [queries, keys, values] = rotated(step.rotation.as_ref(), fused); // [R, D] each
            cache.self_attention.store(step.first_slot, step.rows, [&keys, &values]);
            self.self_attention.step(&queries, cache.self_attention.each(), &step.self_slots, false).0
        });
        let mut weights = None;
        let cross_attended = self.cross_attention_residual.around(&attended, &pass, |input| {
            let queries = self.cross_attention.queries(input); // [R, D]
            let (context, found) =
                self.cross_attention.step(&queries, cache.cross_attention.each(), &step.source_slots, step.with_attention);
            weights = found; // [R, H, S]
            context
        });
        (self.feed_forward_residual.around(&cross_attended, &pass, |input| self.feed_forward.forward(input, &pass)), weights)
    }
}

/// Queries and keys turned by their positions, when positions are rotary.
fn rotated(rotation: Option<&Rotation>, [queries, keys, values]: [Tensor; 3]) -> [Tensor; 3] {
    match rotation {
        Some(rotation) => [rotation.turn(&queries), rotation.turn(&keys), values],
        None => [queries, keys, values],
    }
}
