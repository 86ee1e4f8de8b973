//! Letters are stored, corrupted and restored: what came out as a strip of pictures, and the energy on the way.

use std::path::Path;

use anyhow::Result;
use tch::{Kind, Tensor};

use super::SWEEPS;
use super::letters::{NAMES, SIDE, letters};
use crate::memory::hopfield::{BinaryHopfield, LearningRule, ModernHopfield, Patterns};
use crate::recipe::HopfieldRecallRecipe;
use crate::report::{Chart, Strip};
use crate::studies::{Aim, Finding};

/// Smaller rises of an energy of some hundred are the last bits of its sum.
const ROUNDING: f64 = 1e-9;
/// What restores.
enum Network {
    Binary(BinaryHopfield),
    Modern(ModernHopfield),
}

/// What a network made of cues.
struct Restored {
    /// From -1 to 1 [B, 144].
    states: Tensor,
    /// Of each cue its energy at the start and after every change.
    energies: Vec<Vec<f64>>,
}

/// Letters with something wrong about them.
struct Corruption {
    name: String,
    /// All letters, and all of them again for each further way to corrupt them [B, 144]; what is hidden is 0.
    cues: Tensor,
}

/// Restores all cues with every network, draws `letters` and `energy` into `folder`, as SVG and PNG.
pub fn measure(recipe: &HopfieldRecallRecipe, seed: u64, folder: &Path) -> Result<Vec<Finding>> {
    let letters = letters()?;
    let learn = |rule| Ok::<_, anyhow::Error>(Network::Binary(BinaryHopfield::learn(&letters, rule)?));
    let networks = [
        ("Hebb", learn(LearningRule::Hebb)?, None),
        ("Storkey", learn(LearningRule::Storkey)?, None),
        ("pseudo-inverse", learn(LearningRule::PseudoInverse)?, Some(Aim::AtLeast(0.95))),
        ("modern", Network::Modern(ModernHopfield::new(letters.tensor(), recipe.beta)?), Some(Aim::AtLeast(0.95))),
    ];
    let names = NAMES.map(String::from);
    let mut strip = Strip::new("Letters, corrupted and restored", &names, SIDE).row("stored", pictures(letters.tensor()));
    let title = format!("Energy while the letter {} is restored", NAMES[0]);
    let mut energies = Chart::new(&title, "dots changed so far", "energy");
    let mut findings = Vec::new();
    let corruptions = [flipped(&letters, recipe, seed)?, hidden(&letters)];
    for (number, Corruption { name: corruption, cues }) in corruptions.iter().enumerate() {
        strip = strip.row(corruption, pictures(cues));
        for (name, network, aim) in &networks {
            let Restored { states, energies: traces } = network.restore(cues, seed)?;
            strip = strip.row(name, pictures(&states));
            let finding = |what: &str, value: f64| Finding::new(format!("{name}, {corruption}: {what}"), value);
            findings.push(Finding { aim: *aim, ..finding("share of letters restored", share(&states, &letters)) });
            let rises = finding("largest rise of the energy", rise(&traces));
            findings.push(rises.aim(Aim::AtMost(0.0)).paper("never rises"));
            if let (0, Network::Binary(_)) = (number, network) {
                let trace = traces[0].iter().enumerate();
                let points: Vec<(f64, f64)> = trace.map(|(changed, &energy)| (changed as f64, energy)).collect();
                energies = energies.curve(name, &points);
            }
        }
    }
    strip.drawing()?.save(&folder.join("letters"))?;
    energies.drawing()?.save(&folder.join("energy"))?;
    Ok(findings)
}

impl Network {
    fn restore(&self, cues: &Tensor, seed: u64) -> Result<Restored> {
        match self {
            Network::Binary(network) => {
                // A unit has to start somewhere: a hidden one starts with the sign of its local field.
                let signs = network.field(cues).gt(0.0).to_kind(cues.kind()) * 2.0 - 1.0;
                let cues = Patterns::new(&signs.where_self(&cues.eq(0.0), cues))?;
                let recalled = network.asynchronous(&cues, seed, SWEEPS)?;
                Ok(Restored { states: recalled.states.tensor().shallow_clone(), energies: recalled.energies })
            }
            Network::Modern(network) => {
                let retrieved = network.retrieve(cues, 1e-9, SWEEPS)?;
                Ok(Restored { states: retrieved.states, energies: Vec::try_from(retrieved.energies)? })
            }
        }
    }
}

/// Every letter with dots flipped, in as many ways as the recipe says.
fn flipped(letters: &Patterns, recipe: &HopfieldRecallRecipe, seed: u64) -> Result<Corruption> {
    let again = letters.select((0..recipe.cues * letters.count()).map(|row| row % letters.count()))?;
    let cues = again.flipped((recipe.flipped * letters.units() as f64).round() as usize, seed)?;
    Ok(Corruption { name: format!("{:.0} % flipped", recipe.flipped * 100.0), cues: cues.tensor().shallow_clone() })
}

/// Every letter without its lower half.
fn hidden(letters: &Patterns) -> Corruption {
    let half = letters.units() / 2;
    let cues = letters.tensor().copy();
    let _ = cues.narrow(1, half, half).fill_(0.0);
    Corruption { name: "lower half hidden".to_owned(), cues }
}

/// Share of states [B, 144] whose signs are exactly those of their letter, the letters coming round and round.
fn share(states: &Tensor, letters: &Patterns) -> f64 {
    let rounds = states.size()[0] / letters.count();
    let right = states.sign().eq_tensor(&letters.tensor().repeat([rounds, 1])).all_dim(1, false); // [B]
    right.to_kind(Kind::Double).mean(Kind::Double).double_value(&[])
}

/// The largest change upwards between two states that follow each other; 0 where there is none.
fn rise(energies: &[Vec<f64>]) -> f64 {
    let rises = energies.iter().flat_map(|trace| trace.windows(2).map(|pair| pair[1] - pair[0]));
    rises.filter(|&rise| rise > ROUNDING).fold(0.0, f64::max)
}

/// The first round of letters, from -1 (white) to 1 (black).
fn pictures(states: &Tensor) -> Vec<Vec<f32>> {
    let shades = (states.narrow(0, 0, NAMES.len() as i64) + 1.0) / 2.0;
    let dots = Vec::<f32>::try_from(shades.to_kind(Kind::Float).reshape([-1])).expect("a flat tensor of floats is a vector");
    dots.chunks(SIDE * SIDE).map(<[f32]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_come_back_and_energy_never_rises() {
        let folder = tempfile::tempdir().unwrap();
        let recipe = HopfieldRecallRecipe { cues: 3, ..Default::default() };
        let findings = measure(&recipe, 1, folder.path()).unwrap();
        assert_eq!(findings.len(), 16);
        assert!(findings.iter().filter(|finding| finding.what.contains("rise")).all(Finding::reached));
        let restored = |start: &str| findings.iter().find(|finding| finding.what.starts_with(start)).unwrap().value;
        assert!(restored("pseudo-inverse, 15 % flipped") > 0.9);
        assert!(restored("modern, 15 % flipped") > 0.9);
        for name in ["letters.svg", "energy.svg"] {
            let text = std::fs::read_to_string(folder.path().join(name)).unwrap();
            assert!(roxmltree::Document::parse(&text).is_ok());
        }
    }

    #[test]
    fn a_rise_is_seen_and_rounding_is_not() {
        assert_eq!(rise(&[vec![3.0, 1.0, 1.5], vec![2.0, 2.0 + 1e-12]]), 0.5);
        assert_eq!(rise(&[vec![3.0, 1.0], vec![2.0]]), 0.0);
    }
}
