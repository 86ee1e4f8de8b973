//! Logits of all tokens of a vocabulary, summarised while they are in the cache.

use pulp::{Arch, Simd, WithSimd};
use tch::{Device, Kind, Tensor};

use super::blocked_product::BlockedProduct;
use super::exponential::exp;
use super::{Rows, RowsMut, parallel_for, thread_count};

/// Tokens that are summarised together.
pub const BLOCK: usize = 128;

/// Numbers that stay in the cache of a core between being made and being read.
const CACHED: usize = 1 << 17;

/// What a search asks of logits s [R, V].
pub struct LogitSummary {
    /// m = max s [R, 1].
    pub highest: Tensor,
    /// log Σ eˢ⁻ᵐ over the vocabulary [R, 1]: log p = (s - m) - this.
    pub log_sum: Tensor,
    /// The highest of each [`BLOCK`] of tokens, the last one as long as it is [R, ⌈V / BLOCK⌉], where it was found on the way; where all are
    /// minus infinity, the lowest number there is.
    pub block_maxima: Option<Tensor>,
}

impl LogitSummary {
    /// By libtorch's operations, on any device.
    pub fn of(logits: &Tensor) -> Self {
        let highest = logits.amax([1i64].as_slice(), true); // [R, 1]
        let log_sum = (logits - &highest).exp().sum_dim_intlist([1i64].as_slice(), true, Kind::Float).log(); // [R, 1]
        LogitSummary { highest, log_sum, block_maxima: None }
    }
}

/// Logits x Wᵀ + b of x [R, D] by W [V, D], both float32 or both bfloat16 and contiguous, in single precision, with their summary; `None` where
/// they have to be made in one piece: on GPUs, and where libtorch has no products that can be made block by block.
pub fn vocabulary_logits(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Option<(Tensor, LogitSummary)> {
    let product = BlockedProduct::of(x, weight)?;
    let numbers = (Kind::Float, Device::Cpu);
    let (rows, vocabulary) = (x.size()[0], weight.size()[0] as usize);
    let blocks = vocabulary.div_ceil(BLOCK) as i64;
    let logits = Tensor::empty([rows, vocabulary as i64], numbers);
    let (maxima, sums) = (Tensor::empty([rows, blocks], numbers), Tensor::empty([rows, blocks], numbers));
    let bias = bias.map(|bias| bias.to_kind(Kind::Float).view([1, -1]));
    let bias = bias.as_ref().map(Rows::of);
    // SAFETY: nobody else has these tensors yet.
    let parts = unsafe { Part::all(RowsMut::of(&logits), RowsMut::of(&maxima), RowsMut::of(&sums)) };
    parallel_for(parts, |mut part| {
        let columns = part.start..part.start + part.logits.width();
        // SAFETY: the part has these columns of all rows to itself.
        unsafe { product.write(columns.clone(), part.logits.start(), part.logits.stride()) };
        Arch::new().dispatch(Summarise { part: &mut part, bias: bias.as_ref().map(|bias| &bias.row(0)[columns]) });
    });
    let highest = maxima.amax([1i64].as_slice(), true); // [R, 1]
    let log_sum = ((&maxima - &highest).exp() * sums).sum_dim_intlist([1i64].as_slice(), true, Kind::Float).log(); // [R, 1]
    Some((logits, LogitSummary { highest, log_sum, block_maxima: Some(maxima) }))
}

/// Some blocks of all rows.
struct Part<'a> {
    /// The first token.
    start: usize,
    logits: RowsMut<'a>,
    maxima: RowsMut<'a>,
    /// Σ eˢ⁻ᵐ over each block, m being its highest.
    sums: RowsMut<'a>,
}

impl<'a> Part<'a> {
    fn all(mut logits: RowsMut<'a>, mut maxima: RowsMut<'a>, mut sums: RowsMut<'a>) -> Vec<Self> {
        let threads = thread_count();
        let blocks = (CACHED / logits.count().max(1) / BLOCK).clamp(1, maxima.width().div_ceil(threads).max(1));
        let (mut parts, mut start) = (Vec::new(), 0);
        while maxima.width() > 0 {
            let width = (blocks * BLOCK).min(logits.width());
            let blocks = blocks.min(maxima.width());
            let (mine, others) = logits.split_at_column(width);
            let (my_maxima, other_maxima) = maxima.split_at_column(blocks);
            let (my_sums, other_sums) = sums.split_at_column(blocks);
            parts.push(Part { start, logits: mine, maxima: my_maxima, sums: my_sums });
            (logits, maxima, sums, start) = (others, other_maxima, other_sums, start + width);
        }
        parts
    }
}

/// Adds the bias and finds the highest and the sum of each block.
struct Summarise<'a, 'b> {
    part: &'a mut Part<'b>,
    bias: Option<&'a [f32]>,
}

impl WithSimd for Summarise<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Part { logits, maxima, sums, .. } = self.part;
        for row in 0..logits.count() {
            let (maxima, sums) = (maxima.row(row), sums.row(row));
            for (block, logits) in logits.row(row).chunks_mut(BLOCK).enumerate() {
                if let Some(bias) = self.bias {
                    add(simd, logits, &bias[block * BLOCK..][..logits.len()]);
                }
                (maxima[block], sums[block]) = highest_and_sum(simd, logits);
            }
        }
    }
}

#[inline(always)]
fn add<S: Simd>(simd: S, logits: &mut [f32], bias: &[f32]) {
    let ((logits, rest), (bias, bias_rest)) = (S::as_mut_simd_f32s(logits), S::as_simd_f32s(bias));
    for (logit, bias) in logits.iter_mut().zip(bias) {
        *logit = simd.add_f32s(*logit, *bias);
    }
    for (logit, bias) in rest.iter_mut().zip(bias_rest) {
        *logit += bias;
    }
}

/// m = max s, and Σ eˢ⁻ᵐ.
#[inline(always)]
fn highest_and_sum<S: Simd>(simd: S, logits: &[f32]) -> (f32, f32) {
    let (vectors, rest) = S::as_simd_f32s(logits);
    // Where all are minus infinity, differences are still numbers.
    let mut highest = simd.splat_f32s(f32::MIN);
    for logits in vectors {
        highest = simd.max_f32s(highest, *logits);
    }
    let highest = rest.iter().copied().fold(simd.reduce_max_f32s(highest), f32::max);
    let (wide, mut sum) = (simd.splat_f32s(highest), simd.splat_f32s(0.0));
    for logits in vectors {
        sum = simd.add_f32s(sum, exp(simd, simd.sub_f32s(*logits, wide)));
    }
    (highest, simd.reduce_sum_f32s(sum) + rest.iter().map(|logit| (logit - highest).exp()).sum::<f32>())
}

#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod tests {
    use super::*;

    fn random(size: &[i64]) -> Tensor {
        Tensor::randn(size, (Kind::Float, Device::Cpu))
    }

    #[test]
    fn logits_and_summary_are_those_of_libtorch() {
        tch::manual_seed(2);
        let _guard = tch::no_grad_guard();
        for (rows, size, vocabulary) in [(1, 8, 5), (3, 16, 128), (40, 32, 1000), (700, 16, 2003)] {
            let (x, weight) = (random(&[rows, size]), random(&[vocabulary, size]));
            for bias in [None, Some(random(&[vocabulary]) * 3.0)] {
                for (kind, close) in [(Kind::Float, 1e-5), (Kind::BFloat16, 0.2)] {
                    let found = vocabulary_logits(&x.to_kind(kind), &weight.to_kind(kind), bias.as_ref());
                    let (logits, summary) = found.expect("MKL makes products block by block");
                    let expected = x.linear(&weight, bias.as_ref());
                    assert!(logits.allclose(&expected, close, close, false), "{kind:?}: {rows} × {vocabulary}");
                    let plain = LogitSummary::of(&logits);
                    assert!(summary.highest.equal(&plain.highest) && summary.log_sum.allclose(&plain.log_sum, 1e-6, 4e-6, false));
                    let probabilities = (&logits - &summary.highest) - &summary.log_sum;
                    // libtorch subtracts highest and sum together: rounded to the place of logits of up to 60.
                    assert!(probabilities.allclose(&logits.log_softmax(-1, Kind::Float), 1e-6, 4e-6, false));
                    let maxima = summary.block_maxima.expect("found on the way");
                    for (block, start) in (0..vocabulary).step_by(BLOCK).enumerate() {
                        let logits = logits.narrow(1, start, (vocabulary - start).min(BLOCK as i64));
                        let expected = logits.amax([1i64].as_slice(), false);
                        assert!(maxima.select(1, block as i64).equal(&expected), "block {block} of {vocabulary}");
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
        let (logits, summary) = vocabulary_logits(&x, &weight, Some(&bias)).unwrap();
        let expected = logits.logsumexp([1i64].as_slice(), true);
        for summary in [summary, LogitSummary::of(&logits)] {
            assert!((summary.highest + summary.log_sum).allclose(&expected, 1e-6, 1e-6, false));
        }
    }
}
