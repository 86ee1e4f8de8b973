//! Alignment error rate against gold links (Och and Ney 2003, "A Systematic Comparison of Various Statistical Alignment Models",
//! section 5).

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;

use super::lines::read_lines;
use crate::input::{lines, quoted};
use crate::runtime::files::Shown;

/// Links `(source word, target word)` that people drew, 0-indexed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GoldLinks {
    /// Links that must be there.
    pub sure: Vec<(usize, usize)>,
    /// Further links that may be there.
    pub possible: Vec<(usize, usize)>,
}

impl GoldLinks {
    /// One line: `i-j` is sure, `ipj` is possible, parted by white space; words count from `base`.
    pub fn parse(line: &str, base: usize) -> Result<Self> {
        let mut gold = Self::default();
        for word in line.split_whitespace() {
            let (links, parts) = match (word.split_once('-'), word.split_once('p')) {
                (Some(parts), None) => (&mut gold.sure, parts),
                (None, Some(parts)) => (&mut gold.possible, parts),
                _ => bail!("{} is no gold link; expected i-j (sure) or ipj (possible), such as 3-4 or 3p4", quoted(word)),
            };
            let number = |text: &str| -> Result<usize> {
                let word = || quoted(word);
                let number: usize =
                    text.parse().with_context(|| format!("{} is no gold link: {} is no word number", word(), quoted(text)))?;
                let counted = number.checked_sub(base);
                counted
                    .with_context(|| format!("the link {} has a word {number}, but words are said to count from {base}", word()))
            };
            links.push((number(parts.0)?, number(parts.1)?));
        }
        Ok(gold)
    }
}

/// Gold links as they are read, one sentence pair a line, see [`GoldLinks::parse`]. Errors name `path:line`.
pub fn gold_links(path: &Path, base: usize) -> Result<impl Iterator<Item = Result<GoldLinks>>> {
    ensure!(base <= 1, "gold words count from 0 or from 1, not from {base}");
    let name = path.shown();
    let parse = move |(index, line): (usize, Result<String>)| {
        GoldLinks::parse(&line?, base).with_context(|| format!("{name}:{}", index + 1))
    };
    Ok(lines(Some(path))?.enumerate().map(parse))
}

/// The same all at once, of a file that has any.
pub fn read_gold(path: &Path, base: usize) -> Result<Vec<GoldLinks>> {
    ensure!(base <= 1, "gold words count from 0 or from 1, not from {base}");
    let parse =
        |(index, line): (usize, &String)| GoldLinks::parse(line, base).with_context(|| format!("{}:{}", path.shown(), index + 1));
    read_lines(Some(path))?.iter().enumerate().map(parse).collect()
}

/// Counts of a corpus: A is what was predicted, S what is sure, P what is sure or possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct AlignmentCounts {
    /// |A|
    pub predicted: usize,
    /// |S|
    pub sure: usize,
    /// |A ∩ S|
    pub predicted_and_sure: usize,
    /// |A ∩ P|
    pub predicted_and_possible: usize,
}

/// How well predicted links agree with gold links, each from 0 to 1. A ratio of nothing to nothing counts as 1: who predicts no
/// link makes no mistake, and where none is sure none can be missed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AlignmentScore {
    /// 1 - (|A ∩ S| + |A ∩ P|) / (|A| + |S|); lower is better.
    pub alignment_error_rate: f64,
    /// |A ∩ P| / |A|
    pub precision: f64,
    /// |A ∩ S| / |S|
    pub recall: f64,
    /// The harmonic mean of precision and recall.
    pub f1: f64,
    #[serde(flatten)]
    pub counts: AlignmentCounts,
}

impl AlignmentCounts {
    /// Counts of sentence pairs: predicted and gold links of each.
    pub fn of<'a>(pairs: impl IntoIterator<Item = (&'a [(usize, usize)], &'a GoldLinks)>) -> Self {
        let mut counts = Self::default();
        for (predicted, gold) in pairs {
            let predicted: HashSet<_> = predicted.iter().collect();
            let sure: HashSet<_> = gold.sure.iter().collect();
            // A link may be written as sure and as possible: it is one link.
            let possible: HashSet<_> = gold.sure.iter().chain(&gold.possible).collect();
            counts.predicted += predicted.len();
            counts.sure += sure.len();
            counts.predicted_and_sure += predicted.intersection(&sure).count();
            counts.predicted_and_possible += predicted.intersection(&possible).count();
        }
        counts
    }

    pub fn score(self) -> AlignmentScore {
        let ratio = |part: usize, whole: usize| if whole == 0 { 1.0 } else { part as f64 / whole as f64 };
        let precision = ratio(self.predicted_and_possible, self.predicted);
        let recall = ratio(self.predicted_and_sure, self.sure);
        let f1 = if precision + recall == 0.0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) };
        let agreement = ratio(self.predicted_and_sure + self.predicted_and_possible, self.predicted + self.sure);
        AlignmentScore { alignment_error_rate: 1.0 - agreement, precision, recall, f1, counts: self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gold_is_read_from_either_base() {
        let expected = GoldLinks { sure: vec![(0, 1), (2, 2)], possible: vec![(1, 0)] };
        assert_eq!(GoldLinks::parse("0-1 1p0  2-2", 0).unwrap(), expected);
        assert_eq!(GoldLinks::parse("1-2\t2p1 3-3 ", 1).unwrap(), expected);
        assert_eq!(GoldLinks::parse("", 1).unwrap(), GoldLinks::default());
    }

    #[test]
    fn errors_name_path_line_and_link() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gold");
        for (bad, reason) in [
            ("0-1", "the link \"0-1\" has a word 0, but words are said to count from 1"),
            ("1:1", "\"1:1\" is no gold link; expected i-j (sure) or ipj (possible), such as 3-4 or 3p4"),
            ("1-x", "\"1-x\" is no gold link: \"x\" is no word number: invalid digit found in string"),
            ("1--2", "\"1--2\" is no gold link: \"-2\" is no word number: invalid digit found in string"),
        ] {
            std::fs::write(&path, format!("1-1\n2-2 {bad}\n")).unwrap();
            assert_eq!(format!("{:#}", read_gold(&path, 1).unwrap_err()), format!("{}:2: {reason}", path.shown()));
        }
    }

    #[test]
    fn worked_example() {
        let gold = GoldLinks { sure: vec![(0, 0), (1, 1), (2, 2)], possible: vec![(2, 3), (0, 0)] };
        // Sure, sure, possible, wrong; the sure link given twice counts once.
        let predicted = [(0, 0), (1, 1), (2, 3), (4, 4), (0, 0)];
        let score = AlignmentCounts::of([(&predicted[..], &gold)]).score();
        assert_eq!(score.counts, AlignmentCounts { predicted: 4, sure: 3, predicted_and_sure: 2, predicted_and_possible: 3 });
        assert!((score.alignment_error_rate - (1.0 - 5.0 / 7.0)).abs() < 1e-12);
        assert!((score.precision - 0.75).abs() < 1e-12);
        assert!((score.recall - 2.0 / 3.0).abs() < 1e-12);
        assert!((score.f1 - 12.0 / 17.0).abs() < 1e-12);
    }

    #[test]
    fn sure_links_alone_are_perfect_and_none_at_all_is_as_bad_as_can_be() {
        let gold = GoldLinks { sure: vec![(0, 0), (1, 2)], possible: vec![(1, 1)] };
        let perfect = AlignmentCounts::of([(&gold.sure[..], &gold)]).score();
        assert_eq!((perfect.alignment_error_rate, perfect.precision, perfect.recall, perfect.f1), (0.0, 1.0, 1.0, 1.0));
        let silent = AlignmentCounts::of([(&[][..], &gold)]).score();
        assert_eq!((silent.alignment_error_rate, silent.precision, silent.recall, silent.f1), (1.0, 1.0, 0.0, 0.0));
    }
}
