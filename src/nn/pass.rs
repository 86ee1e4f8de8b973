//! One forward pass: whether it trains, and where its dropout masks come from.

use std::cell::RefCell;

use multiversion::multiversion;
use tch::{Device, Kind, Tensor};

use super::RowsMut;

/// Says how a forward pass runs. Layers hold nothing mutable: whatever varies between two calls is in here.
pub struct Pass {
    masks: Option<RefCell<MaskGenerator>>,
}

impl Pass {
    /// No dropout.
    pub fn evaluation() -> Self {
        Pass { masks: None }
    }

    /// Dropout masks as a pure function of (seed, step, rank) and the order of calls.
    pub fn training(seed: u64, step: u64, rank: u64) -> Self {
        Pass { masks: Some(RefCell::new(MaskGenerator::new(seed, step, rank))) }
    }

    /// True when dropout is on.
    pub fn trains(&self) -> bool {
        self.masks.is_some()
    }

    /// Inverted dropout: zero with probability `rate`, else scaled by 1 / (1 - rate). The same tensor back when not training.
    pub fn dropout(&self, input: &Tensor, rate: f64) -> Tensor {
        match self.mask(&input.size(), rate, input.kind(), input.device()) {
            Some(mask) => input * mask,
            None => input.shallow_clone(),
        }
    }

    /// `input` + dropout of `added`, in one go.
    pub fn add_dropped(&self, input: &Tensor, added: &Tensor, rate: f64) -> Tensor {
        match self.mask(&added.size(), rate, added.kind(), added.device()) {
            Some(mask) => input.addcmul(added, &mask),
            None => input + added,
        }
    }

    /// A mask of zeros and 1 / (1 - rate), for callers that use one mask several times. `None` when there is nothing to drop.
    pub fn mask(&self, size: &[i64], rate: f64, kind: Kind, device: Device) -> Option<Tensor> {
        let masks = self.masks.as_ref()?;
        (rate > 0.0).then(|| masks.borrow_mut().mask(size, rate, kind, device))
    }

    /// Numbers uniform in [0, 1), for what a training pass decides by chance (float64, 32 random bits each). `None` when not training.
    pub fn uniform(&self, size: &[i64], device: Device) -> Option<Tensor> {
        let masks = self.masks.as_ref()?;
        let count = size.iter().product::<i64>() as usize;
        let words: Vec<f64> = masks.borrow_mut().words(count).map(|word| f64::from(word) / 2f64.powi(32)).collect();
        Some(Tensor::from_slice(&words).reshape(size).to_device(device))
    }
}

/// xoshiro128++ in eight lanes, one byte of randomness an element: libtorch's own generator is serial and costs more than the
/// matrix products of a small model. A rate is rounded to a multiple of 1/256 and the scale uses the rounded rate, so the
/// expectation is exact.
struct MaskGenerator {
    lanes: [[u32; LANES]; 4],
}

const LANES: usize = 8;

impl MaskGenerator {
    fn new(seed: u64, step: u64, rank: u64) -> Self {
        // SplitMix64 spreads nearby (seed, step, rank) over the whole state.
        let mut state =
            seed ^ step.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ rank.rotate_left(32).wrapping_mul(0xD1B5_4A32_D192_ED03);
        let mut next = || {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ (z >> 31)
        };
        let mut lanes = [[0u32; LANES]; 4];
        for row in &mut lanes {
            for lane in row.iter_mut() {
                *lane = next() as u32;
            }
        }
        MaskGenerator { lanes }
    }

    #[inline(always)]
    fn next(&mut self) -> [u32; LANES] {
        let s = &mut self.lanes;
        let mut result = [0u32; LANES];
        for i in 0..LANES {
            result[i] = s[0][i].wrapping_add(s[3][i]).rotate_left(7).wrapping_add(s[0][i]);
            let t = s[1][i] << 9;
            s[2][i] ^= s[0][i];
            s[3][i] ^= s[1][i];
            s[1][i] ^= s[2][i];
            s[0][i] ^= s[3][i];
            s[2][i] ^= t;
            s[3][i] = s[3][i].rotate_left(11);
        }
        result
    }

    fn words(&mut self, count: usize) -> impl Iterator<Item = u32> {
        std::iter::repeat_with(|| self.next()).flatten().take(count)
    }

    fn mask(&mut self, size: &[i64], rate: f64, kind: Kind, device: Device) -> Tensor {
        // A rate below one is never rounded up to dropping everything.
        let threshold = ((rate * 256.0).round() as u32).min(255);
        let scale = 256.0 / (256 - threshold) as f32;
        let count = size.iter().product::<i64>() as usize;
        let mask = Tensor::empty([1, count as i64], (Kind::Float, Device::Cpu));
        // SAFETY: nobody else has this tensor yet.
        fill(self, unsafe { RowsMut::of(&mask) }.row(0), threshold, scale);
        mask.reshape(size).to_device(device).to_kind(kind)
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2", "x86_64+avx2"))]
fn fill(generator: &mut MaskGenerator, values: &mut [f32], threshold: u32, scale: f32) {
    for chunk in values.chunks_mut(LANES * 4) {
        let words = generator.next();
        if chunk.len() == LANES * 4 {
            for byte in 0..4 {
                for lane in 0..LANES {
                    let random = (words[lane] >> (8 * byte)) & 0xff;
                    chunk[byte * LANES + lane] = if random < threshold { 0.0 } else { scale };
                }
            }
        } else {
            for (i, value) in chunk.iter_mut().enumerate() {
                let random = (words[i % LANES] >> (8 * (i / LANES))) & 0xff;
                *value = if random < threshold { 0.0 } else { scale };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evaluation_changes_nothing() {
        let x = Tensor::ones([3, 4], (Kind::Float, Device::Cpu));
        assert!(Pass::evaluation().dropout(&x, 0.9).equal(&x));
    }

    #[test]
    fn masks_keep_the_expectation_and_depend_on_the_step_only() {
        let x = Tensor::ones([400, 500], (Kind::Float, Device::Cpu));
        for rate in [0.1, 0.3, 0.5] {
            let pass = Pass::training(1, 7, 0);
            let dropped = pass.dropout(&x, rate);
            assert!((dropped.mean(Kind::Float).double_value(&[]) - 1.0).abs() < 0.01);
            let zeros = dropped.eq(0.0).to_kind(Kind::Float).mean(Kind::Float).double_value(&[]);
            assert!((zeros - rate).abs() < 0.005, "rate {rate}, zeros {zeros}");
            assert!(Pass::training(1, 7, 0).dropout(&x, rate).equal(&dropped));
            assert!(!Pass::training(1, 8, 0).dropout(&x, rate).equal(&dropped));
            assert!(!pass.dropout(&x, rate).equal(&dropped), "the second mask of a pass is another one");
        }
    }

    #[test]
    fn uniform_numbers_are_even_and_depend_on_the_step_only() {
        let numbers = |step| Pass::training(1, step, 0).uniform(&[150, 101], Device::Cpu).unwrap();
        let values = numbers(7);
        assert!(values.min().double_value(&[]) >= 0.0 && values.max().double_value(&[]) < 1.0);
        for tenth in 0..10 {
            let inside = values.ge(0.1 * f64::from(tenth)).logical_and(&values.lt(0.1 * f64::from(tenth + 1)));
            let share = inside.to_kind(Kind::Double).mean(Kind::Double).double_value(&[]);
            assert!((share - 0.1).abs() < 0.01, "{share} in tenth {tenth}");
        }
        assert!(numbers(7).equal(&values) && !numbers(8).equal(&values));
        assert!(Pass::evaluation().uniform(&[2], Device::Cpu).is_none());
    }

    #[test]
    fn odd_sizes_are_filled() {
        let x = Tensor::ones([7, 5], (Kind::Float, Device::Cpu));
        let dropped = Pass::training(3, 0, 0).dropout(&x, 0.5);
        let kinds = dropped.eq(0.0).logical_or(&dropped.eq(2.0));
        assert!(bool::try_from(kinds.all()).unwrap());
    }
}
