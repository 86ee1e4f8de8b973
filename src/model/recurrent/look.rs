//! Where a decoder looks: soft attention, or one place at a time.

use anyhow::Result;
use tch::Tensor;

use crate::attention::hard::{Drawn, HardAttention};
use crate::attention::{Attended, Attention, AttentionOptions, Prepared, Step};
use crate::model::Encoded;
use crate::nn::{Pass, Scope};

/// Attention, and whether it is hard.
pub struct Look {
    pub attention: Attention,
    hard: Option<HardAttention>,
}

/// What a query found.
pub struct Looked {
    pub attended: Attended,
    /// Where attention is hard.
    pub drawn: Option<Drawn>,
}

impl Look {
    pub fn new(scope: Scope, options: &AttentionOptions, hard: Option<HardAttention>) -> Result<Self> {
        Ok(Look { attention: Attention::new(scope, options)?, hard })
    }

    /// As [`Attention::attend`].
    pub fn attend(&self, query: &Tensor, prepared: &Prepared, step: Step, covered: Option<&Tensor>, pass: &Pass) -> Looked {
        let attended = self.attention.attend(query, prepared, step, covered);
        match &self.hard {
            None => Looked { attended, drawn: None },
            Some(hard) => {
                let (attended, drawn) = hard.harden(attended, &prepared.values, pass);
                Looked { attended, drawn: Some(drawn) }
            }
        }
    }

    /// What [`Attention::prepare`] left in an encoded source.
    pub fn prepared(encoded: &Encoded) -> Prepared {
        Prepared {
            keys: encoded.memory[0].shallow_clone(),
            values: encoded.memory[1].shallow_clone(),
            keep: encoded.keep.shallow_clone(),
            lengths: encoded.lengths.shallow_clone(),
        }
    }
}

/// What was drawn at one step after the other [B, 1] each, side by side [B, T].
pub fn in_a_row(drawn: Vec<Drawn>) -> Option<Drawn> {
    if drawn.is_empty() {
        return None;
    }
    let (log_probabilities, entropies): (Vec<_>, Vec<_>) =
        drawn.into_iter().map(|drawn| (drawn.log_probability, drawn.entropy)).unzip();
    Some(Drawn { log_probability: Tensor::cat(&log_probabilities, 1), entropy: Tensor::cat(&entropies, 1) })
}
