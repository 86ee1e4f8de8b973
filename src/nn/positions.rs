//! Where a token stands, as numbers: sines and cosines to add, or rotations.

use tch::{Device, Kind, Tensor};

/// How the sinusoidal table is laid out. The numbers are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sinusoids {
    /// sin and cos of one frequency side by side (Vaswani et al. 2017, section 3.5).
    Interleaved,
    /// All sines, then all cosines (tensor2tensor, Marian).
    Halves,
}

/// Slowest wave length over 2π.
const BASE: f64 = 10_000.0;

/// position · 10000^(-2i / size) for i < size / 2: [length, size / 2] in double precision.
fn angles(length: i64, size: i64) -> Tensor {
    let options = (Kind::Double, Device::Cpu);
    let frequencies = (Tensor::arange(size / 2, options) * (-2.0 * BASE.ln() / size as f64)).exp();
    Tensor::arange(length, options).unsqueeze(1) * frequencies.unsqueeze(0)
}

/// PE [length, size] (Vaswani et al. 2017, section 3.5), float32.
pub fn sinusoids(length: i64, size: i64, layout: Sinusoids) -> Tensor {
    let angles = angles(length, size);
    let table = match layout {
        Sinusoids::Interleaved => Tensor::stack(&[angles.sin(), angles.cos()], 2).reshape([length, size]),
        Sinusoids::Halves => Tensor::cat(&[angles.sin(), angles.cos()], 1),
    };
    table.to_kind(Kind::Float)
}

/// Rotary positions (Su et al. 2021, equation 34, the two halves of a head paired as in GPT-NeoX): the product of a turned query and
/// a turned key depends on how far apart they stand.
pub struct Rotation {
    /// [length, 1, K]
    cosines: Tensor,
    sines: Tensor,
}

impl Rotation {
    /// For heads of `size` numbers at the positions `start..start + length`.
    pub fn new(start: i64, length: i64, size: i64, device: Device) -> Self {
        let angles = angles(start + length, size).narrow(0, start, length);
        let twice = |half: Tensor| Tensor::cat(&[&half, &half], 1).unsqueeze(1).to_kind(Kind::Float).to_device(device);
        Rotation { cosines: twice(angles.cos()), sines: twice(angles.sin()) }
    }

    /// [.., length, H · K] turned.
    pub fn turn(&self, input: &Tensor) -> Tensor {
        let heads = input.unflatten(-1, [-1, *self.cosines.size().last().expect("a table has a width")]);
        let halves = heads.chunk(2, -1);
        let turned = &heads * &self.cosines + Tensor::cat(&[-&halves[1], halves[0].shallow_clone()], -1) * &self.sines;
        turned.flatten(-2, -1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sinusoids_are_the_papers() {
        let (interleaved, halves) = (sinusoids(7, 6, Sinusoids::Interleaved), sinusoids(7, 6, Sinusoids::Halves));
        for position in 0..7 {
            for pair in 0..3 {
                let angle = position as f64 / 10_000f64.powf(2.0 * pair as f64 / 6.0);
                for (table, sine, cosine) in [(&interleaved, 2 * pair, 2 * pair + 1), (&halves, pair, 3 + pair)] {
                    assert!((table.double_value(&[position, sine]) - angle.sin()).abs() < 1e-6);
                    assert!((table.double_value(&[position, cosine]) - angle.cos()).abs() < 1e-6);
                }
            }
        }
    }

    #[test]
    fn turned_products_depend_on_the_distance_alone() {
        tch::manual_seed(1);
        let options = (Kind::Float, Device::Cpu);
        let (query, key) = (Tensor::randn([1, 8], options), Tensor::randn([1, 8], options));
        let product = |at: i64, other: i64| {
            let turned = |vector: &Tensor, position| Rotation::new(position, 1, 8, Device::Cpu).turn(vector);
            (turned(&query, at) * turned(&key, other)).sum(Kind::Float).double_value(&[])
        };
        assert!((product(3, 1) - product(12, 10)).abs() < 1e-5);
        assert!((product(3, 1) - product(3, 2)).abs() > 1e-3, "another distance, another product");
        assert!((product(5, 5) - (&query * &key).sum(Kind::Float).double_value(&[])).abs() < 1e-5);
    }
}
