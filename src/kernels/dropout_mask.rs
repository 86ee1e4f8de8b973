//! Dropout masks by a random generator in vectors.

use multiversion::multiversion;
use tch::{Device, Kind, Tensor};

use super::RowsMut;

/// xoshiro128++ in eight lanes, one byte of randomness an element: libtorch's own generator is serial and costs more than the
/// matrix products of a small model. A rate is rounded to a multiple of 1/256 and the scale uses the rounded rate, so the
/// expectation is exact.
pub struct MaskGenerator {
    lanes: [[u32; LANES]; 4],
}

const LANES: usize = 8;

impl MaskGenerator {
    /// A stream for (seed, step, rank).
    pub fn new(seed: u64, step: u64, rank: u64) -> Self {
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

    /// 32 random bits each.
    pub fn words(&mut self, count: usize) -> impl Iterator<Item = u32> {
        std::iter::repeat_with(|| self.next()).flatten().take(count)
    }

    /// Zero with probability `rate`, else 1 / (1 - rate).
    pub fn mask(&mut self, size: &[i64], rate: f64, kind: Kind, device: Device) -> Tensor {
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
