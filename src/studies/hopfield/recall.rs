//! Bitmaps are stored, corrupted and restored: what came out as a strip of pictures, and the energy on the way. The memory is kept.

use std::path::Path;

use anyhow::{Context, Result};
use tch::{Kind, Tensor};

use super::keep;
use super::letters::letters;
use super::network::{Network, Restored, lost, overload};
use super::stored::StoredBitmaps;
use crate::memory::hopfield::Patterns;
use crate::recipe::{HopfieldRecallRecipe, HopfieldRule};
use crate::report::{Chart, Strip};
use crate::runtime::message;
use crate::studies::{Aim, Finding};
use crate::train::RunFolder;

/// Smaller rises of an energy of some hundred are the last bits of its sum.
const ROUNDING: f64 = 1e-9;
/// Dots of the bitmaps that stand beside each other in a picture.
const MOST_ACROSS: usize = 400;

/// Bitmaps with something wrong about them.
struct Corruption {
    name: String,
    /// All bitmaps, and all of them again for each further way to corrupt them [B, N]; what is hidden is 0.
    cues: Tensor,
}

/// Stores the bitmaps of the recipe, says what becomes of them, and leaves a checkpoint that can be asked.
///
/// # Errors
/// Files that are no bitmaps of one size; more of them than the rule can store.
pub fn run(recipe: &HopfieldRecallRecipe, seed: u64, folder: &RunFolder) -> Result<Vec<Finding>> {
    let stored = StoredBitmaps::of_files(&recipe.patterns, letters)?;
    let memory = Network::of_recipe(recipe, &stored.patterns).context("task.hopfield-recall.patterns")?;
    message!("{} bitmaps of {}, stored by {}", stored.count(), stored.size, recipe.rule.name());
    if let Some(overload) = overload(recipe.rule, stored.count(), stored.patterns.units()) {
        message!("{overload}");
    }
    let lost = lost(&memory, &stored.patterns, seed)?;
    if !lost.is_empty() {
        let names: Vec<&str> = lost.iter().take(20).map(|&pattern| stored.names[pattern].as_str()).collect();
        let more = if lost.len() > names.len() { ", …" } else { "" };
        message!(
            "{} of {} do not stay as they are stored: recall that starts from them ends elsewhere: {}{more}",
            lost.len(),
            stored.count(),
            names.join(", ")
        );
    }
    let findings = measure(recipe, &stored, seed, folder.path())?;
    keep(folder, recipe.clone().into(), &stored)?;
    Ok(findings)
}

/// Restores all cues with every network, draws `letters` (or `bitmaps`, where they are one's own) and `energy` into `folder`, as SVG and PNG.
fn measure(recipe: &HopfieldRecallRecipe, stored: &StoredBitmaps, seed: u64, folder: &Path) -> Result<Vec<Finding>> {
    let StoredBitmaps { patterns, names, size } = stored;
    let own = !recipe.patterns.is_empty();
    let what = if own { "bitmaps" } else { "letters" };
    let mut networks = Vec::new();
    for (rule, name, aim) in [
        (HopfieldRule::Hebb, "Hebb", None),
        (HopfieldRule::Storkey, "Storkey", None),
        (HopfieldRule::PseudoInverse, "pseudo-inverse", Some(Aim::AtLeast(0.95))),
        (HopfieldRule::Modern, "modern", Some(Aim::AtLeast(0.95))),
    ] {
        match Network::learn(rule, patterns, recipe.beta) {
            Ok(network) => networks.push((name, network, aim.filter(|_| !own))),
            Err(error) => message!("without {name}: {error:#}"),
        }
    }
    let shown = (MOST_ACROSS / size.columns).clamp(1, names.len());
    let pictures = |states: &Tensor| pictures(states, shown);
    let mut strip = Strip::new(&format!("Bitmaps ({what}), corrupted and restored"), &names[..shown], size.columns)
        .row("stored", pictures(patterns.tensor()));
    let mut energies = Chart::new(&format!("Energy while {} is restored", names[0]), "dots changed so far", "energy");
    let mut findings = Vec::new();
    let corruptions = [flipped(patterns, recipe, seed)?, hidden(stored)];
    for (number, Corruption { name: corruption, cues }) in corruptions.iter().enumerate() {
        strip = strip.row(corruption, pictures(cues));
        for (name, network, aim) in &networks {
            let Restored { states, energies: traces } = network.restore(cues, seed)?;
            strip = strip.row(name, pictures(&states));
            let finding = |what: &str, value: f64| Finding::new(format!("{name}, {corruption}: {what}"), value);
            findings.push(Finding { aim: *aim, ..finding(&format!("share of {what} restored"), share(&states, patterns)) });
            let rises = finding("largest rise of the energy", rise(&traces));
            findings.push(rises.aim(Aim::AtMost(0.0)).paper("never rises"));
            if let (0, Network::Binary { .. }) = (number, network) {
                let trace = traces[0].iter().enumerate();
                let points: Vec<(f64, f64)> = trace.map(|(changed, &energy)| (changed as f64, energy)).collect();
                energies = energies.curve(name, &points);
            }
        }
    }
    strip.drawing()?.save(&folder.join(what))?;
    energies.drawing()?.save(&folder.join("energy"))?;
    Ok(findings)
}

/// Every bitmap with dots flipped, in as many ways as the recipe says.
fn flipped(patterns: &Patterns, recipe: &HopfieldRecallRecipe, seed: u64) -> Result<Corruption> {
    let again = patterns.select((0..recipe.cues * patterns.count()).map(|row| row % patterns.count()))?;
    let cues = again.flipped((recipe.flipped * patterns.units() as f64).round() as usize, seed)?;
    Ok(Corruption { name: format!("{:.0} % flipped", recipe.flipped * 100.0), cues: cues.tensor().shallow_clone() })
}

/// Every bitmap without its lower half.
fn hidden(stored: &StoredBitmaps) -> Corruption {
    let shown = (stored.size.columns * stored.size.rows.div_ceil(2)) as i64;
    let cues = stored.patterns.tensor().copy();
    let _ = cues.narrow(1, shown, stored.patterns.units() - shown).fill_(0.0);
    Corruption { name: "lower half hidden".to_owned(), cues }
}

/// Share of states [B, N] whose signs are exactly those of their pattern, the patterns coming round and round.
fn share(states: &Tensor, patterns: &Patterns) -> f64 {
    let rounds = states.size()[0] / patterns.count();
    let right = states.sign().eq_tensor(&patterns.tensor().repeat([rounds, 1])).all_dim(1, false); // [B]
    right.to_kind(Kind::Double).mean(Kind::Double).double_value(&[])
}

/// The largest change upwards between two states that follow each other; 0 where there is none.
fn rise(energies: &[Vec<f64>]) -> f64 {
    let rises = energies.iter().flat_map(|trace| trace.windows(2).map(|pair| pair[1] - pair[0]));
    rises.filter(|&rise| rise > ROUNDING).fold(0.0, f64::max)
}

/// The first states [B, N], from -1 (white) to 1 (black).
fn pictures(states: &Tensor, count: usize) -> Vec<Vec<f32>> {
    let shades = (states.narrow(0, 0, count as i64) + 1.0) / 2.0; // [count, N]
    Vec::<Vec<f32>>::try_from(shades.to_kind(Kind::Float)).expect("a matrix of floats is a vector of rows")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_come_back_and_energy_never_rises() {
        let folder = tempfile::tempdir().unwrap();
        let recipe = HopfieldRecallRecipe { cues: 3, ..Default::default() };
        let findings = measure(&recipe, &StoredBitmaps::of_files(&[], letters).unwrap(), 1, folder.path()).unwrap();
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
