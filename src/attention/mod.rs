//! Attention as three questions kept apart: how a key is scored ([`Score`]), how scores become a choice ([`Choice`]), and what is
//! remembered (the keys and values given to [`Attention::prepare`]). Any score works with any choice.

mod boundary;
pub mod calculator;
mod choice;
mod copying;
pub mod hard;
mod heads;
mod hierarchical;
mod match_lstm;
mod multi_head;
mod pointer;
mod score;
pub mod structured;

pub use boundary::BoundaryPointer;
pub use choice::{Choice, CustomChoice};
pub use copying::{Copied, CopyGate, copy_mixture};
pub use heads::{Heads, HeadsOptions};
pub use hierarchical::{Documents, Hierarchical, HierarchicalOptions, HierarchicalOutput};
pub use match_lstm::{Encoded, MatchLstm, MatchLstmOptions, Matched};
pub use multi_head::{Allowed, FusedProjection, MultiHead};
pub use pointer::{Pointer, PointerOptions};
pub use score::{CustomScore, MakeScore, Score, register_score};

use anyhow::{Result, ensure};
use tch::{Kind, Tensor};

use crate::nn::{Initialization, Scope, Weight};
use crate::recipe::AttentionRecipe;

/// Options of an attention layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttentionOptions {
    /// Score, choice and what belongs to them. Whether attention is hard is the business of who uses it.
    pub recipe: AttentionRecipe,
    /// Size of queries.
    pub query: i64,
    /// Size of keys.
    pub keys: i64,
    /// Longest source that the location score can tell apart.
    pub maximum_length: i64,
    pub initialization: Initialization,
    /// For the matrices of additive and concat scores; Bahdanau et al. use N(0, 0.001²).
    pub score_initialization: Initialization,
    /// For v of additive and concat scores; Bahdanau et al. start it at zero.
    pub energy_initialization: Initialization,
}

/// One attention layer over one memory. Nothing in it changes between calls.
pub struct Attention {
    score: Score,
    choice: Choice,
    coverage: Option<Weight>,
    hopfield_steps: i64,
}

/// What is worked out once for a source.
pub struct Prepared {
    /// What queries are compared with [B, S, ·]: projected keys.
    pub keys: Tensor,
    /// What is mixed into the context [B, S, D].
    pub values: Tensor,
    /// True where attention may go [B, S].
    pub keep: Tensor,
    /// Number of kept positions as float [B, 1]: the sentence's own length.
    pub lengths: Tensor,
}

/// What came of attending.
pub struct AttentionOutput {
    /// Mixture of the values [B, Q, D].
    pub context: Tensor,
    /// Share of each position [B, Q, S]. Sums to one over kept positions, but for local-p, whose Gaussian takes some away, and for the
    /// structured choices, which may choose none or several.
    pub weights: Tensor,
}

impl Prepared {
    /// What is prepared of these sources [B'] (int64).
    pub fn select(&self, sources: &Tensor) -> Self {
        let of = |tensor: &Tensor| tensor.index_select(0, sources);
        Prepared { keys: of(&self.keys), values: of(&self.values), keep: of(&self.keep), lengths: of(&self.lengths) }
    }
}

impl Attention {
    /// # Errors
    /// Sizes and windows that cannot work.
    pub fn new(scope: Scope, options: &AttentionOptions) -> Result<Self> {
        let AttentionRecipe { score, size, coverage, hopfield_steps: steps, .. } = options.recipe;
        ensure!(steps >= 1, "an attention of {steps} retrieval steps: expected 1, which is attention, or more");
        ensure!(
            steps == 1 || score.compares(),
            "a score of kind {:?} lets no query settle: {steps} retrieval steps need dot, scaled dot or general",
            score
        );
        Ok(Attention {
            hopfield_steps: steps,
            score: Score::new(&scope, options)?,
            choice: Choice::new(&scope, options)?,
            // One weight a hidden unit where the score has a hidden layer, else one weight for the energy itself.
            coverage: coverage.then(|| {
                let width = if score.has_hidden_layer() { size } else { 1 };
                scope.tensor("coverage", &[width], options.initialization)
            }),
        })
    }

    /// Any score with any choice, those of one's own among them; without coverage.
    pub fn of(score: Score, choice: Choice) -> Self {
        Attention { score, choice, coverage: None, hopfield_steps: 1 }
    }

    /// Once a source: `memory` [B, S, D] gives keys and values, `keep` [B, S] and `lengths` [B, 1] its true extent.
    pub fn prepare(&self, memory: &Tensor, keep: &Tensor, lengths: &Tensor) -> Prepared {
        Prepared {
            keys: self.score.prepare(memory),
            values: memory.shallow_clone(),
            keep: keep.shallow_clone(),
            lengths: lengths.shallow_clone(),
        }
    }

    /// The same with keys [B, S, D] to compare and values [B, S, D''] to mix apart (Daniluk et al. 2017; Miller et al. 2016).
    ///
    /// # Errors
    /// Keys and values of different numbers of sources or positions.
    pub fn prepare_apart(&self, keys: &Tensor, values: &Tensor, keep: &Tensor, lengths: &Tensor) -> Result<Prepared> {
        let (found, expected) = (values.size(), keys.size());
        ensure!(
            found.len() == 3 && expected.len() == 3 && found[..2] == expected[..2],
            "each key needs a value: expected [B, S, ·] of both, found keys {expected:?} and values {found:?}"
        );
        Ok(Prepared { values: values.shallow_clone(), ..self.prepare(keys, keep, lengths) })
    }

    /// Attends with queries [B, Q, D']. `step` says at which decoder steps they stand: each a step after the one before it, or all at the same
    /// (beam hypotheses of one sentence). `covered` [B, Q, S] is the sum of earlier
    /// weights, needed when the layer was made with coverage.
    pub fn attend(&self, query: &Tensor, prepared: &Prepared, step: QuerySteps, covered: Option<&Tensor>) -> AttentionOutput {
        let coverage = self.coverage.as_deref().zip(covered);
        let weigh = |settled: &Tensor| {
            let energy = self.score.energy(settled, prepared, coverage);
            // Where a choice predicts a place, it does so from what was asked.
            self.choice.choose(&energy, query, prepared, step)
        };
        let mut weights = weigh(query);
        for _ in 1..self.hopfield_steps {
            // ξ ← X softmax(β Xᵀ ξ) (Ramsauer et al. 2021, equation 3).
            weights = weigh(&weights.matmul(&self.score.patterns(prepared)));
        }
        let context = weights.matmul(&prepared.values);
        AttentionOutput { context, weights }
    }

    /// Whether [`Attention::attend`] wants to know what was covered before.
    pub fn wants_coverage(&self) -> bool {
        self.coverage.is_some()
    }
}

/// Which decoder steps the queries of a call stand at; local-m attention needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuerySteps {
    /// Every query at this step: hypotheses of one sentence side by side.
    Same(i64),
    /// Query q at step `from + q`: a whole target at once.
    From(i64),
}

/// float32 where it was half precision, in which sums of many positions and their differences would be lost.
fn full_precision(tensor: &Tensor) -> Tensor {
    if tensor.kind() == Kind::Double { tensor.shallow_clone() } else { tensor.to_kind(Kind::Float) }
}

#[cfg(test)]
mod tests;
