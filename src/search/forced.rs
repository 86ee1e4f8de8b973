//! Forced decoding: what the model says of a translation that is given.

use super::attention::TokenAttention;
use super::ensemble::Ensemble;
use crate::batch::{Source, Target};
use crate::model::{Seq2Seq, WithAttention};

/// A given pair as the model sees it.
#[derive(Debug, Clone)]
pub struct Scored {
    /// log p of each target token and of EOS. Natural logarithm.
    pub log_probabilities: Vec<f32>,
    /// Weights for each of them, when the model attends.
    pub attention: Option<TokenAttention>,
}

/// Runs the model over a batch of pairs in the given order.
pub fn score_pairs(model: &dyn Seq2Seq, source: &Source, target: &Target) -> Vec<Scored> {
    Ensemble::from(model).score(source, target, WithAttention::Yes)
}
