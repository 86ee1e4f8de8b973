//! How a network of signs moves: all units at once, or one after the other.

use anyhow::{Result, ensure};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use tch::{Kind, Tensor};

use super::patterns::{Patterns, doubles, shuffled};

/// Where cues ended up.
#[derive(Debug)]
pub struct Recalled {
    /// The last state of each cue [B, N].
    pub states: Patterns,
    /// Of each cue its energy at the start and after every change: of the whole state (synchronous) or of one unit
    /// (asynchronous).
    pub energies: Vec<Vec<f64>>,
    /// Of each cue the units that flipped in each of these changes, counted from 0.
    pub flips: Vec<Vec<Vec<usize>>>,
    /// Of each cue whether its state is a fixed point; where not, updates ended at their limit.
    pub settled: Vec<bool>,
}

impl Recalled {
    /// The states that a cue went through, its own first and the last one last; each belongs to the energy at the same place.
    pub fn path(&self, cue: usize) -> Vec<Vec<f64>> {
        let mut state = doubles(&self.states.tensor().get(cue as i64)); // [N]
        let mut path = vec![state.clone()];
        for flips in self.flips[cue].iter().rev() {
            flips.iter().for_each(|&unit| state[unit] = -state[unit]);
            path.push(state.clone());
        }
        path.reverse();
        path
    }
}

/// All units of all rows at once, at most `limit` times. `costs` [B, N] says what the energy would change by if that unit alone
/// flipped; those that would lower it flip. Nothing keeps the energy from rising when several do, and the end may be two states
/// in turn.
///
/// Costs no larger than `noise` are what rounding left of nothing: in float32 a field of zero may come out as 1e-8, and units for
/// which nothing speaks would flip on it for ever.
pub(super) fn synchronous(
    cues: Tensor,
    limit: usize,
    noise: f64,
    energy: impl Fn(&Tensor) -> Tensor,
    costs: impl Fn(&Tensor) -> Tensor,
) -> Recalled {
    let mut energies: Vec<Vec<f64>> = doubles(&energy(&cues)).into_iter().map(|start| vec![start]).collect();
    let mut settled = vec![false; energies.len()];
    let mut flipped = vec![Vec::new(); energies.len()];
    let mut states = cues;
    // Once more than the limit: whether the last state is a fixed point shows by the next update.
    for update in 0..=limit {
        let flips = costs(&states).lt(-noise); // [B, N]
        let moved = doubles(&flips.any_dim(1, false)); // [B]
        settled.iter_mut().zip(&moved).for_each(|(settled, &moved)| *settled = moved == 0.0);
        if update == limit || settled.iter().all(|&settled| settled) {
            break;
        }
        states = states.neg().where_self(&flips, &states);
        let now = doubles(&energy(&states)); // [B]
        let units = states.size()[1] as usize;
        let flips = doubles(&flips); // [B · N]
        for (row, flips) in flips.chunks(units).enumerate().filter(|(row, _)| moved[*row] != 0.0) {
            energies[row].push(now[row]);
            flipped[row].push((0..units).filter(|&unit| flips[unit] != 0.0).collect());
        }
    }
    Recalled { states: Patterns::trusted(states), energies, flips: flipped, settled }
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

/// The last bits of a number in this kind, as a share of it.
pub(super) fn precision(kind: Kind) -> f64 {
    if kind == Kind::Double { f64::EPSILON } else { f64::from(f32::EPSILON) }
}

/// What a network at a temperature went through.
pub struct Sampled {
    /// The cues, and the states after every sweep [B, sweeps + 1, N].
    pub states: Tensor,
    /// Their energies [B, sweeps + 1].
    pub energies: Tensor,
}

/// Glauber's dynamics (1963), the heat bath of a Boltzmann machine: units are asked one after the other, in an order drawn anew for
/// each sweep, and each flips with probability 1 / (1 + exp(ΔE / T)), ΔE being what the energy would change by. Every row has
/// chance of its own.
pub(super) fn glauber<L: Landscape>(
    cues: &Tensor,
    temperature: f64,
    seed: u64,
    sweeps: usize,
    landscape: impl Fn(&[f64]) -> L,
) -> Result<Sampled> {
    ensure!(temperature.is_finite() && temperature > 0.0, "a temperature must be above 0, found {temperature}");
    let units = cues.size()[1] as usize;
    let (mut states, mut energies) = (Vec::new(), Vec::new());
    for (row, cue) in doubles(cues).chunks(units).enumerate() {
        let mut landscape = landscape(cue);
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(row as u64);
        states.extend_from_slice(cue);
        energies.push(landscape.energy());
        for _ in 0..sweeps {
            for unit in shuffled(units, &mut random) {
                if random.random::<f64>() * (1.0 + (landscape.cost(unit) / temperature).exp()) < 1.0 {
                    landscape.flip(unit);
                }
            }
            states.extend_from_slice(landscape.state());
            energies.push(landscape.energy());
        }
    }
    let size = [cues.size()[0], sweeps as i64 + 1, units as i64];
    let of =
        |numbers: &[f64], size: &[i64]| Tensor::from_slice(numbers).reshape(size).to_kind(cues.kind()).to_device(cues.device());
    Ok(Sampled { states: of(&states, &size), energies: of(&energies, &size[..2]) })
}

/// Which unit is asked after which in a sweep of asynchronous updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UpdateOrder {
    /// In an order that a seed draws for every sweep.
    Random,
    /// From the first to the last.
    Sequential,
}

/// One unit after the other, each flipping where that lowers the energy, which so never rises: at most `limit` sweeps over all
/// units, until a sweep changes nothing. The order of a sweep is the same for every row: a cue's end does not hang on its
/// company.
pub(super) fn asynchronous<L: Landscape>(
    cues: &Tensor,
    order: UpdateOrder,
    seed: u64,
    limit: usize,
    landscape: impl Fn(&[f64]) -> L,
) -> Result<Recalled> {
    let units = cues.size()[1] as usize;
    let (mut states, mut energies, mut flips, mut settled) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for cue in doubles(cues).chunks(units) {
        let mut landscape = landscape(cue);
        let (trace, flipped) = order.descend(&mut landscape, seed, limit);
        settled.push((0..units).all(|unit| landscape.cost(unit) >= -landscape.noise()));
        states.extend_from_slice(landscape.state());
        energies.push(trace);
        flips.push(flipped);
    }
    let states = Tensor::from_slice(&states).view_as(cues).to_kind(cues.kind()).to_device(cues.device());
    Ok(Recalled { states: Patterns::trusted(states), energies, flips, settled })
}

impl UpdateOrder {
    /// The energy at the start and after every flip, and the unit of each flip.
    fn descend(self, landscape: &mut impl Landscape, seed: u64, limit: usize) -> (Vec<f64>, Vec<Vec<usize>>) {
        let units = landscape.state().len();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (mut energies, mut flips) = (vec![landscape.energy()], Vec::new());
        for _ in 0..limit {
            let before = flips.len();
            let order = match self {
                UpdateOrder::Random => shuffled(units, &mut random),
                UpdateOrder::Sequential => (0..units).collect(),
            };
            for unit in order {
                if landscape.cost(unit) < -landscape.noise() {
                    landscape.flip(unit);
                    energies.push(landscape.energy());
                    flips.push(vec![unit]);
                }
            }
            if flips.len() == before {
                break;
            }
        }
        (energies, flips)
    }
}
