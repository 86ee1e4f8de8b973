//! y = x Wᵀ + b.

use tch::{Kind, Tensor};

use super::{Initialization, Scope, Weight};
use crate::kernels::{Factor, add_product, product};
use crate::runtime::{bf16_maps, for_products};

/// A linear map, named `weight` [out, in] and `bias` [out] as in PyTorch.
pub struct Linear {
    pub weight: Weight,
    pub bias: Option<Weight>,
}

impl Linear {
    /// With a bias that starts at zero.
    pub fn new(scope: Scope, input: i64, output: i64, initialization: Initialization) -> Self {
        let bias = Some(scope.tensor("bias", &[output], Initialization::Constant(0.0)));
        Linear { weight: scope.tensor("weight", &[output, input], initialization), bias }
    }

    /// Without a bias.
    pub fn without_bias(scope: Scope, input: i64, output: i64, initialization: Initialization) -> Self {
        Linear { weight: scope.tensor("weight", &[output, input], initialization), bias: None }
    }

    /// [.., in] to [.., out].
    pub fn forward(&self, input: &Tensor) -> Tensor {
        linear(input, &self.weight, self.bias.as_deref())
    }
}

/// x Wᵀ + b: [.., in] by W [out, in] to [.., out], in the precision that is set.
pub fn linear(input: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Tensor {
    if !bf16_maps() {
        return input.linear(weight, bias);
    }
    let mut size = input.size();
    let width = size.pop().expect("an input has a last dimension");
    let rows = input.reshape([-1, width]);
    let output = match bias {
        Some(bias) => add_linear(&bias.to_kind(Kind::Float), &rows, weight),
        None => {
            let (rows, weight) = for_bf16(&rows, weight);
            product(Factor::Plain(&rows), Factor::Transposed(&weight))
        }
    };
    size.push(weight.size()[0]);
    output.view(size.as_slice())
}

/// s + x Wᵀ: sums [B, out], or [out] for every row, and [B, in] by W [out, in] to [B, out], in the precision that is set.
pub fn add_linear(sum: &Tensor, input: &Tensor, weight: &Tensor) -> Tensor {
    if !bf16_maps() {
        return sum.addmm(input, &weight.tr());
    }
    let times = if sum.dim() == 1 { input.size()[0] } else { 1 };
    let sum = sum.repeat([times, 1]);
    let (input, weight) = for_bf16(input, weight);
    add_product(&sum, Factor::Plain(&input), Factor::Transposed(&weight));
    sum
}

/// Both sides of a product as [`product`] reads them.
pub fn for_bf16(input: &Tensor, weight: &Tensor) -> (Tensor, Tensor) {
    (input.to_kind(Kind::BFloat16).contiguous(), for_products(weight).contiguous())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Parameters;
    use crate::runtime::{Precision, with_precision_for_inference};
    use tch::Device;

    #[test]
    fn maps_of_bfloat16_give_float32_and_write_into_nothing_else() {
        tch::manual_seed(5);
        let store = Parameters::new(1, Device::Cpu);
        let map = Linear::new(store.root(), 40, 30, Initialization::Xavier { gain: 1.0 });
        let bias = map.bias.as_ref().unwrap();
        let _ = tch::no_grad(|| bias.shallow_clone().fill_(0.5));
        // One row too: then a bias that was only expanded would be written into.
        for size in [&[1, 40][..], &[7, 40], &[2, 3, 40], &[1, 1, 40]] {
            let input = Tensor::randn(size, (Kind::Float, Device::Cpu));
            let _guard = tch::no_grad_guard();
            let (full, added) = (map.forward(&input), add_linear(bias, &input.reshape([-1, 40]), &map.weight));
            for _ in 0..2 {
                let (half, half_added) = with_precision_for_inference(Precision::Bf16, Device::Cpu, || {
                    (map.forward(&input), add_linear(bias, &input.reshape([-1, 40]), &map.weight))
                });
                for (half, full) in [(half, &full), (half_added, &added)] {
                    assert_eq!(half.size(), full.size());
                    let off = (half - full).abs().max().double_value(&[]);
                    assert!(off > 0.0 && off < 0.05, "{size:?}: {off}");
                }
            }
            assert!(bias.eq(0.5).all().int64_value(&[]) == 1);
        }
    }
}
