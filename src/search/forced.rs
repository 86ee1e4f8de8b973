//! Forced decoding: what the models say of a translation that is given.

use tch::{IndexOp, Kind, Tensor};

use super::attention::{PairAttention, TokenAttention};
use super::ensemble::{Ensemble, log_of_mean, mean_attention};
use super::scored::Scored;
use crate::batch::{Source, Target};
use crate::kernels::numbers_of;
use crate::model::{AllAttention, Seq2Seq, WithAttention};
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

    /// Every attention of all layers and heads over given pairs, in the given order. Of several models as [`Ensemble`] says.
    pub fn all_attention(&self, source: &Source, target: &Target) -> Vec<PairAttention> {
        let of_members: Vec<AllAttention> =
            self.members.iter().map(|member| member.all_attention(source, &target.input)).collect();
        let mean = |of: fn(&AllAttention) -> Option<&Tensor>| {
            mean_attention(of_members.iter().map(|member| of(member).map(Tensor::shallow_clone)).collect())
        };
        let [encoder, decoder, cross] =
            [mean(|all| all.encoder.as_ref()), mean(|all| all.decoder.as_ref()), mean(|all| all.cross.as_ref())];
        let [read, write] =
            [mean(|all| all.tape.as_ref().map(|tape| &tape.read)), mean(|all| all.tape.as_ref().map(|tape| &tape.write))];
        let slots = read.as_ref().map_or(0, |weights| weights.size()[4]);
        let lengths = source.lengths.iter().zip(&target.lengths).enumerate();
        lengths
            .map(|(row, (&source, &target))| {
                let of_pair = |weights: &Option<Tensor>, rows: i64, columns: i64| {
                    weights
                        .as_ref()
                        .map(|weights| TokenAttention::from_tensor(&weights.i(row as i64), rows as usize, columns as usize))
                };
                PairAttention {
                    encoder: of_pair(&encoder, source, source),
                    decoder: of_pair(&decoder, target, target),
                    cross: of_pair(&cross, target, source),
                    tape_read: of_pair(&read, target, slots),
                    tape_write: of_pair(&write, target, slots),
                }
            })
            .collect()
    }
}
