//! Scores of all tokens of a vocabulary, looked at while they are in the cache.

use pulp::{Arch, Simd, WithSimd};
use tch::{Device, Kind, Tensor};

use super::linear::{for_bf16, linear};
use super::rows::{Rows, RowsMut};
use super::vectors::exp;
use crate::runtime::{ColumnsOfProduct, bf16_maps, half_products, in_parallel, team_size};

/// Tokens that are looked at together.
pub const BLOCK: usize = 128;

/// Numbers that stay in the cache of a core between being made and being looked at.
const CACHED: usize = 1 << 17;

/// What a search asks of scores [R, V].
pub struct ScoreSummary {
    /// m = max s [R, 1].
    pub highest: Tensor,
    /// log Σ eˢ⁻ᵐ over the vocabulary [R, 1].
    pub log_sum: Tensor,
    /// The highest of each [`BLOCK`] of tokens, the last one as long as it is [R, ⌈V / BLOCK⌉]; where all are minus infinity, the lowest number
    /// there is.
    pub maxima: Tensor,
}

/// Scores x Wᵀ + b of x [R, D] by W [V, D], in single precision, with their summary; there is none on GPUs, where gradients are wanted, or
/// where libtorch has no products that could be made piece by piece.
pub fn vocabulary_scores(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> (Tensor, Option<ScoreSummary>) {
    let plain = || (linear(x, weight, bias).to_kind(Kind::Float), None);
    // What comes of them shows whether gradients are kept.
    let probe = |one: &Tensor| one.narrow(0, 0, one.size()[0].min(1)).sum(Kind::Float).requires_grad();
    if half_products().is_some() || probe(x) || probe(weight) || bias.is_some_and(probe) {
        return plain();
    }
    let (read, known) = if bf16_maps() { for_bf16(x, weight) } else { (x.contiguous(), weight.contiguous()) };
    let Some(product) = ColumnsOfProduct::of(&read, &known) else { return plain() };
    let numbers = (Kind::Float, Device::Cpu);
    let (rows, vocabulary) = (x.size()[0], weight.size()[0] as usize);
    let blocks = vocabulary.div_ceil(BLOCK) as i64;
    let scores = Tensor::empty([rows, vocabulary as i64], numbers);
    let (maxima, sums) = (Tensor::empty([rows, blocks], numbers), Tensor::empty([rows, blocks], numbers));
    let bias = bias.map(|bias| bias.to_kind(Kind::Float).view([1, -1]));
    let bias = bias.as_ref().map(Rows::of);
    // SAFETY: nobody else has these tensors yet.
    let parts = unsafe { Part::all(RowsMut::of(&scores), RowsMut::of(&maxima), RowsMut::of(&sums)) };
    in_parallel(parts, |mut part| {
        let columns = part.start..part.start + part.scores.width();
        // SAFETY: the part has these columns of all rows to itself.
        unsafe { product.write(columns.clone(), part.scores.start(), part.scores.stride()) };
        Arch::new().dispatch(LookAt { part: &mut part, bias: bias.as_ref().map(|bias| &bias.row(0)[columns]) });
    });
    let highest = maxima.amax([1i64].as_slice(), true);
    let log_sum = ((&maxima - &highest).exp() * sums).sum_dim_intlist([1i64].as_slice(), true, Kind::Float).log();
    (scores, Some(ScoreSummary { highest, log_sum, maxima }))
}

/// Some blocks of all rows.
struct Part<'a> {
    /// The first token.
    start: usize,
    scores: RowsMut<'a>,
    maxima: RowsMut<'a>,
    /// Σ eˢ⁻ᵐ over each block, m being its highest.
    sums: RowsMut<'a>,
}

impl<'a> Part<'a> {
    fn all(mut scores: RowsMut<'a>, mut maxima: RowsMut<'a>, mut sums: RowsMut<'a>) -> Vec<Self> {
        let threads = team_size();
        let blocks = (CACHED / scores.count().max(1) / BLOCK).clamp(1, maxima.width().div_ceil(threads).max(1));
        let (mut parts, mut start) = (Vec::new(), 0);
        while maxima.width() > 0 {
            let width = (blocks * BLOCK).min(scores.width());
            let blocks = blocks.min(maxima.width());
            let (mine, others) = scores.split_at_column(width);
            let (my_maxima, other_maxima) = maxima.split_at_column(blocks);
            let (my_sums, other_sums) = sums.split_at_column(blocks);
            parts.push(Part { start, scores: mine, maxima: my_maxima, sums: my_sums });
            (scores, maxima, sums, start) = (others, other_maxima, other_sums, start + width);
        }
        parts
    }
}

/// Adds the bias and finds the highest and the sum of each block.
struct LookAt<'a, 'b> {
    part: &'a mut Part<'b>,
    bias: Option<&'a [f32]>,
}

impl WithSimd for LookAt<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Part { scores, maxima, sums, .. } = self.part;
        for row in 0..scores.count() {
            let (maxima, sums) = (maxima.row(row), sums.row(row));
            for (block, scores) in scores.row(row).chunks_mut(BLOCK).enumerate() {
                if let Some(bias) = self.bias {
                    add(simd, scores, &bias[block * BLOCK..][..scores.len()]);
                }
                (maxima[block], sums[block]) = highest_and_sum(simd, scores);
            }
        }
    }
}

#[inline(always)]
fn add<S: Simd>(simd: S, scores: &mut [f32], bias: &[f32]) {
    let ((scores, rest), (bias, bias_rest)) = (S::as_mut_simd_f32s(scores), S::as_simd_f32s(bias));
    for (score, bias) in scores.iter_mut().zip(bias) {
        *score = simd.add_f32s(*score, *bias);
    }
    for (score, bias) in rest.iter_mut().zip(bias_rest) {
        *score += bias;
    }
}

/// m = max s, and Σ eˢ⁻ᵐ.
#[inline(always)]
fn highest_and_sum<S: Simd>(simd: S, scores: &[f32]) -> (f32, f32) {
    let (vectors, rest) = S::as_simd_f32s(scores);
    // Where all are minus infinity, differences are still numbers.
    let mut highest = simd.splat_f32s(f32::MIN);
    for scores in vectors {
        highest = simd.max_f32s(highest, *scores);
    }
    let highest = rest.iter().copied().fold(simd.reduce_max_f32s(highest), f32::max);
    let (wide, mut sum) = (simd.splat_f32s(highest), simd.splat_f32s(0.0));
    for scores in vectors {
        sum = simd.add_f32s(sum, exp(simd, simd.sub_f32s(*scores, wide)));
    }
    (highest, simd.reduce_sum_f32s(sum) + rest.iter().map(|score| (score - highest).exp()).sum::<f32>())
}

#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod tests {
    use super::*;
    use crate::runtime::{Precision, with_precision_for_inference};

    fn random(size: &[i64]) -> Tensor {
        Tensor::randn(size, (Kind::Float, Device::Cpu))
    }

    #[test]
    fn scores_and_summary_are_those_of_libtorch() {
        tch::manual_seed(2);
        let _guard = tch::no_grad_guard();
        for (rows, size, vocabulary) in [(1, 8, 5), (3, 16, 128), (40, 32, 1000), (700, 16, 2003)] {
            let (x, weight) = (random(&[rows, size]), random(&[vocabulary, size]));
            for bias in [None, Some(random(&[vocabulary]) * 3.0)] {
                for (precision, close) in [(Precision::Fp32, 1e-5), (Precision::Bf16, 0.2)] {
                    let (scores, summary) =
                        with_precision_for_inference(precision, Device::Cpu, || vocabulary_scores(&x, &weight, bias.as_ref()));
                    let expected = x.linear(&weight, bias.as_ref());
                    assert!(scores.allclose(&expected, close, close, false), "{precision:?}: {rows} × {vocabulary}");
                    let summary = summary.expect("MKL makes products piece by piece");
                    let probabilities = (&scores - &summary.highest) - &summary.log_sum;
                    // libtorch subtracts highest and sum together: rounded to the place of scores of up to 60.
                    assert!(probabilities.allclose(&scores.log_softmax(-1, Kind::Float), 1e-6, 4e-6, false));
                    for (block, start) in (0..vocabulary).step_by(BLOCK).enumerate() {
                        let scores = scores.narrow(1, start, (vocabulary - start).min(BLOCK as i64));
                        let expected = scores.amax([1i64].as_slice(), false);
                        assert!(summary.maxima.select(1, block as i64).equal(&expected), "block {block} of {vocabulary}");
                    }
                }
            }
        }
    }

    #[test]
    fn tokens_that_cannot_be_have_no_share() {
        let _guard = tch::no_grad_guard();
        let (x, weight) = (random(&[2, 8]), random(&[300, 8]));
        let bias = random(&[300]);
        let _ = bias.narrow(0, 100, 160).fill_(f64::NEG_INFINITY);
        let (scores, summary) = vocabulary_scores(&x, &weight, Some(&bias));
        let (summary, expected) = (summary.unwrap(), scores.logsumexp([1i64].as_slice(), true));
        assert!((summary.highest + summary.log_sum).allclose(&expected, 1e-6, 1e-6, false));
    }

    #[test]
    fn gradients_are_kept_where_they_are_wanted() {
        let (x, weight) = (random(&[2, 8]), random(&[300, 8]).set_requires_grad(true));
        let (scores, summary) = vocabulary_scores(&x, &weight, None);
        assert!(scores.requires_grad() && summary.is_none());
        let bias = random(&[300]).set_requires_grad(true);
        assert!(vocabulary_scores(&x, &weight.detach(), Some(&bias)).0.requires_grad());
        let (scores, summary) = tch::no_grad(|| vocabulary_scores(&x, &weight, None));
        assert!(!scores.requires_grad() && summary.is_some());
    }
}
