//! Forced decoding: alignment and scores of translations that are given.

use anyhow::Result;

use super::Translator;
use super::aligned::Aligned;
use super::view::AttentionView;
use crate::batch::{Source, Target};
use crate::corpus::batches_in_order;
use crate::model::WithAttention;
use crate::runtime::with_precision_for_inference;
use crate::search::Scored;
use crate::text::Encoding;

/// What the model says of one given pair.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Natural-log probability of each target piece and of the end of sentence. Empty when a side is blank.
    pub log_probabilities: Vec<f32>,
    /// Words, weights and links, when the model attends.
    pub aligned: Option<Aligned>,
}

/// What the model says of one given pair, under several views.
pub struct Forced {
    /// As in [`Pair`].
    pub log_probabilities: Vec<f32>,
    /// One for each view, none where the model does not attend.
    pub aligned: Vec<Aligned>,
}

impl Translator {
    /// Runs the model over given pairs. A pair with a blank side has no links and is not shown to the model.
    ///
    /// # Errors
    /// A [`LongPair`](super::LongPair) where one is longer than the models are made for.
    pub fn force(&self, pairs: &[EncodedPair], batch_tokens: usize, view: AttentionView) -> Result<Vec<Pair>> {
        let forced = self.force_views(pairs, batch_tokens, &[view])?;
        let pair = |(pair, forced): (&EncodedPair, Option<Forced>)| match forced {
            Some(Forced { log_probabilities, mut aligned }) => Pair { log_probabilities, aligned: aligned.pop() },
            None => Pair { log_probabilities: Vec::new(), aligned: Some(Aligned::blank(pair.source_line, pair.target_line)) },
        };
        Ok(pairs.iter().zip(forced).map(pair).collect())
    }

    /// The same under several views at once. None for a pair with a blank side.
    pub fn force_views(
        &self,
        pairs: &[EncodedPair],
        batch_tokens: usize,
        views: &[AttentionView],
    ) -> Result<Vec<Option<Forced>>> {
        let mut results: Vec<Option<Forced>> = pairs.iter().map(|_| None).collect();
        self.score_batches(pairs, batch_tokens, WithAttention::Yes, |number, pair, scored| {
            let Scored { log_probabilities, attention } = scored;
            let under = |attention, &view: &AttentionView| {
                let (source, target) = (pair.source.words_of(pair.source_line), pair.target.words_of(pair.target_line));
                Aligned::new(source, target, attention, view)
            };
            let aligned = attention.iter().flat_map(|attention| views.iter().map(move |view| under(attention, view)));
            results[number] = Some(Forced { log_probabilities, aligned: aligned.collect::<Result<_>>()? });
            Ok(())
        })?;
        Ok(results)
    }

    /// Both sides of pairs in pieces, on all threads.
    ///
    /// # Errors
    /// Those of [`Self::encode_sources`].
    pub fn encode_pairs<'a>(&self, pairs: &[(&'a str, &'a str)]) -> Result<Vec<EncodedPair<'a>>> {
        let sources = self.encode_sources(&pairs.iter().map(|pair| pair.0).collect::<Vec<_>>())?;
        let targets = self.tokenizers.target().encode_batch(&pairs.iter().map(|pair| pair.1).collect::<Vec<_>>());
        let encoded = pairs.iter().zip(sources).zip(targets);
        Ok(encoded
            .map(|((&(source_line, target_line), source), target)| EncodedPair { source_line, target_line, source, target })
            .collect())
    }

    /// Runs the models over the pairs of which no side is blank, in batches of similar length, and hands each pair's number and scores on. None
    /// may be longer than the models are made for.
    pub(super) fn score_batches(
        &self,
        pairs: &[EncodedPair],
        batch_tokens: usize,
        attention: WithAttention,
        mut take: impl FnMut(usize, &EncodedPair, Scored) -> Result<()>,
    ) -> Result<()> {
        self.ensure_fitting(pairs)?;
        let filled: Vec<usize> = (0..pairs.len()).filter(|&pair| pairs[pair].blank() == (false, false)).collect();
        let length = |&pair: &usize| pairs[pair].source.ids.len().max(pairs[pair].target.ids.len()) + 1;
        let lengths: Vec<usize> = filled.iter().map(length).collect();
        let models = self.ensemble();
        for batch in batches_in_order(&lengths, batch_tokens) {
            let rows: Vec<usize> = batch.into_iter().map(|position| filled[position]).collect();
            let source: Vec<&[u32]> = rows.iter().map(|&pair| pairs[pair].source.ids.as_slice()).collect();
            let target: Vec<&[u32]> = rows.iter().map(|&pair| pairs[pair].target.ids.as_slice()).collect();
            let (source, target) = (Source::new(&source, self.device), Target::new(&target, self.device));
            let scored = with_precision_for_inference(self.precision, self.device, || models.score(&source, &target, attention));
            for (pair, scored) in rows.into_iter().zip(scored) {
                take(pair, &pairs[pair], scored)?;
            }
        }
        Ok(())
    }
}

/// A pair and its pieces.
#[derive(Debug, Clone)]
pub struct EncodedPair<'a> {
    pub source_line: &'a str,
    pub target_line: &'a str,
    pub source: Encoding,
    pub target: Encoding,
}

impl EncodedPair<'_> {
    /// Whether source and target have nothing in them.
    pub fn blank(&self) -> (bool, bool) {
        (self.source.ids.is_empty(), self.target.ids.is_empty())
    }
}
