//! What a search may be told.

use super::length_penalty::LengthPenalty;
use super::stopping::EarlyStopping;

/// Tokens are drawn by chance instead of searched for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Log probabilities are divided by it: below 1 likely tokens get likelier.
    pub temperature: f64,
    /// Only this many of the likeliest tokens (Fan et al. 2018); 0 is all.
    pub top_k: usize,
    /// Only the likeliest tokens that together have this probability (Holtzman et al. 2020); 1 is all.
    pub top_p: f64,
    /// A draw is a function of this, the source's tokens and the number of the sample: of no neighbour.
    pub seed: u64,
}

/// Options of one search.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchOptions {
    /// Hypotheses kept side by side; 1 is greedy search. Sampling does not look at it.
    pub beam: usize,
    /// Hypotheses returned for each source, at most `beam`; or how many are sampled.
    pub n_best: usize,
    pub length_penalty: LengthPenalty,
    /// β of the coverage penalty β Σ_j log min(Σ_i a_ij, 1) (Wu et al. 2016, equation 14); 0 is off.
    pub coverage_penalty: f64,
    pub early_stopping: EarlyStopping,
    /// A beam has enough when `patience · beam` hypotheses are finished (Kasai et al. 2022); 1 is as many as the beam is wide.
    pub patience: f64,
    /// Tokens before EOS may come.
    pub minimum_length: usize,
    /// At most `ratio · source length + offset` tokens, the source's EOS not counted.
    pub maximum_length_ratio: f64,
    pub maximum_length_offset: usize,
    /// Tokens that the model has positions for: no hypothesis gets longer, whatever else is said.
    pub positions: usize,
    /// Whether hypotheses carry their attention.
    pub attention: bool,
    /// Tokens never produced beside PAD and BOS.
    pub suppressed: Vec<u32>,
    /// Sequences of tokens never produced.
    pub suppressed_phrases: Vec<Vec<u32>>,
    /// No sequence of this many tokens twice; 0 is off.
    pub no_repeat_ngram: usize,
    /// θ of the repetition penalty: see [`RepetitionPenalty`]; 1 is off.
    pub repetition_penalty: f64,
    /// The beam is cut into this many groups, each of which shuns what those before it chose (Vijayakumar et al. 2016); 1 is off.
    pub diversity_groups: usize,
    /// λ: what it costs a token that an earlier group chose it at the same step.
    pub diversity_penalty: f64,
    pub sampling: Option<Sampling>,
}

impl Default for SearchOptions {
    fn default() -> Self {
        SearchOptions {
            beam: 5,
            n_best: 1,
            length_penalty: LengthPenalty::Plain { alpha: 1.0 },
            coverage_penalty: 0.0,
            early_stopping: EarlyStopping::default(),
            patience: 1.0,
            minimum_length: 0,
            maximum_length_ratio: 2.0,
            maximum_length_offset: 10,
            positions: usize::MAX,
            attention: false,
            suppressed: Vec::new(),
            suppressed_phrases: Vec::new(),
            no_repeat_ngram: 0,
            repetition_penalty: 1.0,
            diversity_groups: 1,
            diversity_penalty: 0.5,
            sampling: None,
        }
    }
}

impl SearchOptions {
    /// Greedy search.
    pub fn greedy() -> Self {
        SearchOptions { beam: 1, ..SearchOptions::default() }
    }

    /// The most tokens that a source of this many tokens may become, EOS counted: room for the least length and its EOS, and no more than
    /// the model has positions for.
    pub fn maximum_length(&self, source: usize) -> usize {
        let limit = ((self.maximum_length_ratio * source as f64) as usize).saturating_add(self.maximum_length_offset);
        limit.max(self.minimum_length.saturating_add(1)).min(self.positions).max(1)
    }

    /// Hypotheses side by side in one group.
    pub(super) fn group_width(&self) -> usize {
        (self.beam / self.groups()).max(1)
    }

    pub(super) fn groups(&self) -> usize {
        self.diversity_groups.clamp(1, self.beam.max(1))
    }

    /// Whether attention has to be known.
    pub(super) fn wants_attention(&self) -> bool {
        self.attention || self.coverage_penalty > 0.0
    }
}
