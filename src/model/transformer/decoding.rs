//! A Transformer's decoding session: one token of every hypothesis at a time, with key-value caches.

use tch::{Device, Kind, Tensor};

use super::TransformerModel;
use super::cache::{HypothesisSlots, KeyValueCache, KeysAndValues};
use super::embedding::TokenPositions;
use super::layers::StepContext;
use crate::attention::FusedProjection;
use crate::batch::Source;
use crate::kernels::CacheSlots;
use crate::model::{Decoding, Seq2Seq, StepOutput, WithAttention};
use crate::nn::ForwardContext;
use crate::runtime::bf16_maps;

/// See [`Decoding`].
pub(super) struct TransformerDecoding<'a> {
    model: &'a TransformerModel,
    /// One for each decoder layer.
    caches: Vec<KeyValueCache>,
    /// What would have to be joined at every step: for each layer the projection of its self-attention.
    projections: Vec<FusedProjection>,
    slots: HypothesisSlots,
    /// Which row of the cross-attention caches each source has [B].
    rows: Vec<usize>,
    /// Tokens of each source, EOS included [B].
    lengths: Vec<usize>,
    /// How many tokens every hypothesis has.
    position: i64,
}

impl<'a> TransformerDecoding<'a> {
    pub fn start(model: &'a TransformerModel, source: &Source) -> Self {
        let _guard = tch::no_grad_guard();
        let states = model.encode(source, &ForwardContext::evaluation()); // [B, S, D]
        let (sources, _, size) = states.size3().expect("the encoder's output has three dimensions");
        // On the CPU a step reads caches row by row (`kernels::cached_attention`), with a loop for each of these kinds.
        let kind = (states.device() == Device::Cpu).then(|| if bf16_maps() { Kind::BFloat16 } else { Kind::Float });
        let caches = model.decoder.iter().map(|layer| {
            let (keys, values) = layer.cross_attention.keys_and_values(&states);
            let cached = |part: Tensor| kind.map_or_else(|| part.shallow_clone(), |kind| part.to_kind(kind));
            KeyValueCache {
                self_attention: KeysAndValues::empty(sources, size, (kind.unwrap_or(Kind::Float), states.device())),
                cross_attention: KeysAndValues { keys: cached(keys), values: cached(values) },
            }
        });
        TransformerDecoding {
            caches: caches.collect(),
            projections: model.decoder.iter().map(|layer| layer.self_attention.fused_projection()).collect(),
            slots: HypothesisSlots::new(sources as usize),
            rows: (0..sources as usize).collect(),
            lengths: source.lengths.iter().map(|&length| length as usize).collect(),
            position: 0,
            model,
        }
    }
}

impl Decoding for TransformerDecoding<'_> {
    fn step(&mut self, previous: &[u32], attention: WithAttention) -> StepOutput {
        let _guard = tch::no_grad_guard();
        let model = self.model;
        let width = self.slots.width();
        let first_slot = self.slots.push(&mut self.caches);
        let source_capacity = self.caches.first().map_or(0, |cache| cache.cross_attention.keys.size()[1]);
        let context = StepContext {
            rows: &self.slots.rows,
            first_slot,
            self_slots: CacheSlots::listed(&self.slots.rows, &self.slots.slots, self.slots.capacity, width),
            source_slots: CacheSlots::leading(&self.rows, &self.lengths, source_capacity as usize, width),
            rotation: model.decoder_rotation(self.position, 1),
            with_attention: attention == WithAttention::Yes,
        };
        let previous: Vec<i64> = previous.iter().map(|&token| i64::from(token)).collect();
        let previous = Tensor::from_slice(&previous).to_device(model.output.device()).unsqueeze(1); // [R, 1]
        let embedded = model.target.forward(&previous, TokenPositions::One(self.position), &ForwardContext::evaluation()); // [R, 1, D]
        let mut states = embedded.squeeze_dim(1); // [R, D]
        let mut weights = Vec::new();
        for ((layer, cache), projection) in model.decoder.iter().zip(&self.caches).zip(&self.projections) {
            let (output, layer_weights) = layer.step(&states, cache, projection, &context); // [R, D], [R, H, S]
            states = output;
            weights.extend(layer_weights);
        }
        self.position += 1;
        StepOutput {
            scores: model.output().step(&model.normalised(states)), // [R, V]
            attention: context.with_attention.then(|| Tensor::stack(&weights, 1)), // [R, layers, H, S]
        }
    }

    fn reorder(&mut self, hypotheses: &[usize]) {
        self.slots.reorder(hypotheses);
    }

    fn retain(&mut self, sources: &[usize]) {
        self.slots.retain(sources);
        self.rows = sources.iter().map(|&source| self.rows[source]).collect();
        self.lengths = sources.iter().map(|&source| self.lengths[source]).collect();
    }
}
