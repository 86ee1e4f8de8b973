//! Patterns of +1 and -1: what binary networks store, and the states they are in.

use anyhow::{Result, ensure};
use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng};
use tch::{Device, Kind, Tensor};

/// Rows of signs [P, N], each +1 or -1.
#[derive(Debug)]
pub struct Patterns(Tensor);

impl Patterns {
    /// Takes rows [P, N] of +1 and -1. Whole numbers become float32; floating point keeps its kind.
    ///
    /// # Errors
    /// Another shape, no rows, no units, or a number that is neither +1 nor -1, named by pattern and unit (from 0).
    pub fn new(rows: &Tensor) -> Result<Self> {
        let size = rows.size();
        ensure!(
            size.len() == 2 && size.iter().all(|&extent| extent > 0),
            "patterns need the shape [patterns, units] with at least one of each, found {size:?}: stack them as rows"
        );
        let wrong = rows.abs().not_equal(1.0).nonzero();
        if wrong.size()[0] > 0 {
            let (pattern, unit) = (wrong.int64_value(&[0, 0]), wrong.int64_value(&[0, 1]));
            let found = rows.double_value(&[pattern, unit]);
            anyhow::bail!("pattern {pattern}, unit {unit} is {found}, expected 1 or -1: turn bits into signs by 2x - 1");
        }
        let kind = if rows.is_floating_point() { rows.kind() } else { Kind::Float };
        Ok(Patterns(rows.detach().to_kind(kind).contiguous()))
    }

    /// `count` patterns of independent fair signs over `units`, a function of `seed`.
    pub fn random(count: i64, units: i64, seed: u64, kind: Kind) -> Result<Self> {
        ensure!(count > 0 && units > 0, "random patterns: expected at least one pattern and one unit, found {count} and {units}");
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let signs: Vec<i8> = (0..count * units).map(|_| if random.random() { -1 } else { 1 }).collect();
        Ok(Patterns(Tensor::from_slice(&signs).to_kind(kind).reshape([count, units])))
    }

    /// The same with `flips` units of each pattern flipped, chosen by `seed` for each pattern anew.
    ///
    /// # Errors
    /// More flips than units.
    pub fn flipped(&self, flips: usize, seed: u64) -> Result<Self> {
        let units = self.units() as usize;
        ensure!(flips <= units, "cannot flip {flips} units of patterns that have {units}");
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut factors = vec![1i8; self.count() as usize * units];
        for row in factors.chunks_mut(units) {
            shuffled(units, &mut random).iter().take(flips).for_each(|&unit| row[unit] = -1);
        }
        Ok(Patterns(&self.0 * Tensor::from_slice(&factors).to_kind(self.0.kind()).view_as(&self.0).to_device(self.0.device())))
    }

    /// Those at these places, from 0, in this order.
    ///
    /// # Errors
    /// No places, or one behind the last pattern.
    pub fn select(&self, places: impl IntoIterator<Item = i64>) -> Result<Self> {
        let places: Vec<i64> = places.into_iter().collect();
        ensure!(!places.is_empty(), "no places to take patterns from: name at least one");
        if let Some(place) = places.iter().find(|place| !(0..self.count()).contains(place)) {
            anyhow::bail!("there is no pattern {place}: the {} patterns are counted from 0", self.count());
        }
        Ok(Patterns(self.0.index_select(0, &Tensor::from_slice(&places).to_device(self.0.device()))))
    }

    /// P.
    pub fn count(&self) -> i64 {
        self.0.size()[0]
    }

    /// N.
    pub fn units(&self) -> i64 {
        self.0.size()[1]
    }

    /// [P, N].
    pub fn tensor(&self) -> &Tensor {
        &self.0
    }

    /// How alike each row is to the same row of `others`: the mean product of their signs [P], 1 where they are equal, about 0
    /// where they have nothing to do with each other, -1 where all signs are reversed.
    ///
    /// # Errors
    /// Other counts or units.
    pub fn overlap(&self, others: &Patterns) -> Result<Tensor> {
        let (own, other) = (self.0.size(), others.0.size());
        ensure!(own == other, "an overlap needs as many patterns and units on both sides, found {own:?} and {other:?}");
        Ok((&self.0 * others.0.to_kind(self.0.kind())).mean_dim([-1i64].as_slice(), false, self.0.kind())) // [P]
    }

    /// Signs that a network made itself.
    pub(super) fn trusted(rows: Tensor) -> Self {
        Patterns(rows)
    }

    /// States for a network of `units` in its own kind and place.
    pub(super) fn for_network(&self, units: i64, like: &Tensor) -> Result<Tensor> {
        ensure!(
            self.units() == units,
            "the network has {units} units, the patterns have {}: give patterns of the size that it was made with",
            self.units()
        );
        Ok(self.0.to_kind(like.kind()).to_device(like.device()))
    }
}

/// 0 to `count` - 1 in an order by chance.
pub(super) fn shuffled(count: usize, random: &mut ChaCha8Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_cached_key(|_| random.next_u64());
    order
}

/// Numbers as 64-bit floats in memory, row by row.
pub(super) fn doubles(tensor: &Tensor) -> Vec<f64> {
    let flat = tensor.detach().to_device(Device::Cpu).to_kind(Kind::Double).contiguous().view([-1]);
    Vec::try_from(flat).expect("a flat tensor of doubles is a vector of them")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_sign_is_named() {
        let error = |tensor: Tensor| Patterns::new(&tensor).unwrap_err().to_string();
        let bits = Tensor::from_slice(&[1f32, -1.0, 1.0, 1.0, -1.0, 0.0]).reshape([2, 3]);
        assert_eq!(error(bits), "pattern 1, unit 2 is 0, expected 1 or -1: turn bits into signs by 2x - 1");
        assert!(error(Tensor::from_slice(&[1f32, f32::NAN]).reshape([1, 2])).contains("pattern 0, unit 1 is NaN"));
        assert!(error(Tensor::from_slice(&[1i64, 2]).reshape([1, 2])).contains("pattern 0, unit 1 is 2"));
        assert!(error(Tensor::ones([3], (Kind::Float, Device::Cpu))).contains("found [3]"));
        assert!(error(Tensor::ones([0, 3], (Kind::Float, Device::Cpu))).contains("found [0, 3]"));
        assert_eq!(Patterns::new(&Tensor::from_slice(&[1i64, -1]).reshape([1, 2])).unwrap().tensor().kind(), Kind::Float);
    }

    #[test]
    fn sizes_that_do_not_fit_are_named() {
        let patterns = Patterns::random(3, 8, 1, Kind::Double).unwrap();
        assert!(Patterns::random(0, 8, 1, Kind::Double).is_err());
        assert_eq!(patterns.flipped(9, 1).unwrap_err().to_string(), "cannot flip 9 units of patterns that have 8");
        let error = patterns.select([0, 3]).unwrap_err().to_string();
        assert_eq!(error, "there is no pattern 3: the 3 patterns are counted from 0");
        assert!(patterns.select([]).is_err());
        let other = Patterns::random(3, 7, 1, Kind::Double).unwrap();
        assert!(patterns.overlap(&other).unwrap_err().to_string().contains("[3, 8] and [3, 7]"));
    }

    /// Studies give what they gave.
    #[test]
    fn signs_are_the_first_bits_of_words() {
        let drawn = doubles(Patterns::random(10, 100, 7, Kind::Float).unwrap().tensor());
        let mut plain = ChaCha8Rng::seed_from_u64(7);
        assert!(drawn.iter().all(|&sign| sign == if plain.next_u32() >> 31 == 0 { 1.0 } else { -1.0 }));
    }

    #[test]
    fn chance_flips_as_many_as_were_asked_for() {
        let patterns = Patterns::random(50, 40, 7, Kind::Float).unwrap();
        assert!(patterns.tensor().mean(Kind::Float).double_value(&[]).abs() < 0.1);
        let flipped = patterns.flipped(10, 3).unwrap();
        let overlaps = doubles(&patterns.overlap(&flipped).unwrap());
        assert!(overlaps.iter().all(|overlap| (overlap - 0.5).abs() < 1e-6), "10 of 40 flipped leave an overlap of a half");
        let places = patterns.tensor().not_equal_tensor(flipped.tensor());
        assert!(!places.get(0).equal(&places.get(1)), "each pattern has its own flips");
        assert!(patterns.flipped(10, 3).unwrap().tensor().equal(flipped.tensor()));
    }
}
