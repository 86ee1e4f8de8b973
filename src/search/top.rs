//! The largest of many numbers.

use tch::{Kind, Tensor};

/// Tokens that are looked at together.
const BLOCK: i64 = crate::nn::BLOCK as i64;

/// The `count` best of `scores` [B, W, V] + `keys` [B, W, 1] in each of B, best first: the sums, and their places in [W · V]. A place whose
/// sum is minus infinity means nothing.
///
/// The best tokens are in the blocks whose best tokens are best, so a look at the maximum of each block leaves few tokens to sort, and the sums of
/// most tokens are never made. `maxima` [B, W, ⌈V / BLOCK⌉] are those maxima, where they are known.
pub(super) fn top(scores: &Tensor, keys: &Tensor, maxima: Option<Tensor>, count: i64) -> (Tensor, Tensor) {
    let size = scores.size();
    let (sources, width, vocabulary) = (size[0], size[1], size[2]);
    let count = count.min(width * vocabulary);
    if vocabulary < 8 * BLOCK {
        return (scores + keys).reshape([sources, -1]).topk(count, 1, true, true);
    }
    let maxima = maxima.unwrap_or_else(|| block_maxima(scores));
    let each = maxima.size()[2];
    let (_, best) = (maxima + keys).reshape([sources, -1]).topk(count.min(width * each), 1, true, false);
    let row = best.floor_divide_scalar(each);
    let tokens = (best.remainder(each) * BLOCK).unsqueeze(-1) + Tensor::arange(BLOCK, (Kind::Int64, scores.device()));
    let beyond = tokens.ge(vocabulary).reshape([sources, -1]);
    let places = (row.unsqueeze(-1) * vocabulary + tokens.clamp_max(vocabulary - 1)).reshape([sources, -1]);
    let keys = keys.squeeze_dim(2).gather(1, &row, false).unsqueeze(-1).expand_as(&tokens).reshape([sources, -1]);
    let sums = (scores.reshape([sources, -1]).gather(1, &places, false) + keys).masked_fill(&beyond, f64::NEG_INFINITY);
    let (sums, chosen) = sums.topk(count, 1, true, true);
    (sums, places.gather(1, &chosen, false))
}

pub(super) fn block_maxima(scores: &Tensor) -> Tensor {
    let vocabulary = scores.size()[2];
    let (blocks, rest) = (vocabulary / BLOCK, vocabulary % BLOCK);
    let maxima = scores.narrow(2, 0, blocks * BLOCK).unflatten(2, [blocks, BLOCK]).amax([-1i64].as_slice(), false);
    if rest == 0 {
        return maxima;
    }
    let last = scores.narrow(2, blocks * BLOCK, rest).amax([-1i64].as_slice(), true);
    Tensor::cat(&[maxima, last], 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn blocks_change_nothing() {
        tch::manual_seed(5);
        for (width, vocabulary, count) in [(1, 1024, 2), (5, 1100, 10), (4, 2001, 8), (3, 1537, 5000), (2, 40, 60)] {
            let scores = Tensor::randn([3, width, vocabulary], (Kind::Float, Device::Cpu));
            // Rules forbid, and rows that fill the beam have nothing to offer.
            let _ = scores.narrow(2, 7, 9).fill_(f64::NEG_INFINITY);
            let keys = Tensor::randn([3, width, 1], (Kind::Float, Device::Cpu)) * 3.0;
            if width > 2 {
                let _ = keys.narrow(1, width - 1, 1).fill_(f64::NEG_INFINITY);
            }
            let sums = (&scores + &keys).reshape([3, -1]);
            let count = i64::min(count, width * vocabulary);
            let (expected, _) = sums.topk(count, 1, true, true);
            let (found, places) = top(&scores, &keys, None, count);
            assert!(found.equal(&expected), "{width} {vocabulary} {count}");
            let real = expected.isfinite();
            let at_places = sums.gather(1, &places, false);
            assert!(at_places.masked_select(&real).equal(&expected.masked_select(&real)), "{width} {vocabulary} {count}");
        }
    }
}
