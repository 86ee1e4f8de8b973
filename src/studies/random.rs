//! The numbers that generated data are drawn from: a pure function of a seed and a number.

use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng};

/// Sets what is validated and tested on apart from what is trained on.
pub const VALIDATION: u64 = 0x5641_4C49_4400_0000;
pub const TEST: u64 = 0x5445_5354_0000_0000;

/// The numbers of an epoch's batches where they are generated and there is no end of them: a thousand count as an epoch.
pub fn endless_epoch(epoch: u64) -> Vec<u64> {
    const BATCHES: u64 = 1000;
    (epoch * BATCHES..(epoch + 1) * BATCHES).collect()
}

/// A stream of random numbers.
pub struct RandomGenerator(ChaCha8Rng);

impl RandomGenerator {
    /// Nearby numbers give unrelated chance.
    pub fn new(seed: u64, number: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(number);
        RandomGenerator(random)
    }

    /// 0 or 1.
    pub fn bit(&mut self) -> f32 {
        (self.0.next_u32() & 1) as f32
    }

    pub fn bits(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.bit()).collect()
    }

    /// In [0, 1).
    pub fn share(&mut self) -> f64 {
        self.0.random()
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + (self.share() * (high - low + 1) as f64) as usize
    }

    /// One of some.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.between(0, from.len() - 1)]
    }

    /// Every order equally likely (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.between(0, last));
        }
    }

    /// Beta(½, ½): sin² of a uniform angle.
    pub fn arcsine(&mut self) -> f64 {
        (self.share() * std::f64::consts::FRAC_PI_2).sin().powi(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs that are begun go on with what they would have drawn: neither the generator nor what is made of its bits may change.
    #[test]
    fn what_a_seed_gives_is_written_down() {
        // ChaCha with 8 rounds (Strombergson, draft-strombergson-chacha-test-vectors-01, TC1: key and IV of zeros).
        let mut stream = [0; 16];
        ChaCha8Rng::from_seed([0; 32]).fill_bytes(&mut stream);
        assert_eq!(u128::from_be_bytes(stream), 0x3e00_ef2f_895f_40d6_7f5b_b8e8_1f09_a5a1);
        // A seed of 64 bits becomes a key by PCG32 (O'Neill 2014).
        let mut state = 5u64;
        let words = [(); 8].map(|()| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(11_634_580_027_462_260_723);
            ((((state >> 18) ^ state) >> 27) as u32).rotate_right((state >> 59) as u32).to_le_bytes()
        });
        let mut plain = ChaCha8Rng::from_seed(words.concat().try_into().unwrap());
        plain.set_stream(9);
        let mut random = RandomGenerator::new(5, 9);
        for _ in 0..1000 {
            assert_eq!(random.bit(), (plain.next_u32() & 1) as f32);
            assert_eq!(random.share(), (plain.next_u64() >> 11) as f64 / (1u64 << 53) as f64);
        }
    }

    #[test]
    fn orders_are_equally_likely() {
        let mut counts = std::collections::BTreeMap::new();
        let mut random = RandomGenerator::new(1, 2);
        for _ in 0..6000 {
            let mut items = [0, 1, 2];
            random.shuffle(&mut items);
            *counts.entry(items).or_insert(0) += 1;
        }
        assert!(counts.len() == 6 && counts.values().all(|count| (880..1120).contains(count)), "{counts:?}");
    }

    #[test]
    fn numbers_reach_both_ends_and_depend_on_seed_and_number() {
        let draw = |seed, number| {
            let mut random = RandomGenerator::new(seed, number);
            (0..200).map(|_| random.between(3, 6)).collect::<Vec<_>>()
        };
        let drawn = draw(1, 0);
        assert!((3..=6).all(|number| drawn.contains(&number)) && drawn.iter().all(|number| (3..=6).contains(number)));
        assert_eq!(drawn, draw(1, 0));
        assert!(drawn != draw(1, 1) && drawn != draw(2, 0));
    }
}
