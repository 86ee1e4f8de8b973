//! The best extensions of hypotheses.

use tch::{Device, Kind, Tensor};

use super::vocabulary::BLOCK;
use super::{Rows, numbers_of, parallel_for, thread_count};

/// A token after one of the hypotheses of a source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extension {
    /// Which of the W hypotheses.
    pub row: usize,
    pub token: u32,
    /// Of the token alone.
    pub score: f32,
    /// With its hypothesis's key.
    sum: f32,
}

/// Those of each of B sources with the `count` highest sums of `scores` [B, W, V] and `keys` [B · W], highest first. A sum of minus infinity
/// is none. `maxima` [B, W, ⌈V / BLOCK⌉] are the highest scores of each block of tokens, where they are known.
pub fn top_extensions(scores: &Tensor, keys: &[f32], maxima: Option<Tensor>, count: usize) -> Vec<Vec<Extension>> {
    let (_, width, vocabulary) = scores.size3().expect("scores have three dimensions");
    if scores.device() != Device::Cpu || scores.kind() != Kind::Float || vocabulary < 8 * BLOCK as i64 {
        return sorted(scores, keys, count);
    }
    let maxima = maxima.unwrap_or_else(|| block_maxima(scores)).reshape([keys.len() as i64, -1]);
    let scores = scores.reshape([keys.len() as i64, vocabulary]);
    let rows = BlockRows { scores: Rows::of(&scores), maxima: Rows::of(&maxima), keys, width: width as usize, count };
    let mut found = vec![Vec::new(); keys.len() / rows.width];
    let each = found.len().div_ceil(thread_count()).max(1);
    parallel_for(found.chunks_mut(each).enumerate().collect(), |(part, found)| {
        for (source, found) in (part * each..).zip(found) {
            *found = rows.best(source);
        }
    });
    found
}

/// By libtorch's operations, on any device.
fn sorted(scores: &Tensor, keys: &[f32], count: usize) -> Vec<Vec<Extension>> {
    let (sources, width, vocabulary) = scores.size3().expect("scores have three dimensions");
    let keys = Tensor::from_slice(keys).to_device(scores.device()).view([sources, width, 1]);
    let count = (count as i64).min(width * vocabulary);
    let (sums, places) = (scores + keys).reshape([sources, -1]).topk(count, 1, true, true);
    let scores = numbers_of(&scores.reshape([sources, -1]).gather(1, &places, false));
    let places: Vec<i64> = Vec::try_from(places.to_device(Device::Cpu).reshape(-1)).expect("a flat tensor is a vector");
    let all = numbers_of(&sums).into_iter().zip(places).zip(scores).map(|((sum, place), score)| {
        let (row, token) = ((place / vocabulary) as usize, (place % vocabulary) as u32);
        Extension { row, token, score, sum }
    });
    let all: Vec<Extension> = all.collect();
    let real = |all: &[Extension]| all.iter().copied().filter(|extension| extension.sum != f32::NEG_INFINITY).collect();
    all.chunks(count as usize).map(real).collect()
}

/// Scores and what is known of them.
///
/// The best tokens are in the blocks whose best tokens are best, so a look at the maximum of each block leaves few tokens to look at.
struct BlockRows<'a> {
    scores: Rows<'a>,
    maxima: Rows<'a>,
    keys: &'a [f32],
    width: usize,
    count: usize,
}

impl BlockRows<'_> {
    fn best(&self, source: usize) -> Vec<Extension> {
        let first = source * self.width;
        // The sum is that of a block's best token.
        let mut blocks: Vec<(f32, usize, usize)> = Vec::new();
        for (row, key) in self.keys[first..first + self.width].iter().enumerate() {
            let sums = self.maxima.row(first + row).iter().enumerate().map(|(block, highest)| (highest + key, row, block));
            blocks.extend(sums.filter(|&(sum, ..)| sum != f32::NEG_INFINITY));
        }
        keep_highest(&mut blocks, self.count, |&(sum, ..)| sum);
        // Each of so many blocks has a token that is as good as this.
        let least = blocks.iter().map(|&(sum, ..)| sum).fold(f32::INFINITY, f32::min);
        let least = if blocks.len() < self.count { f32::NEG_INFINITY } else { least };
        let mut best = Vec::new();
        for (_, row, block) in blocks {
            let (key, start) = (self.keys[first + row], block * BLOCK);
            let scores = &self.scores.row(first + row)[start..];
            for (&score, token) in scores.iter().take(BLOCK).zip(start as u32..) {
                let sum = score + key;
                // What is no number is not less, and is not hidden.
                if !(sum < least || sum == f32::NEG_INFINITY) {
                    best.push(Extension { row, token, score, sum });
                }
            }
        }
        keep_highest(&mut best, self.count, |extension| extension.sum);
        best.sort_by(|one, other| other.sum.total_cmp(&one.sum).then((one.row, one.token).cmp(&(other.row, other.token))));
        best
    }
}

/// Leaves the `count` highest, in no order.
fn keep_highest<T>(all: &mut Vec<T>, count: usize, sum: impl Fn(&T) -> f32) {
    if count < all.len() {
        all.select_nth_unstable_by(count, |one, other| sum(other).total_cmp(&sum(one)));
        all.truncate(count);
    }
}

/// The highest of each block of scores [B, W, V]: [B, W, ⌈V / BLOCK⌉].
fn block_maxima(scores: &Tensor) -> Tensor {
    let vocabulary = scores.size()[2];
    let block = BLOCK as i64;
    let (blocks, rest) = (vocabulary / block, vocabulary % block);
    let maxima = scores.narrow(2, 0, blocks * block).unflatten(2, [blocks, block]).amax([-1i64].as_slice(), false);
    if rest == 0 {
        return maxima;
    }
    let last = scores.narrow(2, blocks * block, rest).amax([-1i64].as_slice(), true);
    Tensor::cat(&[maxima, last], 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_change_nothing() {
        tch::manual_seed(5);
        for (width, vocabulary, count) in [(1, 1024, 2), (5, 1100, 10), (4, 2001, 8), (3, 1537, 5000), (2, 40, 60)] {
            let scores = Tensor::randn([3, width, vocabulary], (Kind::Float, Device::Cpu));
            // Rules forbid, and rows that fill the beam have nothing to offer.
            let _ = scores.narrow(2, 7, 9).fill_(f64::NEG_INFINITY);
            let mut keys: Vec<f32> = numbers_of(&(Tensor::randn([3 * width], (Kind::Float, Device::Cpu)) * 3.0));
            if width > 2 {
                keys.chunks_mut(width as usize).for_each(|keys| keys[width as usize - 1] = f32::NEG_INFINITY);
            }
            let expected = sorted(&scores, &keys, count);
            assert_eq!(expected.len(), 3);
            assert!(expected.iter().all(|best| !best.is_empty() && best.len() <= count));
            for maxima in [None, (vocabulary >= BLOCK as i64).then(|| block_maxima(&scores))] {
                let found = top_extensions(&scores, &keys, maxima, count);
                assert_eq!(found.len(), 3);
                for (found, expected) in found.iter().zip(&expected) {
                    let sums = |all: &[Extension]| all.iter().map(|extension| extension.sum).collect::<Vec<f32>>();
                    assert_eq!(sums(found), sums(expected), "{width} {vocabulary} {count}");
                }
                for (found, keys) in found.iter().zip(keys.chunks(width as usize)) {
                    assert!(found.iter().all(|&Extension { row, score, sum, .. }| sum == score + keys[row]));
                }
                for (source, found) in found.iter().enumerate() {
                    for extension in found {
                        let place = [source as i64, extension.row as i64, i64::from(extension.token)];
                        assert_eq!(scores.double_value(&place) as f32, extension.score);
                    }
                }
            }
        }
    }
}
