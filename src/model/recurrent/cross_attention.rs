//! A recurrent decoder's attention to the source: soft or hard, and with or without copying.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::{EncodedSource, EncoderOutput};
use crate::attention::hard::{HardAttention, Sampled};
use crate::attention::{Attention, AttentionOptions, AttentionOutput, Copied, CopyGate, QuerySteps};
use crate::nn::{ForwardContext, Initialization, Scope};

/// Attention to the source, whether it is hard, and whether what it attends to may be copied.
pub struct CrossAttention {
    pub attention: Attention,
    hard: Option<HardAttention>,
    copy: Option<CopyGate>,
}

/// What a [`CrossAttention`] does beside attending.
pub struct CrossAttentionOptions {
    /// The widths of a decoder state and of an embedded input, where the model copies.
    pub copy: Option<[i64; 2]>,
    pub initialization: Initialization,
}

/// What queries found.
pub struct CrossAttentionOutput {
    pub attended: AttentionOutput,
    /// Where attention is hard.
    pub sampled: Option<Sampled>,
}

impl CrossAttention {
    pub fn new(scope: &Scope, attention: &AttentionOptions, options: &CrossAttentionOptions) -> Result<Self> {
        let copy = options
            .copy
            .map(|[state, input]| CopyGate::new(scope.sub("copy"), [attention.keys, state, input], options.initialization));
        Ok(CrossAttention {
            attention: Attention::new(scope.sub("attention"), attention)?,
            hard: attention.recipe.hard.map(|hard| HardAttention { soft: hard.soft }),
            copy: copy.transpose()?,
        })
    }

    /// Whether the model copies.
    pub fn copies(&self) -> bool {
        self.copy.is_some()
    }

    /// What may be copied after contexts, states and embedded inputs [B, T, ·] with these weights [B, T, S].
    pub fn copied(&self, source: &EncodedSource, [context, state, input]: [&Tensor; 3], weights: &Tensor) -> Option<Copied> {
        self.copy.as_ref().zip(source.target_ids.as_ref()).map(|(gate, ids)| Copied {
            generate: gate.generate(context, state, input),
            weights: weights.shallow_clone(),
            ids: ids.shallow_clone(),
        })
    }

    /// As [`Attention::attend`].
    pub fn attend(
        &self,
        query: &Tensor,
        source: &EncodedSource,
        step: QuerySteps,
        coverage: Option<&Tensor>,
        pass: &ForwardContext,
    ) -> CrossAttentionOutput {
        let attended = self.attention.attend(query, &source.memory, step, coverage);
        match &self.hard {
            None => CrossAttentionOutput { attended, sampled: None },
            Some(hard) => {
                let (attended, sampled) = hard.harden(attended, &source.memory.values, pass);
                CrossAttentionOutput { attended, sampled: Some(sampled) }
            }
        }
    }

    /// A source as steps attend to it.
    pub fn prepare(&self, encoded: &EncoderOutput) -> EncodedSource {
        EncodedSource {
            memory: self.attention.prepare(&encoded.states.states, &encoded.keep, &encoded.lengths),
            target_ids: encoded.target_ids.as_ref().map(Tensor::shallow_clone),
        }
    }

    /// No position has been attended to yet [B, S], where the score wants to know.
    pub fn no_coverage(&self, source: &EncodedSource) -> Option<Tensor> {
        self.attention.wants_coverage().then(|| source.memory.keep.zeros_like().to_kind(Kind::Float))
    }
}

/// What was drawn at one step after the other [B, 1] each, side by side [B, T].
pub fn sampled_in_turn(sampled: Vec<Sampled>) -> Option<Sampled> {
    if sampled.is_empty() {
        return None;
    }
    let (log_probabilities, entropies): (Vec<_>, Vec<_>) =
        sampled.into_iter().map(|sampled| (sampled.log_probability, sampled.entropy)).unzip();
    Some(Sampled { log_probability: Tensor::cat(&log_probabilities, 1), entropy: Tensor::cat(&entropies, 1) })
}
