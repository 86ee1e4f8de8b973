//! A hypothesis on its way, and when it has arrived.

use std::rc::Rc;

use super::attention::{StepAttention, TokenAttention};
use super::candidate::Candidate;
use super::constraint::{PhraseConstraint, Progress};
use super::options::SearchOptions;
use crate::text::special::EOS;

/// One translation of one source.
#[derive(Debug, Clone)]
pub struct Hypothesis {
    /// Token ids without BOS and EOS.
    pub tokens: Vec<u32>,
    /// log p of each token, and of EOS at the end when the hypothesis is finished: what the model says, no rule applied. Natural
    /// logarithm.
    pub log_probabilities: Vec<f32>,
    /// What hypotheses are ranked by: summed log p (where there is a repetition penalty, after it) under length normalisation, plus the coverage penalty.
    pub score: f64,
    /// False when the length limit cut it off.
    pub finished: bool,
    /// Whether the length limit cut it off, or ended its search while something better was on its way.
    pub cut_short: bool,
    /// Weights for each entry of `log_probabilities`, when they were asked for and the model attends.
    pub attention: Option<TokenAttention>,
    /// Which constraints of its source it lacks: none when it is finished.
    pub unmet: Vec<usize>,
}

/// A hypothesis in a beam, still growing. A sum of minus infinity marks a row that only fills the beam.
#[derive(Clone, Default)]
pub(super) struct BeamHypothesis {
    pub tokens: Vec<u32>,
    log_probabilities: Vec<f32>,
    /// What it is ranked by before normalisation.
    pub sum: f64,
    /// What diversity took away: it counts inside the beam only.
    pub diversity: f64,
    /// Step and row of each token's weights.
    attention: Vec<(Rc<StepAttention>, usize)>,
    pub progress: Progress,
}

impl BeamHypothesis {
    pub fn new(constraints: &[PhraseConstraint]) -> Self {
        BeamHypothesis { progress: Progress::new(constraints), ..BeamHypothesis::default() }
    }

    pub fn padding() -> Self {
        BeamHypothesis { sum: f64::NEG_INFINITY, ..BeamHypothesis::default() }
    }

    pub fn is_filler(&self) -> bool {
        self.sum == f64::NEG_INFINITY
    }

    pub fn push(
        &mut self,
        candidate: &Candidate,
        attention: Option<(Rc<StepAttention>, usize)>,
        constraints: &[PhraseConstraint],
    ) {
        self.tokens.push(candidate.token);
        self.log_probabilities.push(candidate.log_probability);
        self.sum = candidate.sum;
        self.diversity = candidate.diversity;
        self.attention.extend(attention);
        if candidate.token != EOS {
            self.progress.advance(constraints, &self.tokens);
        }
    }

    pub fn ended(&self) -> bool {
        self.tokens.last() == Some(&EOS)
    }

    /// The log-probability under the length penalty, with the coverage penalty (Wu et al. 2016, equation 14).
    pub fn score(&self, source_length: usize, options: &SearchOptions) -> f64 {
        let score = options.recipe.length_penalty.normalise(self.sum, self.log_probabilities.len());
        let attention = if options.recipe.coverage_penalty > 0.0 { self.gather_attention(source_length) } else { None };
        attention.map_or(score, |attention| score + options.recipe.coverage_penalty * coverage_penalty(&attention))
    }

    pub fn into_hypothesis(mut self, source_length: usize, options: &SearchOptions) -> Hypothesis {
        let finished = self.ended();
        if finished {
            self.tokens.pop();
        }
        let score = self.score(source_length, options);
        let attention = self.gather_attention(source_length);
        Hypothesis {
            unmet: self.progress.unmet(),
            tokens: self.tokens,
            log_probabilities: self.log_probabilities,
            score,
            finished,
            cut_short: !finished,
            attention: attention.filter(|_| options.attention),
        }
    }

    fn gather_attention(&self, columns: usize) -> Option<TokenAttention> {
        let (first, _) = self.attention.first()?;
        let (layers, heads, rows) = (first.layers, first.heads, self.attention.len());
        let mut weights = Vec::with_capacity(layers * heads * rows * columns);
        for head in 0..layers * heads {
            for (step, row) in &self.attention {
                let start = (row * layers * heads + head) * step.columns;
                weights.extend_from_slice(&step.weights[start..start + columns]);
            }
        }
        Some(TokenAttention { layers, heads, rows, columns, weights })
    }
}

/// Σ_j log min(Σ_i a_ij, 1) over source tokens, EOS included.
fn coverage_penalty(attention: &TokenAttention) -> f64 {
    let mean = attention.mean();
    (0..attention.columns)
        .map(|column| {
            let sum: f32 = (0..attention.rows).map(|row| mean[row * attention.columns + column]).sum();
            // A position that was never looked at costs much, but not everything.
            f64::from(sum.clamp(1e-6, 1.0)).ln()
        })
        .sum()
}
