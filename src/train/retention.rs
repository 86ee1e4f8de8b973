//! Which checkpoints stay.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeSet;

use super::history::{History, is_better};
use crate::recipe::Metric;

/// Of the checkpoints after `present` updates, those to keep: the `last` newest, and the `best` with the best scores, however old.
/// A checkpoint that was never validated is kept only for being new.
pub fn kept(present: &[u64], history: &History, metric: Metric, best: usize, last: usize) -> BTreeSet<u64> {
    let mut newest = present.to_vec();
    newest.sort_unstable_by_key(|&update| Reverse(update));
    newest.truncate(last.max(1));
    ranked(present, history, metric).into_iter().take(best.max(1)).chain(newest).collect()
}

/// The validated ones of `present`, best first; of equal scores the earlier is better.
pub fn ranked(present: &[u64], history: &History, metric: Metric) -> Vec<u64> {
    let score = |update: u64| history.at(update).and_then(|validated| validated.score(metric));
    let mut ranked: Vec<u64> = present.iter().copied().filter(|&update| score(update).is_some()).collect();
    ranked.sort_unstable();
    // Stable, so equal scores stay in the order of updates.
    ranked.sort_by(|&one, &two| match (is_better(metric, score(one), score(two)), is_better(metric, score(two), score(one))) {
        (true, _) => Ordering::Less,
        (_, true) => Ordering::Greater,
        _ => Ordering::Equal,
    });
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Deleting after each validation leaves the same best ones as ranking all of them at the end.
        #[test]
        fn the_true_best_survive_a_whole_run(
            scores in prop::collection::vec((0u8..20).prop_map(f64::from), 1..40),
            best in 1usize..5,
            last in 1usize..4,
            lower in any::<bool>(),
        ) {
            let (metric, name) = if lower { (Metric::Loss, "loss") } else { (Metric::Bleu, "bleu") };
            let mut present = BTreeSet::new();
            for count in 1..=scores.len() {
                present.insert(10 * count as u64);
                let history = History::of_scores(name, &scores[..count]);
                present = kept(&present.iter().copied().collect::<Vec<_>>(), &history, metric, best, last);
            }
            let mut ranked: Vec<(u64, f64)> = scores.iter().enumerate().map(|(i, s)| (10 * (i as u64 + 1), *s)).collect();
            let newest: Vec<u64> = ranked.iter().rev().take(last).map(|(update, _)| *update).collect();
            ranked.sort_by(|one, two| if lower { one.1.total_cmp(&two.1) } else { two.1.total_cmp(&one.1) });
            let expected: BTreeSet<u64> = ranked.iter().take(best).map(|(update, _)| *update).chain(newest).collect();
            prop_assert_eq!(present, expected);
        }
    }

    #[test]
    fn unvalidated_checkpoints_are_kept_for_being_new_only() {
        let history = History::of_scores("bleu", &[30.0, 20.0, f64::NAN]);
        let of = |present: &[u64]| kept(present, &history, Metric::Bleu, 1, 1).into_iter().collect::<Vec<_>>();
        assert_eq!(of(&[10, 20, 30, 33]), [10, 33]);
        assert_eq!(of(&[33, 20]), [20, 33]);
        assert_eq!(of(&[30, 33]), [33]);
        assert!(of(&[]).is_empty());
    }
}
