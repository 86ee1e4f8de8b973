//! Forced decoding: alignment and scores of translations that are given.

use anyhow::Result;

use super::Translator;
use super::aligned::{Aligned, AttentionView};
use crate::batch::{Source, Target};
use crate::corpus::batches_in_order;
use crate::model::WithAttention;
use crate::search::Scored;

/// What the model says of one given pair.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Natural-log probability of each target piece and of the end of sentence. Empty when a side is blank.
    pub log_probabilities: Vec<f32>,
    /// Words, weights and links, when the model attends.
    pub aligned: Option<Aligned>,
}

impl Translator {
    /// Runs the model over given pairs. A pair with a blank side has no links and is not shown to the model.
    pub fn force(&self, pairs: &[(&str, &str)], batch_tokens: usize, view: AttentionView) -> Result<Vec<Pair>> {
        let sources = self.encode_sources(&pairs.iter().map(|pair| pair.0).collect::<Vec<_>>());
        let targets = self.tokenizers.target().encode_batch(&pairs.iter().map(|pair| pair.1).collect::<Vec<_>>());
        let mut results: Vec<Pair> = pairs
            .iter()
            .map(|(source, target)| Pair { log_probabilities: Vec::new(), aligned: Some(Aligned::blank(source, target)) })
            .collect();
        let filled: Vec<usize> =
            (0..pairs.len()).filter(|&pair| !sources[pair].ids.is_empty() && !targets[pair].ids.is_empty()).collect();
        let lengths: Vec<usize> = filled.iter().map(|&pair| sources[pair].ids.len().max(targets[pair].ids.len()) + 1).collect();
        let models = self.ensemble();
        for batch in batches_in_order(&lengths, batch_tokens) {
            let rows: Vec<usize> = batch.into_iter().map(|position| filled[position]).collect();
            let source: Vec<&[u32]> = rows.iter().map(|&pair| sources[pair].ids.as_slice()).collect();
            let target: Vec<&[u32]> = rows.iter().map(|&pair| targets[pair].ids.as_slice()).collect();
            let (source, target) = (Source::new(&source, self.device), Target::new(&target, self.device));
            let scored = models.score(&source, &target, WithAttention::Yes);
            for (pair, Scored { log_probabilities, attention }) in rows.into_iter().zip(scored) {
                let words: Vec<Option<u32>> = targets[pair].words.iter().map(|&word| Some(word)).collect();
                let aligned = attention
                    .map(|attention| Aligned::new(pairs[pair].0, &sources[pair], pairs[pair].1, &words, &attention, view))
                    .transpose()?;
                results[pair] = Pair { log_probabilities, aligned };
            }
        }
        Ok(results)
    }
}
