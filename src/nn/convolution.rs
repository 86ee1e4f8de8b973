//! Convolutions over pictures.

use tch::Tensor;

use super::{Initialization, Scope, Weight};

/// A square convolution, named `weight` [out, in, K, K] and `bias` [out] as in PyTorch; padding keeps what stands at the border in the middle of
/// a window too.
pub struct Convolution {
    weight: Weight,
    bias: Weight,
    stride: i64,
}

/// What one output of stacked convolutions sees of the picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceptiveField {
    /// Side of the square.
    pub side: i64,
    /// From the square of one output to that of its neighbour.
    pub stride: i64,
}

impl ReceptiveField {
    /// Of a pixel itself.
    pub const PIXEL: Self = ReceptiveField { side: 1, stride: 1 };

    /// After one more layer with this kernel and stride.
    pub fn after(self, kernel: i64, stride: i64) -> Self {
        ReceptiveField { side: self.side + (kernel - 1) * self.stride, stride: self.stride * stride }
    }
}

impl Convolution {
    /// With a bias that starts at zero; `kernel` is odd.
    pub fn new(scope: Scope, input: i64, output: i64, kernel: i64, stride: i64, initialization: Initialization) -> Self {
        Convolution {
            weight: scope.tensor("weight", &[output, input, kernel, kernel], initialization),
            bias: scope.tensor("bias", &[output], Initialization::Constant(0.0)),
            stride,
        }
    }

    /// [B, in, Y, X] to [B, out, Y', X'], where Y' is Y by the stride, rounded up.
    pub fn forward(&self, input: &Tensor) -> Tensor {
        let padding = self.kernel() / 2;
        input.conv2d(&self.weight, Some(&*self.bias), [self.stride; 2], [padding; 2], [1i64; 2], 1)
    }

    /// What its outputs see where its inputs see `field`.
    pub fn receptive_field(&self, field: ReceptiveField) -> ReceptiveField {
        field.after(self.kernel(), self.stride)
    }

    fn kernel(&self) -> i64 {
        self.weight.size()[2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Parameters;
    use crate::nn::numerical::check_gradients;
    use tch::{Device, Kind};

    #[test]
    fn an_output_is_the_sum_over_its_window() {
        let store = Parameters::double(1);
        let layer = Convolution::new(store.root(), 2, 3, 3, 2, Initialization::Normal(1.0));
        tch::manual_seed(2);
        let input = Tensor::randn([1, 2, 6, 6], (Kind::Double, Device::Cpu));
        let output = layer.forward(&input);
        assert_eq!(output.size(), [1, 3, 3, 3]);
        let at = |channel: i64, y: i64, x: i64| match (0..6).contains(&y) && (0..6).contains(&x) {
            true => input.double_value(&[0, channel, y, x]),
            false => 0.0,
        };
        for (out, y, x) in [(0, 0, 0), (1, 1, 2), (2, 2, 0)] {
            let mut sum = 0.0;
            for (channel, row, column) in (0..2).flat_map(|c| (0..3).flat_map(move |r| (0..3).map(move |k| (c, r, k)))) {
                sum += layer.weight.double_value(&[out, channel, row, column]) * at(channel, 2 * y + row - 1, 2 * x + column - 1);
            }
            assert!((output.double_value(&[0, out, y, x]) - sum).abs() < 1e-12);
        }
        check_gradients(&store.named(), || (layer.forward(&input).square() * 0.1).sum(Kind::Double));
    }

    #[test]
    fn the_receptive_field_is_where_gradients_come_from() {
        let store = Parameters::new(1, Device::Cpu);
        let layers: Vec<Convolution> = [(3, 2), (3, 2), (3, 1)]
            .iter()
            .enumerate()
            .map(|(number, &(kernel, stride))| {
                let scope = store.root().sub(&number.to_string());
                Convolution::new(scope, 1, 1, kernel, stride, Initialization::Constant(1.0))
            })
            .collect();
        let field = layers.iter().fold(ReceptiveField::PIXEL, |field, layer| layer.receptive_field(field));
        assert_eq!(field, ReceptiveField { side: 15, stride: 4 });
        let seen = |place: i64| {
            let input = Tensor::ones([1, 1, 48, 48], (Kind::Float, Device::Cpu)).set_requires_grad(true);
            let output = layers.iter().fold(input.shallow_clone(), |data, layer| layer.forward(&data));
            output.get(0).get(0).get(place).get(6).backward();
            let rows = input.grad().squeeze().amax([1i64].as_slice(), false).gt(0.0).nonzero().squeeze_dim(1); // [rows seen]
            Vec::<i64>::try_from(rows).unwrap()
        };
        let (one, next) = (seen(5), seen(6));
        assert_eq!((one.len() as i64, next[0] - one[0]), (field.side, field.stride));
    }
}
