//! The output projection and the label-smoothed cross-entropy in one pass over chunks of rows.
//!
//! With a vocabulary of ten thousand the logits of a batch are its largest tensor by far. Here a chunk of rows is projected,
//! its loss and gradient are worked out at once in closed form, and the logits are forgotten: the chunk stays in the cache, and
//! nothing of size rows × V outlives it.

use tch::{Device, Kind, Tensor, no_grad};

use crate::kernels::{Factor, add_product, product};
use crate::runtime::{bf16_maps, half_products, has_bf16_products};

/// Rows at once: a chunk of logits should fit the cache.
const CHUNK: i64 = 256;

/// A word with a bias below this is switched off: it has no probability, and gets no share of the smoothed target either.
const SWITCHED_OFF: f64 = -1e8;

/// Label-smoothed cross-entropy over y = x Wᵀ + b.
///
/// With smoothing ε the target distribution gives 1 - ε to the right word and spreads ε evenly over the whole vocabulary
/// (Szegedy et al. 2016, section 7), as `torch.nn.functional.cross_entropy(label_smoothing=ε)` does; words that their bias switches off
/// do not count.
pub struct ProjectedLoss<'a> {
    /// W [V, D].
    pub weight: &'a Tensor,
    /// b [V].
    pub bias: Option<&'a Tensor>,
    /// ε in [0, 1).
    pub label_smoothing: f64,
}

/// Cross-entropy summed over rows.
pub struct CrossEntropy {
    /// Scalar whose `backward()` gives the gradient of `loss` to x, W and b. Its value is not the loss.
    pub backward: Tensor,
    /// Summed loss, smoothing included.
    pub loss: f64,
    /// Summed negative log likelihood in nats.
    pub nll: f64,
    /// log p of each target [N] (float32), without a gradient.
    pub log_probabilities: Tensor,
}

impl ProjectedLoss<'_> {
    /// `features` [N, D] against `targets` [N] (int64): sums, and gradients made in the same pass.
    pub fn with_gradient(&self, features: &Tensor, targets: &Tensor) -> CrossEntropy {
        let found = no_grad(|| self.chunks(&features.detach(), targets));
        let mut backward = (features * found.features).sum(Kind::Float) + (self.weight * found.weight).sum(Kind::Float);
        if let (Some(bias), Some(gradient)) = (self.bias, found.bias) {
            backward += (bias * gradient).sum(Kind::Float);
        }
        CrossEntropy { backward, loss: found.sum, nll: found.nll, log_probabilities: found.log_probabilities }
    }

    /// ε spread over the words [V], or one number where all have the same share.
    fn shares(&self) -> (f64, Option<Tensor>) {
        let vocabulary = self.weight.size()[0];
        let even = self.label_smoothing / vocabulary as f64;
        let Some(bias) = self.bias.filter(|_| self.label_smoothing > 0.0) else { return (even, None) };
        let on = bias.gt(SWITCHED_OFF);
        let count = on.sum(Kind::Int64).int64_value(&[]);
        (even, (count < vocabulary).then(|| on.to_kind(Kind::Float) * (self.label_smoothing / count as f64)))
    }

    fn chunks(&self, features: &Tensor, targets: &Tensor) -> Found {
        let (rows, vocabulary) = (features.size()[0], self.weight.size()[0]);
        let ((smooth, shares), sure) = (self.shares(), 1.0 - self.label_smoothing);
        let products = ChunkProducts::new(features, self.weight);
        let mut weight_gradient = self.weight.zeros_like();
        let mut bias_gradient = self.bias.map(Tensor::zeros_like);
        let mut gradients = Vec::new();
        let (mut sums, mut log_probabilities) = (Vec::new(), Vec::new());
        for start in (0..rows).step_by(CHUNK as usize) {
            let count = CHUNK.min(rows - start);
            let target = targets.narrow(0, start, count).unsqueeze(1);
            let logits = products.logits(start, count, self.bias);
            let highest = logits.amax([-1i64].as_slice(), true);
            let mut delta = logits.softmax(-1, Kind::Float);
            // log Σ exp, from the largest probability, which never vanishes.
            let log_sum = highest - delta.amax([-1i64].as_slice(), true).log();
            let of_targets = logits.gather(1, &target, false);
            log_probabilities.push((&of_targets - &log_sum).squeeze_dim(1));
            let of_targets = of_targets.sum(Kind::Double);
            let of_shares =
                shares.as_ref().map_or_else(|| of_targets.zeros_like(), |shares| logits.matmul(shares).sum(Kind::Double));
            sums.push(Tensor::stack(&[of_targets, of_shares, log_sum.sum(Kind::Double)], 0));
            drop(logits);
            // d loss / d logits = softmax - target distribution; what is spread evenly is taken off at the end.
            if let Some(shares) = &shares {
                delta -= shares;
            }
            let delta = delta.scatter_add_(1, &target, &Tensor::full([count, 1], -sure, (Kind::Float, delta.device())));
            gradients.push(products.gradients(start, &delta, &mut weight_gradient));
            if let Some(gradient) = &mut bias_gradient {
                *gradient += delta.sum_dim_intlist([0i64].as_slice(), false, Kind::Float);
            }
        }
        let sums = Tensor::stack(&sums, 0).sum_dim_intlist([0i64].as_slice(), false, Kind::Double);
        let [of_targets, of_shares, log_sums] = [0, 1, 2].map(|which| sums.double_value(&[which]));
        let picked = of_targets - log_sums;
        let mut gradient = Tensor::cat(&gradients, 0);
        let spread = if shares.is_some() {
            of_shares - self.label_smoothing * log_sums
        } else if smooth > 0.0 {
            // Sums over the whole vocabulary, without a look at a single logit: Σ_v x·w_v = x·Σ_v w_v.
            let (words, inputs) =
                [self.weight, features].map(|matrix| matrix.sum_dim_intlist([0i64].as_slice(), false, Kind::Double)).into();
            let of_bias = self.bias.map_or(0.0, |bias| bias.sum(Kind::Double).double_value(&[]));
            let of_words = words.dot(&inputs).double_value(&[]) + rows as f64 * of_bias;
            gradient -= words.to_kind(Kind::Float) * smooth;
            weight_gradient -= inputs.to_kind(Kind::Float) * smooth;
            if let Some(gradient) = &mut bias_gradient {
                *gradient -= smooth * rows as f64;
            }
            smooth * (of_words - vocabulary as f64 * log_sums)
        } else {
            0.0
        };
        Found {
            features: gradient,
            weight: weight_gradient,
            bias: bias_gradient,
            sum: -sure * picked - spread,
            nll: -picked,
            log_probabilities: Tensor::cat(&log_probabilities, 0),
        }
    }

    /// The sums alone, for validation: (loss, negative log likelihood).
    pub fn sums(&self, features: &Tensor, targets: &Tensor) -> (f64, f64) {
        let found = no_grad(|| self.chunks(&features.detach(), targets));
        (found.sum, found.nll)
    }
}

/// Gradients of the loss to x, W and b, and the sums.
struct Found {
    features: Tensor,
    weight: Tensor,
    bias: Option<Tensor>,
    sum: f64,
    nll: f64,
    log_probabilities: Tensor,
}

/// The three products of a chunk, in the precision that is set: sums and probabilities are float32 always.
struct ChunkProducts {
    /// x [N, D].
    features: Tensor,
    /// W [V, D].
    weight: Tensor,
    by: By,
}

enum By {
    /// libtorch, both sides being of one kind.
    Libtorch,
    /// MKL, both sides being bfloat16 and the outcome float32.
    Mkl,
}

impl ChunkProducts {
    fn new(features: &Tensor, weight: &Tensor) -> Self {
        let half = half_products().or(bf16_maps().then_some(Kind::BFloat16));
        let mkl = half == Some(Kind::BFloat16) && features.device() == Device::Cpu && has_bf16_products();
        let read = |tensor: &Tensor| half.map_or_else(|| tensor.detach(), |kind| tensor.detach().to_kind(kind).contiguous());
        ChunkProducts { features: read(features), weight: read(weight), by: if mkl { By::Mkl } else { By::Libtorch } }
    }

    /// x Wᵀ + b for `count` rows from `start`: [count, V].
    fn logits(&self, start: i64, count: i64, bias: Option<&Tensor>) -> Tensor {
        let x = self.features.narrow(0, start, count);
        match self.by {
            By::Libtorch => x.linear(&self.weight, bias).to_kind(Kind::Float),
            By::Mkl => {
                let (x, weight) = (Factor::Plain(&x), Factor::Transposed(&self.weight));
                let Some(bias) = bias else { return product(x, weight) };
                let logits = bias.repeat([count, 1]);
                add_product(&logits, x, weight);
                logits
            }
        }
    }

    /// From `delta` [count, V], the gradients of the logits of the rows from `start`: those of x [count, D] come back, and those of W are added
    /// to `of_weight` [V, D].
    fn gradients(&self, start: i64, delta: &Tensor, of_weight: &mut Tensor) -> Tensor {
        let x = self.features.narrow(0, start, delta.size()[0]);
        let delta = delta.to_kind(x.kind());
        match self.by {
            By::Libtorch if x.kind() == of_weight.kind() => {
                let _ = of_weight.addmm_(&delta.tr(), &x);
                delta.matmul(&self.weight)
            }
            By::Libtorch => {
                *of_weight += delta.tr().matmul(&x);
                delta.matmul(&self.weight).to_kind(of_weight.kind())
            }
            By::Mkl => {
                add_product(of_weight, Factor::Transposed(&delta), Factor::Plain(&x));
                product(Factor::Plain(&delta), Factor::Plain(&self.weight))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::{Precision, with_precision};
    use tch::Reduction;

    #[test]
    fn words_that_are_switched_off_do_not_count() {
        tch::manual_seed(4);
        let leaf = |size: &[i64]| Tensor::randn(size, (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let (x, w, b) = (leaf(&[30, 8]), leaf(&[12, 8]), leaf(&[12]));
        // Word 2 is off; the others as if there were no word 2.
        let on = Tensor::from_slice(&[0i64, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        let _ = no_grad(|| b.get(2).fill_(-1e9));
        let targets = Tensor::randint(11, [30], (Kind::Int64, Device::Cpu));
        let logits = x.linear(&w.index_select(0, &on), Some(&b.index_select(0, &on)));
        let plain = logits.cross_entropy_loss(&targets, None::<Tensor>, Reduction::Sum, -100, 0.1);
        let expected = Tensor::run_backward(&[&plain], &[&x, &w, &b], false, false);
        let sums =
            ProjectedLoss { weight: &w, bias: Some(&b), label_smoothing: 0.1 }.with_gradient(&x, &on.index_select(0, &targets));
        assert!((sums.loss - plain.double_value(&[])).abs() < 1e-3, "{} {plain}", sums.loss);
        let found = Tensor::run_backward(&[&sums.backward], &[&x, &w, &b], false, false);
        for (found, expected) in found.iter().zip(&expected) {
            assert!(found.allclose(expected, 1e-4, 1e-5, false));
        }
    }

    #[test]
    fn equals_libtorchs_cross_entropy_and_its_gradients() {
        tch::manual_seed(3);
        for (rows, smoothing, with_bias) in [(5, 0.0, true), (700, 0.1, true), (300, 0.1, false)] {
            let leaf = |size: &[i64]| Tensor::randn(size, (Kind::Float, Device::Cpu)).set_requires_grad(true);
            let (x, w, b) = (leaf(&[rows, 8]), leaf(&[50, 8]), leaf(&[50]));
            let targets = Tensor::randint(50, [rows], (Kind::Int64, Device::Cpu));
            let bias = with_bias.then_some(&b);
            let plain = x.linear(&w, bias).cross_entropy_loss(&targets, None::<Tensor>, Reduction::Sum, -100, smoothing);
            plain.backward();
            let expected: Vec<Tensor> = [&x, &w].iter().map(|t| t.grad().copy()).collect();
            let expected_bias = with_bias.then(|| b.grad().copy());
            for mut t in [x.grad(), w.grad()] {
                let _ = t.zero_();
            }
            let sums = ProjectedLoss { weight: &w, bias, label_smoothing: smoothing }.with_gradient(&x, &targets);
            let loss = plain.double_value(&[]);
            assert!((sums.loss - loss).abs() < 1e-5 * loss.abs(), "{} {loss}", sums.loss);
            let alone = x.linear(&w, bias).log_softmax(-1, Kind::Float).gather(1, &targets.unsqueeze(1), false).squeeze_dim(1);
            assert!(sums.log_probabilities.allclose(&alone, 1e-5, 1e-5, false));
            if with_bias {
                let _ = b.grad().zero_();
            }
            sums.backward.backward();
            for (t, want) in [&x, &w].iter().zip(&expected) {
                assert!(t.grad().allclose(want, 1e-4, 1e-5, false));
            }
            if let Some(want) = expected_bias {
                assert!(b.grad().allclose(&want, 1e-4, 1e-5, false));
            }
        }
    }

    #[test]
    fn half_precision_rounds_products_alone() {
        tch::manual_seed(6);
        for rows in [1, 300] {
            let leaf = |size: &[i64]| Tensor::randn(size, (Kind::Float, Device::Cpu)).set_requires_grad(true);
            let (x, w, b) = (leaf(&[rows, 64]), leaf(&[50, 64]), leaf(&[50]));
            let targets = Tensor::randint(50, [rows], (Kind::Int64, Device::Cpu));
            let loss = ProjectedLoss { weight: &w, bias: Some(&b), label_smoothing: 0.1 };
            let gradients = |sums: &CrossEntropy| Tensor::run_backward(&[&sums.backward], &[&x, &w, &b], false, false);
            let full = loss.with_gradient(&x, &targets);
            let expected = gradients(&full);
            for precision in [Precision::Bf16, Precision::Fp16] {
                for _ in 0..2 {
                    let half = with_precision(precision, Device::Cpu, || loss.with_gradient(&x, &targets));
                    assert!((half.loss / full.loss - 1.0).abs() < 5e-3, "{} {}", half.loss, full.loss);
                    for (half, full) in gradients(&half).iter().zip(&expected) {
                        let cosine = (half * full).sum(Kind::Double) / (half.norm() * full.norm());
                        assert!(half.kind() == Kind::Float && cosine.double_value(&[]) > 0.999, "{rows} rows: {cosine}");
                    }
                }
            }
        }
    }
}
