//! Forced decoding: what the model says of a translation that is given.

use tch::{IndexOp, Kind, no_grad};

use super::attention::{TokenAttention, flat};
use crate::batch::{Source, Target};
use crate::model::{Seq2Seq, WithAttention};
use crate::nn::Pass;

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
    let _guard = tch::no_grad_guard();
    let pass = Pass::evaluation();
    let encoded = model.encode(source, &pass);
    let decoded = model.decode(&encoded, &target.input, &pass, WithAttention::Yes);
    let features = decoded.features.reshape([-1, *decoded.features.size().last().expect("features have a size")]);
    let logits = model.output().logits(&features.index_select(0, &target.real));
    let picked = no_grad(|| logits.log_softmax(-1, Kind::Float).gather(1, &target.output.unsqueeze(1), false));
    let picked = flat(&picked);
    let mut rest = picked.as_slice();
    (0..source.lengths.len())
        .map(|row| {
            let (mine, others) = rest.split_at(target.lengths[row] as usize);
            rest = others;
            Scored {
                log_probabilities: mine.to_vec(),
                attention: decoded
                    .attention
                    .as_ref()
                    .map(|weights| TokenAttention::from_tensor(&weights.i(row as i64), mine.len(), source.lengths[row] as usize)),
            }
        })
        .collect()
}
