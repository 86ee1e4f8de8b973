//! What stores bitmaps and restores them: networks with weights, or the modern network.

use anyhow::{Context, Result};
use tch::{Kind, Tensor};

use super::SWEEPS;
use crate::memory::hopfield::{BinaryHopfield, ContinuousHopfield, LearningRule, ModernHopfield, Patterns};
use crate::recipe::{HopfieldRecallRecipe, HopfieldRule, HopfieldUpdates};

/// A state that moves by less rests.
const TOLERANCE: f64 = 1e-9;
/// Synchronous updates after which two states are known to take turns.
const TURNS: usize = 50;
/// Sweeps of a network at a temperature.
const HEATED: usize = 30;
/// Steps of continuous units, and their length in time constants.
const STEPS: usize = 1000;
const STEP: f64 = 0.1;

pub enum Network {
    Binary { network: BinaryHopfield, updates: BinaryUpdates },
    Continuous(ContinuousHopfield),
    Modern(ModernHopfield),
}

/// How binary units move.
#[derive(Clone, Copy)]
pub enum BinaryUpdates {
    Asynchronous,
    Sequential,
    Synchronous,
    /// At a temperature.
    Glauber(f64),
}

/// What a network made of cues.
pub struct Restored {
    /// From -1 to 1 [B, N].
    pub states: Tensor,
    /// Of each cue its energy at the start and after every change.
    pub energies: Vec<Vec<f64>>,
}

/// One cue's way to where it rests.
pub struct Path {
    /// From -1 to 1, [N] each; the first is where recall started.
    pub states: Vec<Vec<f64>>,
    /// Of each state.
    pub energies: Vec<f64>,
    pub end: End,
}

/// How recall ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// In a fixed point.
    Rests,
    /// In two states that follow each other for ever.
    TakesTurns,
    /// In states by chance, at a temperature.
    Fluctuates,
    /// At the limit of updates.
    Unsettled,
}

impl Network {
    /// Stores `patterns` by `rule`, to be updated asynchronously; `beta` is the modern network's.
    ///
    /// # Errors
    /// For the pseudo-inverse, more patterns than units.
    pub fn learn(rule: HopfieldRule, patterns: &Patterns, beta: f64) -> Result<Self> {
        Self::of_recipe(&HopfieldRecallRecipe { rule, beta, ..Default::default() }, patterns)
    }

    /// The memory that a recipe describes.
    ///
    /// # Errors
    /// As [`Network::learn`].
    pub fn of_recipe(recipe: &HopfieldRecallRecipe, patterns: &Patterns) -> Result<Self> {
        let rule = match recipe.rule {
            HopfieldRule::Hebb => LearningRule::Hebb,
            HopfieldRule::Storkey => LearningRule::Storkey,
            HopfieldRule::PseudoInverse => LearningRule::PseudoInverse,
            HopfieldRule::Modern => return ModernHopfield::new(patterns.tensor(), recipe.beta).map(Network::Modern),
        };
        let learned = BinaryHopfield::learn(patterns, rule)?;
        let bias = learned.bias() + recipe.bias;
        let updates = match recipe.updates {
            HopfieldUpdates::Continuous => {
                return ContinuousHopfield::new(learned.weights(), &bias, recipe.gain).map(Network::Continuous);
            }
            HopfieldUpdates::Asynchronous => BinaryUpdates::Asynchronous,
            HopfieldUpdates::Sequential => BinaryUpdates::Sequential,
            HopfieldUpdates::Synchronous => BinaryUpdates::Synchronous,
            HopfieldUpdates::Glauber => BinaryUpdates::Glauber(recipe.temperature),
        };
        Ok(Network::Binary { network: BinaryHopfield::new(learned.weights(), &bias)?, updates })
    }

    /// Where cues [B, N] end, in which what is not known is 0; `seed` draws the order of updates.
    pub fn restore(&self, cues: &Tensor, seed: u64) -> Result<Restored> {
        match self {
            Network::Binary { network, updates: BinaryUpdates::Asynchronous } => {
                let recalled = network.asynchronous(&start(network, cues)?, seed, SWEEPS)?;
                Ok(Restored { states: recalled.states.tensor().shallow_clone(), energies: recalled.energies })
            }
            Network::Modern(network) => {
                let retrieved = network.retrieve(cues, TOLERANCE, SWEEPS)?;
                Ok(Restored { states: retrieved.states, energies: Vec::try_from(retrieved.energies)? })
            }
            Network::Binary { .. } | Network::Continuous(_) => {
                let (mut states, mut energies) = (Vec::new(), Vec::new());
                for row in 0..cues.size()[0] {
                    let mut path = self.path(&cues.narrow(0, row, 1), seed)?;
                    states.push(Tensor::from_slice(&path.states.pop().context("a path has a state")?));
                    energies.push(path.energies);
                }
                Ok(Restored { states: Tensor::stack(&states, 0), energies })
            }
        }
    }

    /// The way of one cue [1, N], change by change; at a temperature, sweep by sweep.
    pub fn path(&self, cue: &Tensor, seed: u64) -> Result<Path> {
        match self {
            Network::Binary { network, updates: BinaryUpdates::Glauber(temperature) } => {
                let sampled = network.glauber(&start(network, cue)?, *temperature, seed, HEATED)?;
                let states = Vec::try_from(sampled.states.squeeze_dim(0))?;
                Ok(Path { states, energies: Vec::try_from(sampled.energies.view(-1))?, end: End::Fluctuates })
            }
            Network::Binary { network, updates } => {
                let cue = start(network, cue)?;
                let mut recalled = match updates {
                    BinaryUpdates::Synchronous => network.synchronous(&cue, TURNS)?,
                    BinaryUpdates::Sequential => network.sequential(&cue, SWEEPS)?,
                    BinaryUpdates::Asynchronous | BinaryUpdates::Glauber(_) => network.asynchronous(&cue, seed, SWEEPS)?,
                };
                let states = recalled.path(0);
                let energies = recalled.energies.pop().context("one cue has one row of energies")?;
                let end = match states.as_slice() {
                    _ if recalled.settled == [true] => End::Rests,
                    [.., before, _, last] if before == last => End::TakesTurns,
                    _ => End::Unsettled,
                };
                Ok(Path { states, energies, end })
            }
            Network::Continuous(network) => {
                // Halfway to where outputs are ±1: what is not known starts at 0.
                let mut potentials = cue * 0.5; // [1, N]
                let mut path = Path { states: Vec::new(), energies: Vec::new(), end: End::Unsettled };
                for _ in 0..STEPS {
                    path.states.push(Vec::try_from(network.outputs(&potentials).view(-1))?);
                    path.energies.push(network.energy(&potentials).double_value(&[0]));
                    let relaxed = network.relax(&potentials, STEP, 1e-6, 1)?;
                    if relaxed.settled {
                        path.end = End::Rests;
                        break;
                    }
                    potentials = relaxed.potentials;
                }
                Ok(path)
            }
            Network::Modern(network) => {
                let mut state = cue.shallow_clone(); // [1, N]
                let mut path = Path { states: Vec::new(), energies: Vec::new(), end: End::Unsettled };
                for _ in 0..SWEEPS {
                    path.states.push(Vec::try_from(state.view(-1))?);
                    path.energies.push(network.energy(&state).double_value(&[0]));
                    let next = network.update(&state); // [1, N]
                    if (&next - &state).abs().max().double_value(&[]) <= TOLERANCE {
                        path.end = End::Rests;
                        break;
                    }
                    state = next;
                }
                Ok(path)
            }
        }
    }
}

/// A unit has to start somewhere: one that is not known starts with the sign of its local field, by what is known.
fn start(network: &BinaryHopfield, cues: &Tensor) -> Result<Patterns> {
    let signs = network.field(cues).gt(0.0).to_kind(cues.kind()) * 2.0 - 1.0; // [B, N]
    Patterns::new(&signs.where_self(&cues.eq(0.0), cues))
}

/// How many random patterns a memory of so many units holds, in numbers and in words.
fn capacity(rule: HopfieldRule, units: f64) -> (f64, &'static str, &'static str) {
    let mixtures = "more and more of them will end in mixtures that nobody stored";
    match rule {
        HopfieldRule::Hebb => (0.138 * units, "0.138 N", mixtures),
        HopfieldRule::Storkey => (units / (2.0 * units.ln()).sqrt(), "N / √(2 ln N)", mixtures),
        HopfieldRule::PseudoInverse => {
            (0.5 * units, "N / 2", "they stay where they are, up to N of them, but corrupted ones will not come back to them")
        }
        HopfieldRule::Modern => ((units / 2.0).exp2(), "2^(N/2)", mixtures),
    }
}

/// What will happen to `count` patterns of `units`, where those are more than can be held.
pub fn overload(rule: HopfieldRule, count: i64, units: i64) -> Option<String> {
    let (most, formula, consequence) = capacity(rule, units as f64);
    (count as f64 > most).then(|| {
        format!(
            "{count} patterns of N = {units} dots are more than {} holds: about {formula} = {most:.1} random ones, fewer where they are alike; \
             {consequence}",
            rule.name()
        )
    })
}

/// Which of `patterns` a network does not keep: recall that starts from them ends elsewhere.
pub fn lost(network: &Network, patterns: &Patterns, seed: u64) -> Result<Vec<usize>> {
    let ends = network.restore(patterns.tensor(), seed)?.states;
    let kept = ends.sign().eq_tensor(patterns.tensor()).all_dim(1, false); // [P]
    let kept: Vec<i64> = Vec::try_from(kept.to_kind(Kind::Int64))?;
    Ok((0..kept.len()).filter(|&pattern| kept[pattern] == 0).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn a_path_leads_where_recall_ends() {
        let patterns = Patterns::random(3, 60, 1, Kind::Double).unwrap();
        let cues = patterns.flipped(9, 2).unwrap();
        for rule in HopfieldRule::ALL {
            let network = Network::learn(rule, &patterns, 0.5).unwrap();
            for row in 0..3 {
                let cue = cues.tensor().get(row).unsqueeze(0);
                let (path, restored) = (network.path(&cue, 5).unwrap(), network.restore(&cue, 5).unwrap());
                assert!(path.end == End::Rests && path.states.len() == path.energies.len());
                let end = Tensor::from_slice(path.states.last().unwrap());
                assert!(end.allclose(&restored.states.view(-1), 1e-6, 1e-6, false), "{rule:?}");
                assert!(end.sign().equal(&patterns.tensor().get(row)));
                assert!(path.energies.windows(2).all(|pair| pair[1] <= pair[0] + 1e-9));
                assert_eq!(Tensor::from_slice(&path.states[0]), cues.tensor().get(row));
                if let Network::Binary { network, .. } = &network {
                    for (state, energy) in path.states.iter().zip(&path.energies) {
                        let state = Patterns::new(&Tensor::from_slice(state).unsqueeze(0)).unwrap();
                        assert!((network.energy(&state).unwrap().double_value(&[0]) - energy).abs() < 1e-9);
                    }
                }
            }
        }
    }

    #[test]
    fn every_way_to_move_ends_as_it_must() {
        let patterns = Patterns::random(3, 60, 1, Kind::Double).unwrap();
        let cue = patterns.flipped(6, 2).unwrap().tensor().narrow(0, 0, 1);
        let moved = |updates| {
            let recipe = HopfieldRecallRecipe { rule: HopfieldRule::Hebb, updates, temperature: 0.2, ..Default::default() };
            let network = Network::of_recipe(&recipe, &patterns).unwrap();
            let path = network.path(&cue, 1).unwrap();
            let states = network.restore(&cue, 1).unwrap().states;
            assert!(states.equal(&Tensor::from_slice(path.states.last().unwrap()).unsqueeze(0)));
            (states.sign().equal(&patterns.tensor().narrow(0, 0, 1)), path.end)
        };
        for updates in [HopfieldUpdates::Sequential, HopfieldUpdates::Synchronous, HopfieldUpdates::Continuous] {
            assert_eq!(moved(updates), (true, End::Rests), "{updates:?}");
        }
        assert_eq!(moved(HopfieldUpdates::Glauber).1, End::Fluctuates);
        let agreeing = BinaryHopfield::new(
            &(Tensor::ones([2, 2], (Kind::Double, Device::Cpu)).fill_diagonal_(0.0, false)),
            &Tensor::zeros([2], (Kind::Double, Device::Cpu)),
        );
        let network = Network::Binary { network: agreeing.unwrap(), updates: BinaryUpdates::Synchronous };
        assert_eq!(network.path(&Tensor::from_slice(&[1.0, -1.0]).unsqueeze(0), 1).unwrap().end, End::TakesTurns);
    }

    #[test]
    fn too_many_patterns_are_told_and_lost() {
        assert!(overload(HopfieldRule::Hebb, 13, 100).is_none());
        assert!(overload(HopfieldRule::Hebb, 14, 100).unwrap().contains("about 0.138 N = 13.8 random ones"));
        assert!(overload(HopfieldRule::Storkey, 32, 100).is_none() && overload(HopfieldRule::Storkey, 33, 100).is_some());
        assert!(overload(HopfieldRule::Modern, 1000, 100).is_none() && overload(HopfieldRule::Modern, 9, 6).is_some());
        let patterns = Patterns::random(30, 100, 1, Kind::Double).unwrap();
        let of = |rule| lost(&Network::learn(rule, &patterns, 0.5).unwrap(), &patterns, 1).unwrap().len();
        assert!(of(HopfieldRule::Hebb) > 20 && of(HopfieldRule::PseudoInverse) == 0);
    }
}
