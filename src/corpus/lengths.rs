//! How long translations become, learned from training pairs.

use crate::recipe::LengthLimit;

/// A translation of this many times the length that a pair has still fits: what is to be translated is not what was learned from.
const ROOM: f64 = 1.25;
/// Share of the pairs that the ratio and the default's offset are made for.
const BY_RATIO: f64 = 0.99;
/// Share of the pairs that fit with all their room when the offset is made for them: the rest may be misaligned.
const FITTING: f64 = 0.999;

/// Beyond this a checkpoint's limit is taken for damage.
const MOST: f64 = 1e6;

/// The length limit that at least 99.9 % of the pairs fit into with a quarter to spare, never below the default. `pairs` gives the pieces of
/// source and target, ends of sentence not counted.
pub fn length_limit(pairs: impl Iterator<Item = (usize, usize)>) -> LengthLimit {
    let mut limit = LengthLimit::default();
    // The end of sentence has a place in the target.
    let needed: Vec<(usize, usize)> =
        pairs.map(|(source, target)| (source, (ROOM * (target as f64 + 1.0)).ceil() as usize)).collect();
    // What goes beyond the offset, so that a few pieces more of a short source are no ratio.
    let slope = |&(source, pieces): &(usize, usize)| (pieces as f64 - limit.offset as f64) / source.max(1) as f64;
    if let Some(ratio) = quantile(needed.iter().map(slope), BY_RATIO) {
        // In tenths, for people.
        limit.ratio = limit.ratio.max((10.0 * ratio).ceil() / 10.0);
    }
    let by_ratio = LengthLimit { offset: 0, ..limit };
    let beyond = needed.iter().map(|&(source, pieces)| pieces.saturating_sub(by_ratio.of(source)) as f64);
    limit.offset = limit.offset.max(quantile(beyond, FITTING).unwrap_or(0.0) as usize);
    LengthLimit { ratio: limit.ratio.min(MOST), offset: limit.offset.min(MOST as usize) }
}

/// The least of the values that at least `share` of them do not exceed; none of none.
fn quantile(values: impl Iterator<Item = f64>, share: f64) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    let place = ((share * values.len() as f64).ceil() as usize).clamp(1, values.len().max(1)) - 1;
    if values.is_empty() {
        return None;
    }
    Some(*values.select_nth_unstable_by(place, f64::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Pairs that have a quarter to spare under a limit.
    fn fitting(pairs: &[(usize, usize)], limit: LengthLimit) -> usize {
        pairs.iter().filter(|&&(source, target)| 5 * (target + 1) <= 4 * limit.of(source)).count()
    }

    proptest! {
        #[test]
        fn nearly_all_pairs_fit_with_room_whatever_they_are(
            lengths in proptest::collection::vec((1..200_usize, 1..200_usize), 1..3000),
            letters in 0.3..9.0_f64,
            rubbish in 1..400_usize,
        ) {
            // Every so many pairs are of any lengths, the others follow a language.
            let of_language = |place: usize, (source, target): (usize, usize)| {
                if place.is_multiple_of(rubbish) { (source, target) } else { (source, (letters * source as f64) as usize + target % 5 + 1) }
            };
            let pairs: Vec<_> = lengths.iter().enumerate().map(|(place, &pair)| of_language(place, pair)).collect();
            let limit = length_limit(pairs.iter().copied());
            prop_assert!(fitting(&pairs, limit) * 1000 >= pairs.len() * 999, "{:?}", limit);
            let default = LengthLimit::default();
            prop_assert!(limit.ratio >= default.ratio && limit.offset >= default.offset);
            // No wider than its reason: who fits into the default with room leaves it as it is.
            if fitting(&pairs, default) == pairs.len() {
                prop_assert_eq!(limit, default);
            }
            // The order of the pairs means nothing.
            prop_assert_eq!(limit, length_limit(pairs.iter().rev().copied()));
        }

        #[test]
        fn a_few_misaligned_pairs_do_not_widen_the_ratio(length in 5..60_usize, count in 200..2000_usize) {
            let pairs = (0..count).map(|place| if place % 200 == 7 { (length, 9 * length) } else { (length, length) });
            prop_assert_eq!(length_limit(pairs).ratio, 2.0);
        }
    }

    #[test]
    fn letter_by_letter_takes_as_many_times_the_pieces() {
        // Six letters to a word.
        let pairs: Vec<(usize, usize)> = (1..100).map(|words| (words, 6 * words)).collect();
        let limit = length_limit(pairs.iter().copied());
        assert!(limit.ratio > 7.0 && limit.ratio < 7.6, "{limit:?}");
        assert!(pairs.iter().all(|&(source, target)| target < limit.of(source)));
        // Ordinary languages keep the default.
        assert_eq!(length_limit((1..100).map(|words| (words, words * 6 / 5 + 1))), LengthLimit::default());
        assert_eq!(length_limit(std::iter::empty()), LengthLimit::default());
    }
}
