//! The length penalty: where a sum of log probabilities becomes the score that hypotheses are ranked by.

use crate::recipe::LengthPenalty;

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
