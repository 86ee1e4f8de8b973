//! What stores bitmaps and restores them: networks with weights, or the modern network.

use anyhow::{Context, Result};
use tch::{Kind, Tensor};

use super::SWEEPS;
use crate::memory::hopfield::{BinaryHopfield, LearningRule, ModernHopfield, Patterns};
use crate::recipe::HopfieldRule;

/// A state that moves by less rests.
const TOLERANCE: f64 = 1e-9;

pub enum Network {
    Binary(BinaryHopfield),
    Modern(ModernHopfield),
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
    /// Whether the last state is a fixed point.
    pub settled: bool,
}

impl Network {
    /// Stores `patterns` by `rule`; `beta` is the modern network's.
    ///
    /// # Errors
    /// For the pseudo-inverse, more patterns than units.
    pub fn learn(rule: HopfieldRule, patterns: &Patterns, beta: f64) -> Result<Self> {
        let binary = |rule| BinaryHopfield::learn(patterns, rule).map(Network::Binary);
        match rule {
            HopfieldRule::Hebb => binary(LearningRule::Hebb),
            HopfieldRule::Storkey => binary(LearningRule::Storkey),
            HopfieldRule::PseudoInverse => binary(LearningRule::PseudoInverse),
            HopfieldRule::Modern => ModernHopfield::new(patterns.tensor(), beta).map(Network::Modern),
        }
    }

    /// Where cues [B, N] end, in which what is not known is 0; `seed` draws the order of updates.
    pub fn restore(&self, cues: &Tensor, seed: u64) -> Result<Restored> {
        match self {
            Network::Binary(network) => {
                let recalled = network.asynchronous(&start(network, cues)?, seed, SWEEPS)?;
                Ok(Restored { states: recalled.states.tensor().shallow_clone(), energies: recalled.energies })
            }
            Network::Modern(network) => {
                let retrieved = network.retrieve(cues, TOLERANCE, SWEEPS)?;
                Ok(Restored { states: retrieved.states, energies: Vec::try_from(retrieved.energies)? })
            }
        }
    }

    /// The way of one cue [1, N], change by change.
    pub fn path(&self, cue: &Tensor, seed: u64) -> Result<Path> {
        match self {
            Network::Binary(network) => {
                let mut recalled = network.asynchronous(&start(network, cue)?, seed, SWEEPS)?;
                let states = recalled.path(0);
                let energies = recalled.energies.pop().context("one cue has one row of energies")?;
                Ok(Path { states, energies, settled: recalled.settled == [true] })
            }
            Network::Modern(network) => {
                let mut state = cue.shallow_clone(); // [1, N]
                let mut path = Path { states: Vec::new(), energies: Vec::new(), settled: false };
                for _ in 0..SWEEPS {
                    path.states.push(Vec::try_from(state.view(-1))?);
                    path.energies.push(network.energy(&state).double_value(&[0]));
                    let next = network.update(&state); // [1, N]
                    path.settled = (&next - &state).abs().max().double_value(&[]) <= TOLERANCE;
                    if path.settled {
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

    #[test]
    fn a_path_leads_where_recall_ends() {
        let patterns = Patterns::random(3, 60, 1, Kind::Double).unwrap();
        let cues = patterns.flipped(9, 2).unwrap();
        for rule in HopfieldRule::ALL {
            let network = Network::learn(rule, &patterns, 0.5).unwrap();
            for row in 0..3 {
                let cue = cues.tensor().get(row).unsqueeze(0);
                let (path, restored) = (network.path(&cue, 5).unwrap(), network.restore(&cue, 5).unwrap());
                assert!(path.settled && path.states.len() == path.energies.len());
                let end = Tensor::from_slice(path.states.last().unwrap());
                assert!(end.allclose(&restored.states.view(-1), 1e-6, 1e-6, false), "{rule:?}");
                assert!(end.sign().equal(&patterns.tensor().get(row)));
                assert!(path.energies.windows(2).all(|pair| pair[1] <= pair[0] + 1e-9));
                assert_eq!(Tensor::from_slice(&path.states[0]), cues.tensor().get(row));
                if let Network::Binary(network) = &network {
                    for (state, energy) in path.states.iter().zip(&path.energies) {
                        let state = Patterns::new(&Tensor::from_slice(state).unsqueeze(0)).unwrap();
                        assert!((network.energy(&state).unwrap().double_value(&[0]) - energy).abs() < 1e-9);
                    }
                }
            }
        }
    }

    #[test]
    fn too_many_patterns_are_told_and_lost() {
        assert!(overload(HopfieldRule::Hebb, 13, 100).is_none());
        assert!(overload(HopfieldRule::Hebb, 14, 100).unwrap().contains("about 0.138 N = 13.8 random ones"));
        assert!(overload(HopfieldRule::Storkey, 33, 100).is_none() && overload(HopfieldRule::Storkey, 34, 100).is_some());
        assert!(overload(HopfieldRule::Modern, 1000, 100).is_none() && overload(HopfieldRule::Modern, 9, 6).is_some());
        let patterns = Patterns::random(30, 100, 1, Kind::Double).unwrap();
        let of = |rule| lost(&Network::learn(rule, &patterns, 0.5).unwrap(), &patterns, 1).unwrap().len();
        assert!(of(HopfieldRule::Hebb) > 20 && of(HopfieldRule::PseudoInverse) == 0);
    }
}
