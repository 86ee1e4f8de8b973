//! Sets, generated: instances of random bits, and among them a needle or none.

use tch::{Device, Tensor};

use crate::recipe::SetsRecipe;
use crate::studies::random::RandomGenerator;

/// The needles of a run, in its checkpoints.
pub const NEEDLES_FILE: &str = "needles.safetensors";
/// The stream that the needles themselves are drawn from.
const NEEDLES: u64 = 0x4e45_4544_4c45_5300;

/// The kinds of needles, the same for all sets of a run.
pub struct Needles(Vec<Vec<f32>>);

/// Sets of one size.
pub struct Sets {
    /// 1 and -1 [B, T, D].
    pub instances: Tensor,
    /// 0 without a needle, else its kind from 1 on [B].
    pub classes: Tensor,
    /// Where each needle is.
    pub places: Vec<Option<usize>>,
}

fn signs(width: usize, random: &mut RandomGenerator) -> Vec<f32> {
    random.bits(width).into_iter().map(|bit| 2.0 * bit - 1.0).collect()
}

impl Needles {
    pub fn draw(recipe: &SetsRecipe, seed: u64) -> Self {
        let mut random = RandomGenerator::new(seed ^ NEEDLES, 0);
        Needles((0..recipe.needles).map(|_| signs(recipe.width, &mut random)).collect())
    }

    /// Of 1 and -1 [needles, D].
    pub fn tensor(&self) -> Tensor {
        let width = self.0.first().map_or(0, Vec::len) as i64;
        Tensor::from_slice(&self.0.concat()).reshape([-1, width])
    }

    /// Needles that were kept.
    pub fn of(tensor: &Tensor) -> Result<Self, tch::TchError> {
        Vec::try_from(tensor).map(Needles)
    }

    /// `count` sets of `size` instances; every class is as likely as the others.
    pub fn sets(&self, recipe: &SetsRecipe, count: usize, size: usize, random: &mut RandomGenerator, device: Device) -> Sets {
        let (mut instances, mut classes, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..count {
            let class = random.between(0, self.0.len());
            let place = random.between(0, size - 1);
            for instance in 0..size {
                if class > 0 && instance == place {
                    let mut needle = self.0[class - 1].clone();
                    let mut order: Vec<usize> = (0..needle.len()).collect();
                    random.shuffle(&mut order);
                    order[..recipe.flipped].iter().for_each(|&bit| needle[bit] = -needle[bit]);
                    instances.extend(needle);
                } else {
                    instances.extend(signs(recipe.width, random));
                }
            }
            classes.push(class as i64);
            places.push((class > 0).then_some(place));
        }
        let instances = Tensor::from_slice(&instances).reshape([count as i64, size as i64, -1]).to_device(device);
        Sets { instances, classes: Tensor::from_slice(&classes).to_device(device), places }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    #[test]
    fn a_needle_is_where_it_is_said_to_be() {
        let recipe = SetsRecipe::default();
        let needles = Needles::draw(&recipe, 3);
        let sets = needles.sets(&recipe, 40, 25, &mut RandomGenerator::new(3, 0), Device::Cpu);
        assert_eq!(sets.instances.size(), [40, 25, 32]);
        let overlaps = sets.instances.matmul(&needles.tensor().tr()); // [B, T, needles]
        for (row, place) in sets.places.iter().enumerate() {
            let class = sets.classes.int64_value(&[row as i64]);
            match place {
                Some(place) => {
                    let found = overlaps.double_value(&[row as i64, *place as i64, class - 1]);
                    assert_eq!(found, 32.0 - 2.0 * recipe.flipped as f64);
                }
                None => assert_eq!(class, 0),
            }
        }
        let kinds = sets.classes.to_kind(Kind::Float).mean(Kind::Float).double_value(&[]);
        assert!((1.2..2.8).contains(&kinds), "{kinds}");
    }
}
