//! Where a decoder looks: soft attention, or one place at a time.

use anyhow::Result;
use tch::Tensor;

use crate::attention::hard::{Drawn, HardAttention};
use crate::attention::{Attended, Attention, AttentionOptions, Copied, CopyGate, Prepared, Step};
use crate::model::Encoded;
use crate::nn::{Initialization, Pass, Scope};

/// Where [`Look::memory`] has what positions are in the target's vocabulary.
const SAME: usize = 2;

/// Attention, whether it is hard, and whether what it looks at may be copied.
pub struct Look {
    pub attention: Attention,
    hard: Option<HardAttention>,
    copy: Option<CopyGate>,
}

/// What a [`Look`] does beside attending.
pub struct LookOptions {
    pub hard: Option<HardAttention>,
    /// The widths of a decoder state and of an embedded input, where the model copies.
    pub copy: Option<[i64; 2]>,
    pub initialization: Initialization,
}

/// What a query found.
pub struct Looked {
    pub attended: Attended,
    /// Where attention is hard.
    pub drawn: Option<Drawn>,
}

impl Look {
    pub fn new(scope: &Scope, attention: &AttentionOptions, options: &LookOptions) -> Result<Self> {
        let copy = options
            .copy
            .map(|[state, input]| CopyGate::new(scope.sub("copy"), [attention.keys, state, input], options.initialization));
        Ok(Look { attention: Attention::new(scope.sub("attention"), attention)?, hard: options.hard, copy: copy.transpose()? })
    }

    /// Whether the model copies.
    pub fn copies(&self) -> bool {
        self.copy.is_some()
    }

    /// What may be copied after contexts, states and embedded inputs [B, T, ·] with these weights [B, T, S].
    pub fn copied(&self, encoded: &Encoded, [context, state, input]: [&Tensor; 3], weights: &Tensor) -> Option<Copied> {
        self.copy.as_ref().map(|gate| Copied {
            generate: gate.generate(context, state, input),
            weights: weights.shallow_clone(),
            ids: encoded.memory[SAME].shallow_clone(),
        })
    }

    /// What is remembered of a source: keys, values, and what its positions are in the target's vocabulary.
    pub fn memory(prepared: Prepared, same: Option<&Tensor>) -> Vec<Tensor> {
        [prepared.keys, prepared.values].into_iter().chain(same.map(Tensor::shallow_clone)).collect()
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

    /// What [`Look::memory`] left in an encoded source.
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
