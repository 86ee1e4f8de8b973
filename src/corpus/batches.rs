//! Which sentences go into a batch together: as similar in length as can be, in an order that only chance decides.

use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};

/// Pairs are sorted by length among as many as fill this many batches. More means less padding, and batches less mixed in length.
const POOL_BATCHES: usize = 100;

/// How much a batch may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchSize {
    /// Padded tokens, source and target counted: rows × (longest source + longest target) is at most this.
    pub tokens: usize,
    /// Rows, if there is a limit.
    pub sentences: Option<usize>,
}

impl BatchSize {
    fn holds(self, rows: usize, width: usize) -> bool {
        rows.saturating_mul(width) <= self.tokens && self.sentences.is_none_or(|most| rows <= most)
    }
}

/// Batches for training.
#[derive(Clone, Debug)]
pub struct BatchPlan {
    columns: Vec<(u32, u32)>,
    size: BatchSize,
}

impl BatchPlan {
    /// `columns` says how many columns source and target of each pair fill, special tokens included, as
    /// [`TokenIndex::columns`](super::TokenIndex::columns) does.
    pub fn new(columns: Vec<(u32, u32)>, size: BatchSize) -> Self {
        Self { columns, size }
    }

    /// The batches of an epoch as positions in `columns`: a pure function of (columns, size, seed, epoch). Every pair is in exactly
    /// one. A pair beyond the size is a batch of its own.
    ///
    /// Pairs are shuffled and cut into pools; a pool is sorted by source length, then target length, and cut into batches; all batches are shuffled.
    pub fn epoch(&self, seed: u64, epoch: u64) -> Vec<Vec<usize>> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(epoch);
        let mut order: Vec<usize> = (0..self.columns.len()).collect();
        shuffle(&mut order, &mut random);
        let pool_tokens = self.size.tokens.saturating_mul(POOL_BATCHES);
        let mut batches = Vec::new();
        let mut rest = &mut order[..];
        while !rest.is_empty() {
            let (pool, others) = rest.split_at_mut(self.pool_length(rest, pool_tokens));
            rest = others;
            pool.sort_by_key(|&pair| self.sort_key(pair));
            batches.extend(cut(pool, self.size, |pair| self.widths(pair)));
        }
        shuffle(&mut batches, &mut random);
        batches
    }

    /// Share of these batches' positions that are padding, from 0 to 1.
    pub fn padding(&self, batches: &[Vec<usize>]) -> f64 {
        let (mut real, mut padded) = (0, 0);
        for batch in batches {
            let mut longest = (0, 0);
            for &pair in batch {
                let (source, target) = self.widths(pair);
                longest = (source.max(longest.0), target.max(longest.1));
                real += source + target;
            }
            padded += batch.len() * (longest.0 + longest.1);
        }
        if padded == 0 { 0.0 } else { 1.0 - real as f64 / padded as f64 }
    }

    /// How many of `pairs` make up a pool; at least one.
    fn pool_length(&self, pairs: &[usize], tokens: usize) -> usize {
        let mut sum = 0_usize;
        pairs
            .iter()
            .take_while(|&&pair| {
                let fits = sum < tokens;
                let (source, target) = self.widths(pair);
                sum += source + target;
                fits
            })
            .count()
            .max(1)
    }

    fn widths(&self, pair: usize) -> (usize, usize) {
        let (source, target) = self.columns[pair];
        (source as usize, target as usize)
    }

    /// Targets run up and down in turn as the sources get longer, so that a batch that spans two source lengths has targets alike.
    fn sort_key(&self, pair: usize) -> (u32, u32) {
        let (source, target) = self.columns[pair];
        (source, if source % 2 == 0 { target } else { u32::MAX - target })
    }
}

/// Batches for reading a given text with nothing left to chance: positions in `lengths`, longest first, so that rows × longest is at most `tokens`.
/// Every position is in exactly one batch. One beyond the limit is a batch of its own.
pub fn batches_in_order(lengths: &[usize], tokens: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&position| std::cmp::Reverse(lengths[position]));
    let size = BatchSize { tokens, sentences: None };
    cut(&order, size, |position| (lengths[position], 0))
}

/// Cuts neighbours into batches, each as large as the size allows.
fn cut(order: &[usize], size: BatchSize, columns: impl Fn(usize) -> (usize, usize)) -> Vec<Vec<usize>> {
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut batch = Vec::new();
    let mut longest = (0, 0);
    for &position in order {
        let (source, target) = columns(position);
        let wider = (longest.0.max(source), longest.1.max(target));
        if !batch.is_empty() && !size.holds(batch.len() + 1, wider.0 + wider.1) {
            batches.push(std::mem::take(&mut batch));
            longest = (source, target);
        } else {
            longest = wider;
        }
        batch.push(position);
    }
    batches.extend((!batch.is_empty()).then_some(batch));
    batches
}

/// Fisher and Yates' shuffle (Knuth, The Art of Computer Programming, volume 2, algorithm P).
fn shuffle<T>(items: &mut [T], random: &mut impl Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(last as u64 + 1, random) as usize);
    }
}

/// Uniform in 0..bound, without bias (Lemire 2019, "Fast Random Integer Generation in an Interval", algorithm 5).
fn below(bound: u64, random: &mut impl Rng) -> u64 {
    loop {
        let product = u128::from(random.next_u64()) * u128::from(bound);
        if product as u64 >= bound.wrapping_neg() % bound {
            return (product >> 64) as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::corpus::ParallelText;
    use crate::runtime::files::Shown;

    fn sorted(batches: &[Vec<usize>]) -> Vec<usize> {
        let mut all = batches.concat();
        all.sort_unstable();
        all
    }

    /// Lengths as descriptions of pictures have them: sums of small dice, the target following the source.
    fn lengths(count: usize) -> Vec<(u32, u32)> {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut dice = |count: u32, sides| (0..count).map(|_| below(sides, &mut random) as u32).sum::<u32>();
        (0..count)
            .map(|_| {
                let source = 5 + dice(4, 6);
                (source, (source + dice(3, 6)).saturating_sub(5).max(2))
            })
            .collect()
    }

    #[test]
    fn an_epoch_is_a_function_of_seed_and_epoch() {
        let plan = BatchPlan::new(lengths(3000), BatchSize { tokens: 1000, sentences: None });
        let batches = plan.epoch(1, 2);
        assert_eq!(batches, plan.epoch(1, 2));
        for other in [plan.epoch(1, 3), plan.epoch(2, 2)] {
            assert_ne!(batches, other);
            assert_eq!(sorted(&batches), sorted(&other));
            // Not just the order of the batches: who is with whom.
            let mut one: Vec<Vec<usize>> = batches.clone();
            let mut two = other;
            for batch in one.iter_mut().chain(&mut two) {
                batch.sort_unstable();
            }
            assert!(one.iter().filter(|batch| two.contains(batch)).count() < one.len() / 10);
        }
    }

    #[test]
    fn batches_come_in_no_order_of_length() {
        let columns = lengths(20_000);
        let plan = BatchPlan::new(columns.clone(), BatchSize { tokens: 2000, sentences: None });
        let longest: Vec<f64> =
            plan.epoch(1, 0).iter().map(|batch| f64::from(batch.iter().map(|&pair| columns[pair].0).max().unwrap())).collect();
        let mean = longest.iter().sum::<f64>() / longest.len() as f64;
        let variance: f64 = longest.iter().map(|length| (length - mean).powi(2)).sum();
        let together: f64 = longest.windows(2).map(|two| (two[0] - mean) * (two[1] - mean)).sum();
        // Of white noise, the autocorrelation is below this in all but one of 10,000 cases.
        assert!((together / variance).abs() < 4.0 / (longest.len() as f64).sqrt(), "{}", together / variance);
    }

    #[test]
    fn padding_is_small() {
        let plan = BatchPlan::new(lengths(29_000), BatchSize { tokens: 4096, sentences: None });
        let padding = plan.padding(&plan.epoch(1, 0));
        assert!(padding < 0.08, "{padding}");
    }

    #[test]
    fn padding_is_counted_on_both_sides() {
        let plan = BatchPlan::new(vec![(2, 5), (4, 1)], BatchSize { tokens: 100, sentences: None });
        // Two rows of 4 + 5 columns hold 12 tokens.
        assert!((plan.padding(&[vec![0, 1]]) - 6.0 / 18.0).abs() < 1e-12);
        assert_eq!(plan.padding(&[vec![0], vec![1]]), 0.0);
        assert_eq!(plan.padding(&[]), 0.0);
    }

    #[test]
    fn padding_is_small_on_the_real_corpus() {
        let folder = std::path::Path::new("../shared/data/multi30k");
        if !folder.is_dir() {
            crate::runtime::message!("skipped: no {}", folder.shown());
            return;
        }
        let words = |side: &str| side.split_whitespace().count() as u32 + 1;
        let text = ParallelText::files(folder.join("train.en.gz"), folder.join("train.de.gz"));
        let columns = text.pairs().unwrap().map(|pair| pair.map(|(source, target)| (words(&source), words(&target))));
        let plan = BatchPlan::new(columns.collect::<Result<_, _>>().unwrap(), BatchSize { tokens: 4096, sentences: None });
        let batches = plan.epoch(1, 0);
        let padding = plan.padding(&batches);
        eprintln!("{} batches, padding {padding:.4}", batches.len());
        assert!(padding < 0.08, "{padding}");
    }

    #[test]
    fn a_shuffle_makes_every_order_equally_likely() {
        let mut counts = std::collections::BTreeMap::new();
        let mut random = ChaCha8Rng::seed_from_u64(3);
        for _ in 0..6000 {
            let mut items = [0, 1, 2];
            shuffle(&mut items, &mut random);
            *counts.entry(items).or_insert(0_i32) += 1;
        }
        assert_eq!(counts.len(), 6);
        // Chi squared with 5 degrees of freedom exceeds 25.7 once in 10,000 times.
        let chi: f64 = counts.values().map(|&count| f64::from(count - 1000).powi(2) / 1000.0).sum();
        assert!(chi < 25.7, "{counts:?}");
    }

    #[test]
    fn in_order_keeps_the_budget_and_every_position() {
        assert_eq!(batches_in_order(&[1, 9, 2, 3, 3], 6), [vec![1], vec![3, 4], vec![2, 0]]);
        assert_eq!(batches_in_order(&[], 6), [[0; 0]; 0]);
        assert_eq!(batches_in_order(&[0, 0], 0), [[0, 1]]);
    }

    proptest! {
        #[test]
        fn an_epoch_has_every_pair_once_within_the_size(
            columns in prop::collection::vec((1_u32..40, 1_u32..40), 0..200),
            tokens in 0_usize..400, sentences in prop::option::of(1_usize..10), seed: u64, epoch: u64,
        ) {
            let plan = BatchPlan::new(columns.clone(), BatchSize { tokens, sentences });
            let batches = plan.epoch(seed, epoch);
            prop_assert_eq!(sorted(&batches), (0..columns.len()).collect::<Vec<_>>());
            for batch in &batches {
                let source = batch.iter().map(|&pair| columns[pair].0).max().unwrap() as usize;
                let target = batch.iter().map(|&pair| columns[pair].1).max().unwrap() as usize;
                prop_assert!(batch.len() == 1 || batch.len() * (source + target) <= tokens);
                prop_assert!(batch.len() <= sentences.unwrap_or(usize::MAX));
            }
            let padding = plan.padding(&batches);
            prop_assert!((0.0..1.0).contains(&padding));
        }

        #[test]
        fn in_order_has_every_position_once_within_the_size(
            lengths in prop::collection::vec(0_usize..60, 0..200), tokens in 0_usize..400,
        ) {
            let batches = batches_in_order(&lengths, tokens);
            prop_assert_eq!(sorted(&batches), (0..lengths.len()).collect::<Vec<_>>());
            let flat: Vec<usize> = batches.concat().iter().map(|&position| lengths[position]).collect();
            prop_assert!(flat.is_sorted_by(|one, other| one >= other));
            for batch in &batches {
                prop_assert!(batch.len() == 1 || batch.len() * lengths[batch[0]] <= tokens);
            }
        }
    }
}
