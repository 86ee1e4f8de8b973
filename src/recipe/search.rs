use serde::{Deserialize, Serialize};

use super::check::Checks;

/// How translations are looked for: `[search]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchRecipe {
    /// Hypotheses kept per sentence; 1 is greedy. Default 5.
    pub beam: usize,
    /// How hypotheses of different lengths are compared. Default `{ plain = { alpha = 1.0 } }`.
    pub length_penalty: LengthPenalty,
    /// Weight β of the coverage penalty, 0 or more (Wu et al. 2016, equation 14); 0 is off. Default 0.
    pub coverage_penalty: f64,
    /// Fewest pieces of a translation, end of sentence not counted. Default 0.
    pub minimum_length: usize,
    /// A translation has at most ratio × source pieces + offset pieces. Default 2.
    pub maximum_length_ratio: f64,
    /// See `maximum_length_ratio`. Default 10.
    pub maximum_length_offset: usize,
    /// Padded source pieces of a batch, before the beam multiplies them. Default 4096.
    pub batch_tokens: usize,
}

/// What a hypothesis' log-probability is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum LengthPenalty {
    /// 1: short translations win.
    None,
    /// length^α; with α = 1, the default, scores are mean log-probabilities.
    Plain {
        #[serde(default = "one")]
        alpha: f64,
    },
    /// ((5 + length) / 6)^α (Wu et al. 2016, equation 14); α is 0.6 by default (Vaswani et al. 2017).
    Wu {
        #[serde(default = "wu")]
        alpha: f64,
    },
}

impl Default for SearchRecipe {
    fn default() -> Self {
        Self {
            beam: 5,
            length_penalty: LengthPenalty::Plain { alpha: one() },
            coverage_penalty: 0.0,
            minimum_length: 0,
            maximum_length_ratio: 2.0,
            maximum_length_offset: 10,
            batch_tokens: 4096,
        }
    }
}

impl SearchRecipe {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.value("search.beam", self.beam, "1 to 1,000", |beam| (1..=1000).contains(&beam));
        match self.length_penalty {
            LengthPenalty::None => {}
            LengthPenalty::Plain { alpha } => {
                checks.number("search.length_penalty.plain.alpha", alpha, "0 to 5", |alpha| (0.0..=5.0).contains(&alpha));
            }
            LengthPenalty::Wu { alpha } => {
                checks.number("search.length_penalty.wu.alpha", alpha, "0 to 5", |alpha| (0.0..=5.0).contains(&alpha));
            }
        }
        checks.number("search.coverage_penalty", self.coverage_penalty, "0 or more", |beta| beta >= 0.0);
        checks.number("search.maximum_length_ratio", self.maximum_length_ratio, "0 or more", |ratio| ratio >= 0.0);
        checks.value("search.batch_tokens", self.batch_tokens, "1 or more", |tokens| tokens >= 1);
        checks.conflict(
            &["search.maximum_length_ratio", "search.maximum_length_offset"],
            self.maximum_length_ratio == 0.0 && self.maximum_length_offset == 0,
            || "no translation can have any piece; raise either".to_owned(),
        );
    }
}

fn one() -> f64 {
    1.0
}

fn wu() -> f64 {
    0.6
}
