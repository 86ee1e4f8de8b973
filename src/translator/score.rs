//! How likely given translations are.

use anyhow::Result;

use super::Translator;
use crate::batch::{Source, Target};
use crate::corpus::batches_in_order;
use crate::model::WithAttention;
use crate::text::words;

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
    pub fn score(&self, pairs: &[(&str, &str)], batch_tokens: usize) -> Result<Vec<Option<PairScore>>> {
        let sources = self.encode_sources(&pairs.iter().map(|pair| pair.0).collect::<Vec<_>>());
        let targets = self.tokenizers.target().encode_batch(&pairs.iter().map(|pair| pair.1).collect::<Vec<_>>());
        let blank = |pair: usize| (sources[pair].ids.is_empty(), targets[pair].ids.is_empty());
        let certain = PairScore { pieces: Vec::new(), log_probabilities: Vec::new(), words: Vec::new(), log_probability: 0.0 };
        let mut scores: Vec<Option<PairScore>> =
            (0..pairs.len()).map(|pair| (blank(pair) == (true, true)).then(|| certain.clone())).collect();
        let filled: Vec<usize> = (0..pairs.len()).filter(|&pair| blank(pair) == (false, false)).collect();
        let lengths: Vec<usize> = filled.iter().map(|&pair| sources[pair].ids.len().max(targets[pair].ids.len()) + 1).collect();
        let models = self.ensemble();
        for batch in batches_in_order(&lengths, batch_tokens) {
            let rows: Vec<usize> = batch.into_iter().map(|position| filled[position]).collect();
            let source: Vec<&[u32]> = rows.iter().map(|&pair| sources[pair].ids.as_slice()).collect();
            let target: Vec<&[u32]> = rows.iter().map(|&pair| targets[pair].ids.as_slice()).collect();
            let (source, target) = (Source::new(&source, self.device), Target::new(&target, self.device));
            for (pair, scored) in rows.into_iter().zip(models.score(&source, &target, WithAttention::No)) {
                let line = pairs[pair].1;
                let mut of_words: Vec<(String, f64)> =
                    words(line).into_iter().map(|(start, end)| (line[start..end].to_owned(), 0.0)).collect();
                for (&word, &log_probability) in targets[pair].words.iter().zip(&scored.log_probabilities) {
                    of_words[word as usize].1 += f64::from(log_probability);
                }
                let piece = |&id: &u32| self.tokenizers.target().piece(id).to_owned();
                scores[pair] = Some(PairScore {
                    pieces: targets[pair].ids.iter().map(piece).collect(),
                    log_probability: scored.log_probabilities.iter().map(|&p| f64::from(p)).sum(),
                    log_probabilities: scored.log_probabilities,
                    words: of_words,
                });
            }
        }
        Ok(scores)
    }
}
