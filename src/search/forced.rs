//! Forced decoding: what the models say of a translation that is given.

use tch::{IndexOp, Kind};

use super::attention::TokenAttention;
use super::ensemble::{Ensemble, log_of_mean, mean_attention};
use super::scored::Scored;
use crate::batch::{Source, Target};
use crate::kernels::numbers_of;
use crate::model::{Seq2Seq, WithAttention};
use crate::nn::ForwardContext;

/// Runs the model over a batch of pairs in the given order.
pub fn score_pairs(model: &dyn Seq2Seq, source: &Source, target: &Target) -> Vec<Scored> {
    Ensemble::from(model).score(source, target, WithAttention::Yes)
}

impl Ensemble<'_> {
    /// What the models say of given pairs, in the given order.
    pub fn score(&self, source: &Source, target: &Target, attention: WithAttention) -> Vec<Scored> {
        let _guard = tch::no_grad_guard();
        let pass = ForwardContext::evaluation();
        let mut of_members = Vec::new();
        let mut attentions = Vec::new();
        for member in &self.members {
            let decoded = member.forward(source, &target.input, &pass, attention);
            let log_probabilities = member.scores(&decoded, &target.real).log_softmax(-1, Kind::Float);
            of_members.push(log_probabilities.gather(1, &target.output.unsqueeze(1), false));
            attentions.push(decoded.attention);
        }
        let weights = mean_attention(attentions);
        let picked = numbers_of(&log_of_mean(of_members));
        let mut rest = picked.as_slice();
        (0..source.lengths.len())
            .map(|row| {
                let (mine, others) = rest.split_at(target.lengths[row] as usize);
                rest = others;
                let attention = weights
                    .as_ref()
                    .map(|weights| TokenAttention::from_tensor(&weights.i(row as i64), mine.len(), source.lengths[row] as usize));
                Scored { log_probabilities: mine.to_vec(), attention }
            })
            .collect()
    }
}
