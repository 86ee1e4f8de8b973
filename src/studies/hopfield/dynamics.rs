//! How binary units move: all at once or one by one, in which order, and towards what a bias asks for.

use std::path::Path;

use anyhow::Result;
use tch::{Device, Kind, Tensor};

use super::frames::{shades, shown};
use super::{SWEEPS, mean_overlap, temperature};
use crate::memory::hopfield::{BinaryHopfield, LearningRule, Patterns, Recalled};
use crate::recipe::HopfieldDynamicsRecipe;
use crate::report::{Chart, Strip};
use crate::runtime::message;
use crate::studies::{Aim, Finding};

/// P/N of the networks whose updates are compared.
const LOADS: [f64; 7] = [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5];
/// The load at which a bias is tried, and its size: a share of what a stored pattern's own field is.
const BIASED: f64 = 0.05;
const BIASES: [f64; 8] = [0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5];
/// Synchronous updates after which a network rests or takes turns.
const TURNS: usize = 200;
/// Side of the board that takes turns.
const SIDE: usize = 12;

/// Measures all and draws `updates`, `oscillation`, `bias`, and what [`temperature::measure`] draws, into `folder`, as SVG and PNG.
pub fn measure(recipe: &HopfieldDynamicsRecipe, seed: u64, folder: &Path) -> Result<Vec<Finding>> {
    let mut findings = updates(recipe, seed, folder)?;
    findings.extend(oscillation(seed, folder)?);
    findings.extend(bias(recipe, seed, folder)?);
    findings.extend(temperature::measure(recipe, seed, folder)?);
    Ok(findings)
}

/// Share of cues that end in two states that take turns.
fn in_turns(recalled: &Recalled) -> f64 {
    let cues = recalled.settled.len();
    let takes_turns = |cue: &usize| match recalled.flips[*cue].as_slice() {
        // What flipped last flips back.
        [.., before, last] => !recalled.settled[*cue] && before == last,
        _ => false,
    };
    (0..cues).filter(takes_turns).count() as f64 / cues as f64
}

/// From states by chance, whose ends nothing but the dynamics decides; and from stored patterns with a fifth of their units flipped.
fn updates(recipe: &HopfieldDynamicsRecipe, seed: u64, folder: &Path) -> Result<Vec<Finding>> {
    let units = recipe.units;
    message!("updates all at once and one by one: {units} units");
    let starts = Patterns::random(recipe.tested.max(50), units, seed.wrapping_add(1), Kind::Float)?;
    let mut curves: [Vec<(f64, f64)>; 3] = Default::default();
    let mut overlaps = [0.0; 3];
    for load in LOADS {
        let patterns = Patterns::random(((load * units as f64) as i64).max(1), units, seed, Kind::Float)?;
        let network = BinaryHopfield::learn(&patterns, LearningRule::Hebb)?;
        let all = |cues: &Patterns| -> Result<[Recalled; 3]> {
            Ok([network.synchronous(cues, TURNS)?, network.asynchronous(cues, seed, SWEEPS)?, network.sequential(cues, SWEEPS)?])
        };
        let ends = all(&starts)?;
        curves.iter_mut().zip(&ends).for_each(|(curve, end)| curve.push((load, in_turns(end))));
        if load == 0.1 {
            let cues = patterns.flipped(units as usize / 5, seed)?;
            for (overlap, end) in overlaps.iter_mut().zip(all(&cues)?) {
                *overlap = mean_overlap(&patterns, &end.states)?;
            }
        }
    }
    let names = ["synchronous", "asynchronous, random order", "asynchronous, sequential"];
    let chart = Chart::new(
        "States by chance from which a network ends in a cycle of two",
        "patterns stored over units, P/N",
        "share of states",
    );
    let chart = names.iter().zip(&curves).fold(chart.y_range(0.0, 1.0), |chart, (name, curve)| chart.curve(name, curve));
    chart.drawing()?.save(&folder.join("updates"))?;
    let mut findings = Vec::new();
    for ((name, curve), overlap) in names.iter().zip(&curves).zip(overlaps) {
        let most = curve.iter().map(|point| point.1).fold(0.0, f64::max);
        let cycles = Finding::new(format!("{name}: largest share of states that end in a cycle of two"), most);
        findings.push(if *name == "synchronous" {
            cycles.paper("cycles of at most two")
        } else {
            cycles.aim(Aim::AtMost(0.0)).paper("always comes to rest")
        });
        findings.push(Finding::new(format!("{name}: overlap at 0.1 N from 20 % flipped"), overlap));
    }
    Ok(findings)
}

/// A board whose dark and light squares want to agree, and begin as opposites: all at once they change places for ever, one by one they settle.
fn oscillation(seed: u64, folder: &Path) -> Result<Vec<Finding>> {
    let units = SIDE * SIDE;
    let dark = |unit: usize| (unit / SIDE + unit % SIDE).is_multiple_of(2);
    let joined = |place: usize| f64::from(u8::from(dark(place / units) != dark(place % units))) / units as f64;
    let weights: Vec<f64> = (0..units * units).map(joined).collect();
    let zero = Tensor::zeros([units as i64], (Kind::Double, Device::Cpu));
    let network = BinaryHopfield::new(&Tensor::from_slice(&weights).reshape([units as i64, -1]), &zero)?;
    let board: Vec<f64> = (0..units).map(|unit| if dark(unit) { 1.0 } else { -1.0 }).collect();
    let cue = Patterns::new(&Tensor::from_slice(&board).unsqueeze(0))?;
    let (at_once, one_by_one) = (network.synchronous(&cue, 11)?, network.asynchronous(&cue, seed, SWEEPS)?);
    let frames = |recalled: &Recalled| -> (Vec<usize>, Vec<Vec<f32>>) {
        let path = recalled.path(0);
        let places = shown(path.len());
        (places.clone(), places.iter().map(|&place| shades(&path[place])).collect())
    };
    let ((_, together), (places, apart)) = (frames(&at_once), frames(&one_by_one));
    let columns: Vec<String> = places.iter().enumerate().map(|(update, flips)| format!("{update} / {flips}")).collect();
    Strip::new("Updates of all units at once / flips one by one", &columns, SIDE)
        .row("synchronous", together)
        .row("asynchronous", apart)
        .drawing()?
        .save(&folder.join("oscillation"))?;
    Ok(vec![
        Finding::new("board: cycle of two under synchronous updates", in_turns(&at_once)).aim(Aim::AtLeast(1.0)),
        Finding::new("board: at rest under asynchronous updates", f64::from(u8::from(one_by_one.settled[0])))
            .aim(Aim::AtLeast(1.0)),
    ])
}

/// A bias along one of the patterns: from how many states by chance recall ends in it.
fn bias(recipe: &HopfieldDynamicsRecipe, seed: u64, folder: &Path) -> Result<Vec<Finding>> {
    let units = recipe.units;
    message!("a bias towards one of the patterns");
    let patterns = Patterns::random(((BIASED * units as f64) as i64).max(2), units, seed, Kind::Double)?;
    let wanted = patterns.tensor().get(0); // [N]
    let network = BinaryHopfield::learn(&patterns, LearningRule::Hebb)?;
    let starts = Patterns::random(recipe.tested.max(100), units, seed.wrapping_add(1), Kind::Double)?;
    let share = |size: f64| -> Result<f64> {
        let ends = BinaryHopfield::new(network.weights(), &(&wanted * size))?.asynchronous(&starts, seed, SWEEPS)?.states;
        let overlaps = ends.tensor().mv(&wanted) / units as f64; // [B]
        Ok(overlaps.ge(0.9).to_kind(Kind::Double).mean(Kind::Double).double_value(&[]))
    };
    let points = BIASES.iter().map(|&size| Ok((size, share(size)?))).collect::<Result<Vec<(f64, f64)>>>()?;
    let title = format!("A bias towards one of {} patterns", patterns.count());
    let chart =
        Chart::new(&title, "size of the bias (a stored pattern's own field is 1)", "share of random states that end in it");
    chart.y_range(0.0, 1.0).curve("asynchronous, Hebb", &points).drawing()?.save(&folder.join("bias"))?;
    let at = |size: f64| points.iter().find(|point| point.0 == size).map_or(0.0, |point| point.1);
    Ok(vec![
        Finding::new("bias 0: share of random states that end in the pattern", at(0.0)),
        Finding::new("bias 0.3: share of random states that end in the pattern", at(0.3)).aim(Aim::AtLeast(0.95)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_taken_all_at_once_alone() {
        let folder = tempfile::tempdir().unwrap();
        let recipe = HopfieldDynamicsRecipe { units: 100, tested: 5, sweeps: 10, boltzmann_units: 30, boltzmann_epochs: 60 };
        let findings = measure(&recipe, 1, folder.path()).unwrap();
        let value =
            |what: &str| findings.iter().find(|finding| finding.what.contains(what)).unwrap_or_else(|| panic!("{what}")).value;
        assert!(value("synchronous: largest share") > 0.1);
        assert!(value("random order: largest share") == 0.0 && value("sequential: largest share") == 0.0);
        assert!(value("board: cycle of two") == 1.0 && value("board: at rest") == 1.0);
        assert!(value("bias 0.3:") > value("bias 0:") + 0.3);
        assert!((value("T = 0.5: overlap of a single pattern") - 0.9575).abs() < 0.05);
        assert!((value("gain 2: overlap of a single pattern") - 0.9575).abs() < 0.02);
        for name in ["updates", "oscillation", "bias", "temperature", "heat", "boltzmann", "gain"] {
            let text = std::fs::read_to_string(folder.path().join(name).with_extension("svg")).unwrap();
            assert!(roxmltree::Document::parse(&text).is_ok());
        }
    }
}
