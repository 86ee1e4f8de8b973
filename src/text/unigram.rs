//! The pieces of a unigram model (Kudo, 2018, "Subword Regularization", section 3.2), learned by the trainer of the `tokenizers` crate and
//! put into an order that does not depend on chance.

use anyhow::{Context, Result, anyhow};
use std::collections::{BTreeMap, BTreeSet};
use tokenizers::models::unigram::{Unigram, UnigramTrainer};

/// By this much the trainer sets apart the scores of characters that its last model had dropped.
const STEP_BETWEEN_DROPPED: f64 = 0.0001;

/// Pieces with their log probabilities, most probable first: every character of the alphabet, then the best others, `size` in all or
/// fewer.
pub(super) fn learn(alphabet: &BTreeSet<char>, parts: BTreeMap<String, u64>, size: usize) -> Result<Vec<(String, f64)>> {
    let sentences = parts.into_iter().map(|(part, count)| (part, u32::try_from(count).unwrap_or(u32::MAX))).collect();
    let trainer = UnigramTrainer::builder()
        .show_progress(false)
        .vocab_size(u32::try_from(size).context("a unigram vocabulary holds less than 2^32 pieces")?)
        .initial_alphabet(alphabet.iter().copied().collect())
        .build()?;
    let mut model = Unigram::default();
    // Sums of floating point numbers depend on how threads share the work: one thread gives one result.
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    alone
        .install(|| trainer.do_train(sentences, &mut model))
        .map_err(|error| anyhow!("training the unigram model failed: {error}"))?;

    let mut pieces: Vec<(String, f64)> = model.iter().cloned().collect();
    order_dropped(&mut pieces);
    pieces.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let mut room = size.saturating_sub(alphabet.len());
    pieces.retain(|(piece, _)| {
        if is_character(piece) {
            return true;
        }
        let fits = room > 0;
        room = room.saturating_sub(1);
        fits
    });
    for (_, score) in &mut pieces {
        *score = (*score * 1e6).round() / 1e6;
    }
    Ok(pieces)
}

fn is_character(piece: &str) -> bool {
    piece.chars().nth(1).is_none()
}

/// The trainer gives the characters its last model had dropped the lowest score, each a step above the one before, in hash order. The
/// same scores are handed out again in the order of the characters.
fn order_dropped(pieces: &mut [(String, f64)]) {
    let Some(lowest) = pieces.iter().map(|piece| piece.1).min_by(f64::total_cmp) else { return };
    let mut penalty = 0.0;
    let steps: Vec<f64> = pieces
        .iter()
        .filter(|(piece, _)| is_character(piece))
        .map(|_| {
            let score = lowest + penalty;
            penalty += STEP_BETWEEN_DROPPED;
            score
        })
        .collect();
    let mut dropped: Vec<&mut (String, f64)> =
        pieces.iter_mut().filter(|(piece, score)| is_character(piece) && steps.contains(score)).collect();
    let mut scores: Vec<f64> = dropped.iter().map(|piece| piece.1).collect();
    scores.sort_by(f64::total_cmp);
    dropped.sort_by(|a, b| a.0.cmp(&b.0));
    for (piece, score) in dropped.into_iter().zip(scores) {
        piece.1 = score;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_order_of_dropped_characters_does_not_matter() {
        let score = |steps: usize| -9.0 + (0..steps).fold(0.0, |sum, _| sum + STEP_BETWEEN_DROPPED);
        let common = [("ab".to_string(), -1.0), ("c".to_string(), -2.0)];
        let mut one = common.to_vec();
        let mut other = common.to_vec();
        for (steps, (a, b)) in ["x", "y", "z"].into_iter().zip(["z", "x", "y"]).enumerate() {
            one.push((a.into(), score(steps)));
            other.push((b.into(), score(steps)));
        }
        order_dropped(&mut one);
        order_dropped(&mut other);
        one.sort_by(|a, b| a.0.cmp(&b.0));
        other.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(one, other);
        assert_eq!(one[1..3], common[1..].iter().cloned().chain([("x".into(), score(0))]).collect::<Vec<_>>()[..]);
    }
}
