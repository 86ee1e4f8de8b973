//! What models say of a translation that is given.

use super::attention::TokenAttention;

/// A given pair as the model sees it.
#[derive(Debug, Clone)]
pub struct Scored {
    /// log p of each target token and of EOS. Natural logarithm.
    pub log_probabilities: Vec<f32>,
    /// Weights for each of them, when the model attends.
    pub attention: Option<TokenAttention>,
}
