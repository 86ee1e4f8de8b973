//! A score for each range of source lengths: how a model copes with long sentences (Luong et al. 2015, section 5.2).

use std::collections::BTreeMap;

use serde::Serialize;

use super::ngrams::words;
use super::score::{CorpusStatistics, Metric, Score};

/// The sentences whose sources have `from` to `to` words, both included.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LengthBucket {
    pub from: usize,
    pub to: usize,
    pub sentences: usize,
    pub score: Score,
}

/// Scores by source length in words between white space, in buckets of `width` lengths: 1 to `width`, and so on. Sources without
/// a word are a bucket 0 to 0; buckets without a sentence are left out.
///
/// # Panics
/// If `width` is 0, or there are more sources than sentences.
pub fn by_length(metric: &dyn Metric, statistics: &CorpusStatistics, sources: &[String], width: usize) -> Vec<LengthBucket> {
    let mut buckets = BTreeMap::<usize, Vec<usize>>::new();
    for (index, source) in sources.iter().enumerate() {
        buckets.entry(words(source).count().div_ceil(width)).or_default().push(index);
    }
    let bucket = |(bucket, indices): (usize, Vec<usize>)| LengthBucket {
        from: if bucket == 0 { 0 } else { (bucket - 1) * width + 1 },
        to: bucket.saturating_mul(width),
        sentences: indices.len(),
        score: metric.score(&statistics.sum(indices), statistics.references),
    };
    buckets.into_iter().map(bucket).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Bleu;

    #[test]
    fn each_bucket_is_scored_as_a_corpus_of_its_own() {
        let lines = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let sources = lines(&["a", "a b c d e", "", "a b c d e f", "b"]);
        let hypotheses = lines(&["one two three four", "a b c d e", "x", "one big red ball lies here", "one two three five six"]);
        let references = lines(&["one two three four", "a b c d f", "y", "one big ball lies here", "one two three four five"]);
        let bleu = Bleu::default();
        let buckets = by_length(&bleu, &bleu.corpus_statistics(&hypotheses, &[&references]), &sources, 5);
        let ranges: Vec<_> = buckets.iter().map(|bucket| (bucket.from, bucket.to, bucket.sentences)).collect();
        assert_eq!(ranges, [(0, 0, 1), (1, 5, 3), (6, 10, 1)]);
        let pick = |lines: &[String]| [0, 1, 4].map(|index| lines[index].clone()).to_vec();
        assert_eq!(buckets[1].score, bleu.corpus(&pick(&hypotheses), &[&pick(&references)]));
    }
}
