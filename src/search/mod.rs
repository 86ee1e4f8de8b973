//! From a model and sources to hypotheses that carry their attention. Knows the [`Seq2Seq`](crate::model::Seq2Seq) trait and no model.

mod attention;
mod beam;
mod forced;
mod options;
mod processor;

pub use attention::TokenAttention;
pub use beam::search;
pub use forced::{Scored, score_pairs};
pub use options::{LengthPenalty, SearchOptions};
pub use processor::{MinimumLength, Processor, Suppress};

/// One translation of one source.
#[derive(Debug, Clone)]
pub struct Hypothesis {
    /// Token ids without BOS and EOS.
    pub tokens: Vec<u32>,
    /// log p of each token, and of EOS at the end when the hypothesis is finished. Natural logarithm.
    pub log_probabilities: Vec<f32>,
    /// What hypotheses are ranked by: summed log p under length normalisation, plus the coverage penalty.
    pub score: f64,
    /// False when the length limit cut it off.
    pub finished: bool,
    /// Weights for each entry of `log_probabilities`, when they were asked for and the model attends.
    pub attention: Option<TokenAttention>,
}
