//! A recurrent decoder's attention to the source: soft or hard, and with or without copying.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::EncodedSource;
use crate::attention::hard::{Drawn, HardAttention};
use crate::attention::{Attended, Attention, AttentionOptions, Copied, CopyGate, Step};
use crate::nn::{Initialization, Pass, Scope};

/// Attention to the source, whether it is hard, and whether what it attends to may be copied.
pub struct CrossAttention {
    pub attention: Attention,
    hard: Option<HardAttention>,
    copy: Option<CopyGate>,
}

/// What a [`CrossAttention`] does beside attending.
pub struct CrossAttentionOptions {
    pub hard: Option<HardAttention>,
    /// The widths of a decoder state and of an embedded input, where the model copies.
    pub copy: Option<[i64; 2]>,
    pub initialization: Initialization,
}

/// What queries found.
pub struct CrossAttended {
    pub attended: Attended,
    /// Where attention is hard.
    pub drawn: Option<Drawn>,
}

impl CrossAttention {
    pub fn new(scope: &Scope, attention: &AttentionOptions, options: &CrossAttentionOptions) -> Result<Self> {
        let copy = options
            .copy
            .map(|[state, input]| CopyGate::new(scope.sub("copy"), [attention.keys, state, input], options.initialization));
        let attention = Attention::new(scope.sub("attention"), attention)?;
        Ok(CrossAttention { attention, hard: options.hard, copy: copy.transpose()? })
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
        step: Step,
        coverage: Option<&Tensor>,
        pass: &Pass,
    ) -> CrossAttended {
        let attended = self.attention.attend(query, &source.memory, step, coverage);
        match &self.hard {
            None => CrossAttended { attended, drawn: None },
            Some(hard) => {
                let (attended, drawn) = hard.harden(attended, &source.memory.values, pass);
                CrossAttended { attended, drawn: Some(drawn) }
            }
        }
    }

    /// No position has been attended to yet [B, S], where the score wants to know.
    pub fn no_coverage(&self, source: &EncodedSource) -> Option<Tensor> {
        self.attention.wants_coverage().then(|| source.memory.keep.zeros_like().to_kind(Kind::Float))
    }
}

/// What was drawn at one step after the other [B, 1] each, side by side [B, T].
pub fn drawn_in_turn(drawn: Vec<Drawn>) -> Option<Drawn> {
    if drawn.is_empty() {
        return None;
    }
    let (log_probabilities, entropies): (Vec<_>, Vec<_>) =
        drawn.into_iter().map(|drawn| (drawn.log_probability, drawn.entropy)).unzip();
    Some(Drawn { log_probability: Tensor::cat(&log_probabilities, 1), entropy: Tensor::cat(&entropies, 1) })
}
