//! What every corpus metric has in common: statistics of a sentence, their sum, and a score with a signature.

use std::fmt;

use serde::Serialize;

/// A score that says how it was made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// `BLEU`, `chrF2`, `chrF2++`, `TER`, `ROUGE-1`, `ROUGE-2` or `ROUGE-L`.
    pub name: String,
    /// From 0 to 100; TER may exceed 100, and lower is better there.
    pub value: f64,
    /// sacreBLEU's signature, with `targum:VERSION` in place of its version.
    pub signature: String,
    #[serde(flatten)]
    pub detail: Detail,
}

/// What a score is made of.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Detail {
    Bleu {
        /// In percent, order 1 to 4, after smoothing.
        precisions: Vec<f64>,
        brevity_penalty: f64,
        /// Tokens.
        hypothesis_length: u64,
        /// Tokens of the references closest in length.
        reference_length: u64,
    },
    Chrf {
        character_order: usize,
        word_order: usize,
        beta: u32,
    },
    Rouge {
        /// Mean over sentences, in percent.
        precision: f64,
        recall: f64,
    },
    Ter {
        edits: u64,
        /// Words, averaged over the references of a sentence.
        reference_length: f64,
    },
}

impl fmt::Display for Score {
    /// As sacreBLEU prints it, with two decimals.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}|{} = {:.2}", self.name, self.signature, self.value)?;
        if let Detail::Bleu { precisions, brevity_penalty, hypothesis_length, reference_length } = &self.detail {
            let precisions: Vec<String> = precisions.iter().map(|precision| format!("{precision:.1}")).collect();
            let ratio = if *reference_length > 0 { *hypothesis_length as f64 / *reference_length as f64 } else { 0.0 };
            write!(out, " {} (BP = {brevity_penalty:.3} ratio = {ratio:.3} ", precisions.join("/"))?;
            write!(out, "hyp_len = {hypothesis_length} ref_len = {reference_length})")?;
        }
        Ok(())
    }
}

/// The statistics of every sentence of a corpus. Resampling and parts of a corpus are scored from them without looking at
/// the text again.
#[derive(Debug, Clone, PartialEq)]
pub struct CorpusStatistics {
    pub sentences: Vec<Vec<f64>>,
    /// How many references each sentence has.
    pub references: usize,
}

impl CorpusStatistics {
    /// The sum over some sentences, by index; an index may come more than once.
    ///
    /// # Panics
    /// If `indices` is empty or points beyond the corpus.
    pub fn sum(&self, indices: impl IntoIterator<Item = usize>) -> Vec<f64> {
        let mut indices = indices.into_iter();
        let first = indices.next().expect("a score needs at least one sentence");
        let mut sums = self.sentences[first].clone();
        for index in indices {
            for (sum, statistic) in sums.iter_mut().zip(&self.sentences[index]) {
                *sum += statistic;
            }
        }
        sums
    }
}

/// A metric whose score of a corpus is a function of sums over its sentences.
pub trait Metric {
    fn name(&self) -> String;

    /// The part of the signature that is this metric's own, such as `case:mixed|eff:no|tok:13a|smooth:exp`.
    fn settings(&self) -> String;

    /// Statistics of one sentence against one or more references; always of the same length.
    fn sentence_statistics(&self, hypothesis: &str, references: &[&str]) -> Vec<f64>;

    /// The value and what it is made of, from summed statistics.
    fn evaluate(&self, sums: &[f64]) -> (f64, Detail);

    /// sacreBLEU's signature: number of references, settings, and our name and version in place of its version.
    fn signature(&self, references: usize) -> String {
        format!("nrefs:{references}|{}|targum:{}", self.settings(), env!("CARGO_PKG_VERSION"))
    }

    /// Statistics of every sentence. `references` holds one list a reference translation, each as long as `hypotheses`.
    ///
    /// # Panics
    /// If there is no reference list or one is not as long as `hypotheses`.
    fn corpus_statistics(&self, hypotheses: &[String], references: &[&[String]]) -> CorpusStatistics {
        assert!(!references.is_empty(), "a score needs at least one reference for each hypothesis");
        for list in references {
            assert_eq!(list.len(), hypotheses.len(), "each hypothesis needs one line of every reference");
        }
        let sentence = |(index, hypothesis): (usize, &String)| {
            let references: Vec<&str> = references.iter().map(|list| list[index].as_str()).collect();
            self.sentence_statistics(hypothesis, &references)
        };
        CorpusStatistics { sentences: hypotheses.iter().enumerate().map(sentence).collect(), references: references.len() }
    }

    /// The score of summed statistics, see [`CorpusStatistics::sum`].
    fn score(&self, sums: &[f64], references: usize) -> Score {
        let (value, detail) = self.evaluate(sums);
        Score { name: self.name(), value, signature: self.signature(references), detail }
    }

    /// The score of a corpus of at least one sentence; arguments and panics as [`Metric::corpus_statistics`].
    fn corpus(&self, hypotheses: &[String], references: &[&[String]]) -> Score {
        let statistics = self.corpus_statistics(hypotheses, references);
        self.score(&statistics.sum(0..hypotheses.len()), references.len())
    }
}
