//! What a search may be told.

/// How a sum of log probabilities is made comparable between lengths. |Y| counts EOS.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LengthPenalty {
    /// The plain sum.
    None,
    /// Divided by |Y|^α; α = 1 is the mean.
    Plain { alpha: f64 },
    /// Divided by ((5 + |Y|) / 6)^α (Wu et al. 2016, equation 14).
    Wu { alpha: f64 },
}

impl LengthPenalty {
    /// The normalised score of a hypothesis of `length` tokens.
    pub fn normalise(self, sum: f64, length: usize) -> f64 {
        let length = length.max(1) as f64;
        match self {
            LengthPenalty::None => sum,
            LengthPenalty::Plain { alpha } => sum / length.powf(alpha),
            LengthPenalty::Wu { alpha } => sum / ((5.0 + length) / 6.0).powf(alpha),
        }
    }
}

/// Options of one search.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchOptions {
    /// Hypotheses kept side by side; 1 is greedy search.
    pub beam: usize,
    /// Hypotheses returned for each source, at most `beam`.
    pub n_best: usize,
    pub length_penalty: LengthPenalty,
    /// β of the coverage penalty β Σ_j log min(Σ_i a_ij, 1) (Wu et al. 2016, equation 14); 0 is off.
    pub coverage_penalty: f64,
    /// Tokens before EOS may come.
    pub minimum_length: usize,
    /// At most `ratio · source length + offset` tokens, the source's EOS not counted.
    pub maximum_length_ratio: f64,
    pub maximum_length_offset: usize,
    /// Whether hypotheses carry their attention.
    pub attention: bool,
    /// Tokens never produced beside PAD and BOS.
    pub suppressed: Vec<u32>,
}

impl Default for SearchOptions {
    fn default() -> Self {
        SearchOptions {
            beam: 5,
            n_best: 1,
            length_penalty: LengthPenalty::Plain { alpha: 1.0 },
            coverage_penalty: 0.0,
            minimum_length: 0,
            maximum_length_ratio: 2.0,
            maximum_length_offset: 10,
            attention: false,
            suppressed: Vec::new(),
        }
    }
}

impl SearchOptions {
    /// Greedy search.
    pub fn greedy() -> Self {
        SearchOptions { beam: 1, ..SearchOptions::default() }
    }

    /// The most tokens that a source of this many tokens may become.
    pub fn maximum_length(&self, source: usize) -> usize {
        ((self.maximum_length_ratio * source as f64) as usize + self.maximum_length_offset).max(self.minimum_length).max(1)
    }
}
