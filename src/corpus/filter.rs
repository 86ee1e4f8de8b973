//! Which sentence pairs are left out of training. Validation and test sets are never filtered.

use std::collections::HashSet;
use std::fmt;

use crate::recipe::FilterRecipe;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How many pairs came, stayed and went, by the first reason that applied in the order of the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterReport {
    pub kept: usize,
    /// A side is blank.
    pub empty: usize,
    pub too_short: usize,
    pub too_long: usize,
    /// One side is too many times as long as the other.
    pub unbalanced: usize,
    pub duplicate: usize,
}

impl FilterReport {
    pub fn total(&self) -> usize {
        self.kept + self.reasons().iter().map(|(count, _)| count).sum::<usize>()
    }

    fn reasons(&self) -> [(usize, &'static str); 5] {
        [
            (self.empty, "with an empty side"),
            (self.too_short, "too short"),
            (self.too_long, "too long"),
            (self.unbalanced, "of unequal lengths"),
            (self.duplicate, "seen before"),
        ]
    }
}

impl fmt::Display for FilterReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.total();
        if self.kept == total {
            return write!(formatter, "kept all {} pairs", grouped(total));
        }
        let reasons: Vec<String> = self
            .reasons()
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, reason)| format!("{} {reason}", grouped(*count)))
            .collect();
        write!(formatter, "kept {} of {} pairs: {}", grouped(self.kept), grouped(total), reasons.join(", "))
    }
}

/// 28998 as 28,998.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Judges pairs one after the other and counts.
pub struct Filter {
    options: FilterRecipe,
    /// 128 bits of SHA-256: two of a billion different pairs meet with a probability of 10⁻²¹.
    seen: HashSet<u128>,
    report: FilterReport,
}

impl Filter {
    pub fn new(options: FilterRecipe) -> Self {
        Self { options, seen: HashSet::new(), report: FilterReport::default() }
    }

    /// Whether this pair stays.
    pub fn keep(&mut self, source: &str, target: &str, source_length: usize, target_length: usize) -> bool {
        let shorter = source_length.min(target_length);
        let longer = source_length.max(target_length);
        let report = &mut self.report;
        let count = if shorter == 0 || source.trim().is_empty() || target.trim().is_empty() {
            &mut report.empty
        } else if shorter < self.options.minimum_length {
            &mut report.too_short
        } else if longer > self.options.maximum_length {
            &mut report.too_long
        } else if longer as f64 > shorter as f64 * self.options.maximum_ratio {
            &mut report.unbalanced
        } else if self.options.remove_duplicates && !self.seen.insert(fingerprint(source, target)) {
            &mut report.duplicate
        } else {
            report.kept += 1;
            return true;
        };
        *count += 1;
        false
    }

    pub fn into_report(self) -> FilterReport {
        self.report
    }
}

fn fingerprint(source: &str, target: &str) -> u128 {
    // The length keeps ("ab", "c") and ("a", "bc") apart.
    let digest =
        Sha256::new().chain_update((source.len() as u64).to_le_bytes()).chain_update(source).chain_update(target).finalize();
    u128::from_le_bytes(digest[..16].try_into().expect("a SHA-256 sum has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> usize {
        text.split_whitespace().count()
    }

    fn judge(options: FilterRecipe, pairs: &[(&str, &str)]) -> (Vec<bool>, FilterReport) {
        let mut filter = Filter::new(options);
        let kept = pairs.iter().map(|(source, target)| filter.keep(source, target, words(source), words(target))).collect();
        (kept, filter.into_report())
    }

    #[test]
    fn counts_by_reason() {
        let options = FilterRecipe { minimum_length: 2, maximum_length: 6, maximum_ratio: 2.0, remove_duplicates: true };
        let (kept, report) = judge(
            options,
            &[
                ("a b", "c d"),
                ("", "c d"),
                ("a b", " \u{a0} "),
                ("a", "c d"),
                ("a b c d e f g", "a b c d e f"),
                ("a b", "c d e f g"),
                ("a b", "c d e f"),
                ("a b", "c d"),
                ("a", "c d"),
            ],
        );
        assert_eq!(kept, [true, false, false, false, false, false, true, false, false]);
        let expected = FilterReport { kept: 2, empty: 2, too_short: 2, too_long: 1, unbalanced: 1, duplicate: 1 };
        assert_eq!(report, expected);
        assert_eq!(
            report.to_string(),
            "kept 2 of 9 pairs: 2 with an empty side, 2 too short, 1 too long, 1 of unequal lengths, 1 seen before"
        );
    }

    #[test]
    fn duplicates_are_pairs_and_not_joined_text() {
        let options = FilterRecipe { remove_duplicates: true, ..FilterRecipe::default() };
        let (kept, _) = judge(options, &[("ab", "c"), ("a", "bc"), ("c", "ab"), ("ab", "d"), ("ab", "c")]);
        assert_eq!(kept, [true, true, true, true, false]);
    }

    #[test]
    fn duplicates_stay_unless_told() {
        let (kept, report) = judge(FilterRecipe::default(), &[("a", "b"), ("a", "b")]);
        assert_eq!(kept, [true, true]);
        assert_eq!(report.to_string(), "kept all 2 pairs");
    }

    #[test]
    fn numbers_are_grouped_for_people() {
        let report = FilterReport { kept: 28_998, too_long: 2, ..FilterReport::default() };
        assert_eq!(report.to_string(), "kept 28,998 of 29,000 pairs: 2 too long");
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(123), "123");
    }

    proptest! {
        #[test]
        fn every_pair_is_counted_once(
            pairs in prop::collection::vec(("[a b]{0,12}", "[a b]{0,12}"), 0..40),
            minimum in 0_usize..4, maximum in 0_usize..6, ratio in 1.0..4.0, remove_duplicates: bool,
        ) {
            let options =
                FilterRecipe { minimum_length: minimum, maximum_length: maximum, maximum_ratio: ratio, remove_duplicates };
            let pairs: Vec<(&str, &str)> = pairs.iter().map(|(source, target)| (source.as_str(), target.as_str())).collect();
            let (kept, report) = judge(options, &pairs);
            prop_assert_eq!(report.total(), pairs.len());
            prop_assert_eq!(report.kept, kept.iter().filter(|&&kept| kept).count());
            let mut seen = HashSet::new();
            for (pair, kept) in pairs.iter().zip(kept) {
                let lengths = [words(pair.0), words(pair.1)];
                let good = lengths.iter().all(|&length| length >= minimum.max(1) && length <= maximum)
                    && lengths[0] as f64 <= ratio * lengths[1] as f64
                    && lengths[1] as f64 <= ratio * lengths[0] as f64;
                prop_assert_eq!(kept, good && (seen.insert(*pair) || !remove_duplicates));
            }
        }
    }
}
