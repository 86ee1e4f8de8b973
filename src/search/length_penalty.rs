//! The length penalty: where a sum of log probabilities becomes the score that hypotheses are ranked by.

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
