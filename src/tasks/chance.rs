//! The numbers that generated data draws: a pure function of seed and number.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Sets what is validated and tested on apart from what is trained on.
pub const VALIDATION: u64 = 0x5641_4C49_4400_0000;
pub const TEST: u64 = 0x5445_5354_0000_0000;

/// A stream of numbers.
pub struct Chance(ChaCha8Rng);

impl Chance {
    /// Nearby numbers give unrelated streams.
    pub fn new(seed: u64, number: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(number);
        Chance(random)
    }

    pub fn bit(&mut self) -> f32 {
        (self.0.next_u32() & 1) as f32
    }

    pub fn bits(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.bit()).collect()
    }

    /// In [0, 1).
    pub fn share(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + (self.share() * (high - low + 1) as f64) as usize
    }
}
