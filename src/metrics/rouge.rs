//! ROUGE (Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries"): what a summary shares with a reference summary.

use super::ngrams::{matches, word_ngrams};
use super::score::{Detail, Metric};

/// The mean over sentences of F1, of several references the best, as Google's `rouge-score` computes it without stemming. Words are runs of
/// letters and digits in lower case; `rouge-score` knows those of English alone, and for such text the numbers are the same.
///
/// Statistics of a sentence: precision, recall and F1 of the best reference, and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rouge {
    /// ROUGE-N: word n-grams of this order, each as often as both have it.
    Ngrams(usize),
    /// ROUGE-L: the longest common subsequence of words.
    LongestSubsequence,
}

impl Metric for Rouge {
    fn name(&self) -> String {
        match self {
            Rouge::Ngrams(order) => format!("ROUGE-{order}"),
            Rouge::LongestSubsequence => "ROUGE-L".into(),
        }
    }

    fn settings(&self) -> String {
        "case:lc|tok:alphanumeric|stem:no|mean:sentences".into()
    }

    fn sentence_statistics(&self, hypothesis: &str, references: &[&str]) -> Vec<f64> {
        let hypothesis = hypothesis.to_lowercase();
        let hypothesis = words(&hypothesis);
        let scores = references.iter().map(|reference| self.shared(&hypothesis, &words(&reference.to_lowercase())));
        // Of equals the first.
        let best = scores.rev().max_by(|one, other| one.f1().total_cmp(&other.f1())).unwrap_or_default();
        vec![best.precision(), best.recall(), best.f1(), 1.0]
    }

    fn evaluate(&self, sums: &[f64]) -> (f64, Detail) {
        let mean = |sum: f64| 100.0 * sum / sums[3].max(1.0);
        (mean(sums[2]), Detail::Rouge { precision: mean(sums[0]), recall: mean(sums[1]) })
    }
}

/// What a summary and a reference have in common, and how much there is of each.
#[derive(Default)]
struct Shared {
    common: usize,
    hypothesis: usize,
    reference: usize,
}

impl Shared {
    fn precision(&self) -> f64 {
        self.common as f64 / self.hypothesis.max(1) as f64
    }

    fn recall(&self) -> f64 {
        self.common as f64 / self.reference.max(1) as f64
    }

    fn f1(&self) -> f64 {
        let (precision, recall) = (self.precision(), self.recall());
        if self.common > 0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 }
    }
}

impl Rouge {
    fn shared(&self, hypothesis: &[&str], reference: &[&str]) -> Shared {
        match *self {
            Rouge::Ngrams(order) => {
                let count = |words: &[&str]| (words.len() + 1).saturating_sub(order);
                let common = matches(&word_ngrams(hypothesis, order), &word_ngrams(reference, order));
                Shared { common: common as usize, hypothesis: count(hypothesis), reference: count(reference) }
            }
            Rouge::LongestSubsequence => Shared {
                common: longest_common_subsequence(hypothesis, reference),
                hypothesis: hypothesis.len(),
                reference: reference.len(),
            },
        }
    }
}

fn longest_common_subsequence(one: &[&str], other: &[&str]) -> usize {
    // longest[j]: of what was seen of `one` and the first j words of `other`.
    let mut longest = vec![0; other.len() + 1];
    for word in one {
        let mut diagonal = 0;
        for (place, candidate) in other.iter().enumerate() {
            let above = longest[place + 1];
            longest[place + 1] = if word == candidate { diagonal + 1 } else { above.max(longest[place]) };
            diagonal = above;
        }
    }
    longest[other.len()]
}

/// Runs of letters and digits.
fn words(lower: &str) -> Vec<&str> {
    lower.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::HashMap;

    #[derive(Deserialize)]
    struct Case {
        hypothesis: String,
        references: Vec<String>,
        /// Precision, recall and F1 by metric.
        scores: HashMap<String, [f64; 3]>,
    }

    #[test]
    fn scores_are_those_of_rouge_score() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/metrics/rouge.json");
        let cases: Vec<Case> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert!(cases.len() > 10);
        for Case { hypothesis, references, scores } in &cases {
            let references: Vec<&str> = references.iter().map(String::as_str).collect();
            for (name, metric) in [
                ("rouge1", Rouge::Ngrams(1)),
                ("rouge2", Rouge::Ngrams(2)),
                ("rouge3", Rouge::Ngrams(3)),
                ("rougeL", Rouge::LongestSubsequence),
            ] {
                let found = metric.sentence_statistics(hypothesis, &references);
                for (found, expected) in found.iter().zip(scores[name]) {
                    assert!(
                        (found - expected).abs() < 1e-9,
                        "{name} of {hypothesis:?} and {references:?}: {found}, expected {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_corpus_is_the_mean_of_its_sentences() {
        let (hypotheses, references) = (["a b".to_owned(), "c".to_owned()], ["a b".to_owned(), "d".to_owned()]);
        let metric = Rouge::LongestSubsequence;
        let statistics = metric.corpus_statistics(&hypotheses, &[&references]);
        assert_eq!(metric.evaluate(&statistics.sum(0..2)).0, 50.0);
        assert_eq!(metric.name(), "ROUGE-L");
        // Words of any script count.
        assert_eq!(Rouge::Ngrams(1).sentence_statistics("Ёж, спит!", &["ёж спит"])[2], 1.0);
    }
}
