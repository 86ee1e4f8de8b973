//! How likely given translations are.

use anyhow::Result;

use super::Translator;
use super::forced::EncodedPair;
use crate::model::WithAttention;

/// What the models say of one given pair. Natural logarithms.
#[derive(Debug, Clone, PartialEq)]
pub struct PairScore {
    /// Target pieces as the vocabulary spells them, end of sentence not counted.
    pub pieces: Vec<String>,
    /// log p of each piece, and of the end of sentence.
    pub log_probabilities: Vec<f32>,
    /// Each word of the target line with the sum over its pieces. A piece belongs to the word that its text comes from.
    pub words: Vec<(String, f64)>,
    /// The sum of all, end of sentence included.
    pub log_probability: f64,
}

impl Translator {
    /// Scores given pairs. What is no translation of this program's, because one side is blank and the other is not, is not shown to the
    /// models and has no score; two blank sides translate each other for certain.
    ///
    /// # Errors
    /// A [`LongPair`](super::LongPair) where one is longer than the models are made for.
    pub fn score(&self, pairs: &[EncodedPair], batch_tokens: usize) -> Result<Vec<Option<PairScore>>> {
        let certain = PairScore { pieces: Vec::new(), log_probabilities: Vec::new(), words: Vec::new(), log_probability: 0.0 };
        let mut scores: Vec<Option<PairScore>> =
            pairs.iter().map(|pair| (pair.blank() == (true, true)).then(|| certain.clone())).collect();
        self.score_batches(pairs, batch_tokens, WithAttention::No, |number, EncodedPair { target_line, target, .. }, scored| {
            let words = target.words_of(target_line).words;
            let mut of_words: Vec<(String, f64)> = words.into_iter().map(|word| (word, 0.0)).collect();
            for (&word, &log_probability) in target.words.iter().zip(&scored.log_probabilities) {
                of_words[word as usize].1 += f64::from(log_probability);
            }
            let piece = |&id: &u32| self.tokenizers.target().piece(id).to_owned();
            scores[number] = Some(PairScore {
                pieces: target.ids.iter().map(piece).collect(),
                log_probability: scored.log_probabilities.iter().map(|&p| f64::from(p)).sum(),
                log_probabilities: scored.log_probabilities,
                words: of_words,
            });
            Ok(())
        })?;
        Ok(scores)
    }
}
