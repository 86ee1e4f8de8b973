//! What search asks of a model: a decoding session with three verbs, and what a step of it gives.

use tch::{Kind, Tensor};

use super::WithAttention;
use crate::kernels::{LogitSummary, vocabulary_logits};
use crate::nn::{for_bf16, linear};
use crate::runtime::{bf16_maps, half_products};

/// A batch of sources on its way to translations: R = B · W hypotheses, W of each source side by side.
///
/// It begins with one hypothesis, the empty one, for each source ([`Seq2Seq::start`](super::Seq2Seq::start)). What the model remembers of
/// sources and hypotheses lives inside, as its own types: a Transformer's key-value caches, a recurrent decoder's state. No gradients are
/// kept.
pub trait Decoding {
    /// Takes in the last token of every hypothesis, `previous` [R], BOS at first, and gives what may come next.
    fn step(&mut self, previous: &[u32], attention: WithAttention) -> StepOutput;

    /// Goes on with these hypotheses [R'], counted over [R], as many of every source: they are chosen, dropped and repeated as a beam spreads.
    fn reorder(&mut self, hypotheses: &[usize]);

    /// Goes on with these sources [B'], ascending, and their hypotheses: the others are done.
    fn retain(&mut self, sources: &[usize]);
}

/// What a step gives.
pub struct StepOutput {
    pub scores: NextTokenScores,
    /// Weights [R, layers, heads, S], when asked for and the model attends.
    pub attention: Option<Tensor>,
}

/// Scores of the next token, in single precision.
pub enum NextTokenScores {
    /// Logits [R, V], and what makes log probabilities of them: so these need not be worked out for a whole vocabulary.
    Logits { logits: Tensor, summary: LogitSummary },
    /// log p [R, V], where a model gives nothing else, such as one that copies.
    LogProbabilities(Tensor),
}

impl NextTokenScores {
    /// The scores as they are [R, V].
    pub fn tensor(&self) -> &Tensor {
        match self {
            NextTokenScores::Logits { logits, .. } => logits,
            NextTokenScores::LogProbabilities(log_probabilities) => log_probabilities,
        }
    }

    /// log p [R, V].
    pub fn log_probabilities(self) -> Tensor {
        match self {
            NextTokenScores::Logits { mut logits, summary } => {
                logits -= summary.highest;
                logits -= summary.log_sum;
                logits
            }
            NextTokenScores::LogProbabilities(log_probabilities) => log_probabilities,
        }
    }
}

/// logits = features · weightᵀ + bias.
pub struct OutputLayer<'a> {
    /// [V, F]
    pub weight: &'a Tensor,
    /// [V]
    pub bias: Option<&'a Tensor>,
}

impl OutputLayer<'_> {
    /// Features [.., F] to logits [.., V], in single precision.
    pub fn logits(&self, features: &Tensor) -> Tensor {
        linear(features, self.weight, self.bias).to_kind(Kind::Float)
    }

    /// The same for one step [R, F] of a decoding session, with their summary.
    pub fn step(&self, features: &Tensor) -> NextTokenScores {
        // Autocast has no say in products block by block.
        let in_blocks = half_products().is_none().then(|| {
            let plain = || (features.contiguous(), self.weight.contiguous());
            let (features, weight) = if bf16_maps() { for_bf16(features, self.weight) } else { plain() };
            vocabulary_logits(&features, &weight, self.bias)
        });
        let (logits, summary) = in_blocks.flatten().unwrap_or_else(|| {
            let logits = self.logits(features);
            let summary = LogitSummary::of(&logits);
            (logits, summary)
        });
        NextTokenScores::Logits { logits, summary }
    }
}
