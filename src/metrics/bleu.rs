//! BLEU (Papineni et al. 2002, "BLEU: a Method for Automatic Evaluation of Machine Translation").

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Error, bail};

use super::ngrams::{is_space, matches, word_ngrams, words};
use super::score::{Detail, Metric};
use super::tokenizer::BleuTokenizer;

const MAXIMUM_ORDER: usize = 4;

/// What an n-gram order without a match counts as (Chen and Cherry 2014, "A Systematic Comparison of Smoothing Techniques for
/// Sentence-Level BLEU"). Written `exp`, `floor`, `floor=0.1`, `add-k`, `add-k=1`, `none`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Smoothing {
    /// 1/2 a match for the first such order, 1/4 for the second, and so on (method 3).
    #[default]
    Exponential,
    /// This many matches (method 1).
    Floor(f64),
    /// This much more matches and n-grams in every order above the first (method 2).
    AddK(f64),
    /// Nothing: BLEU is 0 if any order has no match.
    None,
}

impl FromStr for Smoothing {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (method, value) = text.split_once('=').map_or((text, None), |(method, value)| (method, Some(value)));
        let positive = |default: f64| -> Result<f64, Error> {
            let value = value.map_or(Some(default), |value| value.parse().ok());
            let value = value.filter(|value: &f64| *value > 0.0 && value.is_finite());
            value.with_context(|| format!("smoothing {text:?} needs a positive number, such as {method}={default}"))
        };
        match method {
            "floor" => Ok(Self::Floor(positive(0.1)?)),
            "add-k" => Ok(Self::AddK(positive(1.0)?)),
            "exp" | "none" if value.is_some() => bail!("smoothing {method} takes no value, but {text:?} gives one"),
            "exp" => Ok(Self::Exponential),
            "none" => Ok(Self::None),
            _ => bail!("{text:?} is no smoothing; expected exp, floor, floor=NUMBER, add-k, add-k=NUMBER or none"),
        }
    }
}

impl fmt::Display for Smoothing {
    /// As in sacreBLEU's signature.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exponential => out.write_str("exp"),
            Self::Floor(value) => write!(out, "floor[{value:.2}]"),
            Self::AddK(value) => write!(out, "add-k[{value:.2}]"),
            Self::None => out.write_str("none"),
        }
    }
}

/// BLEU of order 4. The default is sacreBLEU's: 13a, mixed case, exponential smoothing.
///
/// Statistics of a sentence: hypothesis length, length of the reference closest in length (the shorter of two), matches of
/// order 1 to 4, n-grams of order 1 to 4.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bleu {
    pub tokenizer: BleuTokenizer,
    pub lowercase: bool,
    pub smoothing: Smoothing,
    /// Leave out the orders that a text is too short for. Made for single sentences.
    pub effective_order: bool,
}

impl Bleu {
    fn separate(&self, line: &str) -> String {
        let lowercased = self.lowercase.then(|| line.to_lowercase());
        self.tokenizer.separate(lowercased.as_deref().unwrap_or(line).trim_end_matches(is_space))
    }
}

impl Metric for Bleu {
    fn name(&self) -> String {
        "BLEU".into()
    }

    fn settings(&self) -> String {
        let case = if self.lowercase { "lc" } else { "mixed" };
        let effective = if self.effective_order { "yes" } else { "no" };
        format!("case:{case}|eff:{effective}|tok:{}|smooth:{}", self.tokenizer, self.smoothing)
    }

    fn sentence_statistics(&self, hypothesis: &str, references: &[&str]) -> Vec<f64> {
        let hypothesis = self.separate(hypothesis);
        let references: Vec<String> = references.iter().map(|reference| self.separate(reference)).collect();
        let hypothesis: Vec<&str> = words(&hypothesis).collect();
        let references: Vec<Vec<&str>> = references.iter().map(|reference| words(reference).collect()).collect();

        let lengths = references.iter().map(Vec::len);
        let closest = lengths.min_by_key(|&length| (length.abs_diff(hypothesis.len()), length)).unwrap_or(0);
        let mut statistics = vec![0.0; 2 + 2 * MAXIMUM_ORDER];
        statistics[0] = hypothesis.len() as f64;
        statistics[1] = closest as f64;
        for order in 1..=MAXIMUM_ORDER {
            let [first, others @ ..] = references.as_slice() else { break };
            let mut expected = word_ngrams(first, order);
            for other in others {
                for (ngram, count) in word_ngrams(other, order) {
                    let most = expected.entry(ngram).or_default();
                    *most = count.max(*most);
                }
            }
            statistics[1 + order] = f64::from(matches(&word_ngrams(&hypothesis, order), &expected));
            statistics[1 + MAXIMUM_ORDER + order] = (hypothesis.len() + 1).saturating_sub(order) as f64;
        }
        statistics
    }

    fn evaluate(&self, sums: &[f64]) -> (f64, Detail) {
        let (hypothesis_length, reference_length) = (sums[0], sums[1]);
        let (matches, totals) = sums[2..].split_at(MAXIMUM_ORDER);
        let brevity_penalty = match hypothesis_length {
            length if length >= reference_length => 1.0,
            0.0 => 0.0,
            length => (1.0 - reference_length / length).exp(),
        };
        let (precisions, effective_order) = self.precisions(matches, totals);
        let value = if precisions[..effective_order].contains(&0.0) {
            0.0
        } else {
            let logarithms: f64 = precisions[..effective_order].iter().map(|precision| precision.ln()).sum();
            brevity_penalty * (logarithms / effective_order as f64).exp()
        };
        let (hypothesis_length, reference_length) = (hypothesis_length as u64, reference_length as u64);
        (value, Detail::Bleu { precisions, brevity_penalty, hypothesis_length, reference_length })
    }
}

impl Bleu {
    /// Smoothed precisions in percent, and how many of them count.
    fn precisions(&self, matches: &[f64], totals: &[f64]) -> (Vec<f64>, usize) {
        let mut precisions = vec![0.0; MAXIMUM_ORDER];
        let mut effective_order = MAXIMUM_ORDER;
        if matches.iter().all(|&count| count == 0.0) {
            return (precisions, effective_order);
        }
        let mut halvings = 1.0;
        for (index, precision) in precisions.iter_mut().enumerate() {
            let added = if let (Smoothing::AddK(k), 1..) = (self.smoothing, index) { k } else { 0.0 };
            let (matched, total) = (matches[index] + added, totals[index] + added);
            if total == 0.0 {
                break;
            }
            if self.effective_order {
                effective_order = index + 1;
            }
            let credit = match self.smoothing {
                _ if matched > 0.0 => matched,
                Smoothing::Exponential => {
                    halvings *= 2.0;
                    1.0 / halvings
                }
                Smoothing::Floor(value) => value,
                Smoothing::AddK(_) | Smoothing::None => 0.0,
            };
            *precision = 100.0 * credit / total;
        }
        (precisions, effective_order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_is_read_and_bad_values_are_named() {
        for (text, expected) in [
            ("exp", Smoothing::Exponential),
            ("none", Smoothing::None),
            ("floor", Smoothing::Floor(0.1)),
            ("floor=0.5", Smoothing::Floor(0.5)),
            ("add-k", Smoothing::AddK(1.0)),
            ("add-k=2", Smoothing::AddK(2.0)),
        ] {
            assert_eq!(text.parse::<Smoothing>().unwrap(), expected);
        }
        for text in ["exp=1", "none=0", "floor=", "floor=-1", "add-k=nan", "linear", ""] {
            let error = text.parse::<Smoothing>().unwrap_err();
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
    }
}
