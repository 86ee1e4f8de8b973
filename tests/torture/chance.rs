//! What chance decides.
//!
//! The generator is ChaCha8 (Bernstein 2008). Its key is the SHA-256 of the text `targum torture SEED KIND CASE`, its stream and counter begin at 0:
//! every case has numbers of its own, whatever ran before it. Only delays depend on the clock as well.

use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng};
use sha2::{Digest, Sha256};

pub struct Chance(ChaCha8Rng);

impl Chance {
    pub fn new(seed: u64, kind: &str, case: u64) -> Self {
        let key = Sha256::digest(format!("targum torture {seed} {kind} {case}"));
        Self(ChaCha8Rng::from_seed(key.into()))
    }

    pub fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// From 0 to `bound`, which is left out; 0 where `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.0.next_u64()) * bound as u128) >> 64) as usize
    }

    /// True once in so many times.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// From 0 to 1.
    pub fn fraction(&mut self) -> f64 {
        self.0.random()
    }

    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.fill_bytes(&mut bytes);
        bytes
    }
}
