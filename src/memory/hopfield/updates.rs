//! How a network of signs moves: all units at once, or one after the other.

use anyhow::Result;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use tch::Tensor;

use super::patterns::{Patterns, doubles, shuffled};

/// Where cues ended up.
#[derive(Debug)]
pub struct Recalled {
    /// The last state of each cue [B, N].
    pub states: Patterns,
    /// Of each cue its energy at the start and after every change: of the whole state (synchronous) or of one unit
    /// (asynchronous).
    pub energies: Vec<Vec<f64>>,
    /// Of each cue whether its state is a fixed point; where not, updates ended at their limit.
    pub settled: Vec<bool>,
}

/// All units of all rows at once, at most `limit` times. `costs` [B, N] says what the energy would change by if that unit alone
/// flipped; those that would lower it flip. Nothing keeps the energy from rising when several do, and the end may be two states
/// in turn.
pub(super) fn synchronous(
    cues: Tensor,
    limit: usize,
    energy: impl Fn(&Tensor) -> Tensor,
    costs: impl Fn(&Tensor) -> Tensor,
) -> Recalled {
    let mut energies: Vec<Vec<f64>> = doubles(&energy(&cues)).into_iter().map(|start| vec![start]).collect();
    let mut settled = vec![false; energies.len()];
    let mut states = cues;
    // Once more than the limit: whether the last state is a fixed point shows by the next update.
    for update in 0..=limit {
        let flips = costs(&states).lt(0.0); // [B, N]
        let moved = doubles(&flips.any_dim(1, false)); // [B]
        settled.iter_mut().zip(&moved).for_each(|(settled, &moved)| *settled = moved == 0.0);
        if update == limit || settled.iter().all(|&settled| settled) {
            break;
        }
        states = states.neg().where_self(&flips, &states);
        let now = doubles(&energy(&states)); // [B]
        for ((trace, now), &moved) in energies.iter_mut().zip(now).zip(&moved) {
            if moved != 0.0 {
                trace.push(now);
            }
        }
    }
    Recalled { states: Patterns::trusted(states), energies, settled }
}

/// What rounding may leave of a sum of numbers that add up to one in size.
pub(super) const ROUNDING: f64 = 1e-13;

/// One state of a network and its energy, while units are flipped one at a time.
pub(super) trait Landscape {
    fn energy(&self) -> f64;
    /// What the energy would change by if this unit flipped.
    fn cost(&self, unit: usize) -> f64;
    fn flip(&mut self, unit: usize);
    /// Costs below this are the last bits of sums: units for which nothing speaks would flip back and forth on them for ever.
    fn noise(&self) -> f64;
    fn state(&self) -> &[f64];
}

/// One unit after the other, each flipping where that lowers the energy, which so never rises: at most `limit` sweeps over all
/// units, until a sweep changes nothing. Every sweep has an order of its own by `seed`, the same for every row: a cue's end does
/// not hang on its company.
pub(super) fn asynchronous<L: Landscape>(
    cues: &Tensor,
    seed: u64,
    limit: usize,
    landscape: impl Fn(&[f64]) -> L,
) -> Result<Recalled> {
    let units = cues.size()[1] as usize;
    let (mut states, mut energies, mut settled) = (Vec::new(), Vec::new(), Vec::new());
    for cue in doubles(cues).chunks(units) {
        let mut landscape = landscape(cue);
        let (trace, still) = descend(&mut landscape, &mut ChaCha8Rng::seed_from_u64(seed), limit);
        states.extend_from_slice(landscape.state());
        energies.push(trace);
        settled.push(still);
    }
    let states = Tensor::from_slice(&states).view_as(cues).to_kind(cues.kind()).to_device(cues.device());
    Ok(Recalled { states: Patterns::trusted(states), energies, settled })
}

fn descend(landscape: &mut impl Landscape, random: &mut ChaCha8Rng, limit: usize) -> (Vec<f64>, bool) {
    let units = landscape.state().len();
    let mut energies = vec![landscape.energy()];
    for _ in 0..limit {
        let before = energies.len();
        for unit in shuffled(units, random) {
            if landscape.cost(unit) < -landscape.noise() {
                landscape.flip(unit);
                energies.push(landscape.energy());
            }
        }
        if energies.len() == before {
            return (energies, true);
        }
    }
    let still = (0..units).all(|unit| landscape.cost(unit) >= -landscape.noise());
    (energies, still)
}
