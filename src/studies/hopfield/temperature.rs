//! Networks at a temperature, networks that a Boltzmann machine learns, and networks of graded units, whose gain is a temperature's inverse.

use std::path::Path;

use anyhow::Result;
use tch::{Device, Kind, Tensor};

use super::growth::largest;
use super::{SWEEPS, mean_overlap, spread};
use crate::memory::hopfield::{BinaryHopfield, BoltzmannLearning, ContinuousHopfield, LearningRule, Patterns};
use crate::recipe::HopfieldDynamicsRecipe;
use crate::report::Chart;
use crate::runtime::message;
use crate::studies::{Aim, Finding};

const TEMPERATURES: [f64; 13] = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.3];
/// P/N; 0 is a single pattern.
const LOADS: [f64; 4] = [0.0, 0.02, 0.05, 0.1];
/// Temperatures at which capacity is measured; 0 is recall without chance.
const HEATS: [f64; 7] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6];
/// As many patterns are held as leave this mean overlap: at a temperature none is perfect, and beyond its capacity a finite network keeps up to a half.
const OVERLAP: f64 = 0.8;
const LEARNED_LOADS: [f64; 9] = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0];
const GAINS: [f64; 11] = [0.5, 0.8, 1.0, 1.1, 1.2, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0];

/// Draws `temperature` (overlap), `heat` (capacity), `boltzmann` and `gain` into `folder`, as SVG and PNG.
pub fn measure(recipe: &HopfieldDynamicsRecipe, seed: u64, folder: &Path) -> Result<Vec<Finding>> {
    let mut findings = overlaps(recipe, seed, folder)?;
    findings.extend(capacity(recipe, seed, folder)?);
    findings.extend(boltzmann(recipe, seed, folder)?);
    findings.extend(gains(recipe, seed, folder)?);
    Ok(findings)
}

/// m = tanh(m / T): what is left of a single pattern in an infinite network (Amit et al. 1985).
fn mean_field(temperature: f64) -> f64 {
    (0..10_000).fold(1.0, |overlap: f64, _| (overlap / temperature).tanh())
}

/// A network of so many random patterns, one at least, and those of them that are tested.
fn stored(load: f64, units: i64, tested: i64, seed: u64) -> Result<(BinaryHopfield, Patterns)> {
    let patterns = Patterns::random(((load * units as f64).round() as i64).max(1), units, seed, Kind::Double)?;
    Ok((BinaryHopfield::learn(&patterns, LearningRule::Hebb)?, spread(&patterns, tested)?))
}

/// Mean overlap with the pattern that Glauber dynamics starts from, over the second half of its sweeps.
fn overlap(network: &BinaryHopfield, patterns: &Patterns, temperature: f64, sweeps: usize, seed: u64) -> Result<f64> {
    let sampled = network.glauber(patterns, temperature, seed, sweeps)?;
    let (first, count) = (sweeps as i64 / 2 + 1, sweeps as i64 - sweeps as i64 / 2);
    let late = sampled.states.narrow(1, first, count); // [B, sweeps / 2, N]
    Ok((late * patterns.tensor().unsqueeze(1)).mean(Kind::Double).double_value(&[]))
}

fn overlaps(recipe: &HopfieldDynamicsRecipe, seed: u64, folder: &Path) -> Result<Vec<Finding>> {
    let HopfieldDynamicsRecipe { units, tested, sweeps, .. } = *recipe;
    let mut chart =
        Chart::new("Stochastic recall (Glauber dynamics)", "temperature T", "mean overlap with the pattern").y_range(0.0, 1.0);
    let mut findings = Vec::new();
    for load in LOADS {
        let name = if load == 0.0 { "a single pattern".to_owned() } else { format!("P = {load} N") };
        message!("stochastic recall of {name}: {units} units");
        let (network, patterns) = stored(load, units, tested, seed)?;
        // A single pattern is asked as often as several.
        let patterns = patterns.select((0..tested).map(|row| row % patterns.count()))?;
        let point = |&temperature: &f64| Ok((temperature, overlap(&network, &patterns, temperature, sweeps, seed)?));
        let points = TEMPERATURES.iter().map(point).collect::<Result<Vec<(f64, f64)>>>()?;
        for (temperature, found) in points.iter().filter(|point| [0.2, 0.5, 1.3].contains(&point.0)) {
            let finding = Finding::new(format!("T = {temperature}: overlap of {name}"), *found);
            findings.push(if load == 0.0 { finding.paper(format!("{:.4}", mean_field(*temperature))) } else { finding });
        }
        chart = chart.curve(&name, &points);
    }
    let theory: Vec<(f64, f64)> = TEMPERATURES.iter().map(|&temperature| (temperature, mean_field(temperature))).collect();
    chart.curve("m = tanh(m / T)", &theory).reference(1.0, "T = 1").drawing()?.save(&folder.join("temperature"))?;
    Ok(findings)
}

/// How many patterns a network holds at a temperature, beside what it holds without.
fn capacity(recipe: &HopfieldDynamicsRecipe, seed: u64, folder: &Path) -> Result<Vec<Finding>> {
    let HopfieldDynamicsRecipe { units, tested, sweeps, .. } = *recipe;
    let held = |temperature: f64| {
        message!("capacity at T = {temperature}");
        largest(|count| {
            let (network, patterns) = stored(count / units as f64, units, tested, seed)?;
            let left = match temperature {
                0.0 => mean_overlap(&patterns, &network.asynchronous(&patterns, seed, SWEEPS)?.states)?,
                _ => overlap(&network, &patterns, temperature, sweeps, seed)?,
            };
            Ok(left >= OVERLAP)
        })
    };
    let points = HEATS.iter().map(|&heat| Ok((heat, held(heat)? / units as f64))).collect::<Result<Vec<(f64, f64)>>>()?;
    let chart = Chart::new("Capacity of Hebb's network at a temperature", "temperature T", "patterns held over units, P/N");
    chart
        .y_range(0.0, 0.2)
        .curve(&format!("overlap of {OVERLAP} is left, N = {units}"), &points)
        .drawing()?
        .save(&folder.join("heat"))?;
    let cold = points[0].1;
    let cold_finding = Finding::new("T = 0: patterns held over units", cold).paper("0.138 in the limit of many units");
    let warm =
        points[1..].iter().map(|(heat, held)| Finding::new(format!("T = {heat}: patterns held, of those at T = 0"), held / cold));
    Ok(std::iter::once(cold_finding).chain(warm).collect())
}

/// What a Boltzmann machine holds that has learned its patterns, beside Hebb's rule.
fn boltzmann(recipe: &HopfieldDynamicsRecipe, seed: u64, folder: &Path) -> Result<Vec<Finding>> {
    let units = recipe.boltzmann_units;
    let learning = BoltzmannLearning { epochs: recipe.boltzmann_epochs, ..Default::default() };
    let mut findings = Vec::new();
    let mut curves: [Vec<(f64, f64)>; 4] = Default::default();
    for load in LEARNED_LOADS {
        message!("a Boltzmann machine of {units} units learns {load} N patterns");
        let patterns = Patterns::random(((load * units as f64).round() as i64).max(1), units, seed, Kind::Double)?;
        let cues = patterns.flipped((0.1 * units as f64).round() as usize, seed)?;
        let networks = [BinaryHopfield::learn(&patterns, LearningRule::Hebb)?, learning.learn(&patterns, seed)?];
        for (number, (network, name)) in networks.iter().zip(["Hebb", "Boltzmann machine"]).enumerate() {
            let ends = network.asynchronous(&patterns, seed, SWEEPS)?.states;
            let same = ends.tensor().eq_tensor(patterns.tensor()).all_dim(1, false).to_kind(Kind::Double); // [P]
            let (kept, restored) = (
                same.mean(Kind::Double).double_value(&[]),
                mean_overlap(&patterns, &network.asynchronous(&cues, seed, SWEEPS)?.states)?,
            );
            curves[2 * number].push((load, kept));
            curves[2 * number + 1].push((load, restored));
            if [0.1, 0.6, 1.0].contains(&load) {
                let share = Finding::new(format!("{name}, {load} N: share of patterns that stay as they are"), kept);
                findings.push(if number == 1 && load == 0.6 { share.paper("holds 0.6 N, after long learning") } else { share });
                findings.push(Finding::new(format!("{name}, {load} N: overlap from 10 % flipped"), restored));
            }
        }
    }
    let names = [
        "Hebb: share that stays",
        "Hebb: overlap from 10 % flipped",
        "Boltzmann: share that stays",
        "Boltzmann: overlap from 10 % flipped",
    ];
    let chart = Chart::new(
        &format!("A Boltzmann machine of {units} units that learned its patterns"),
        "patterns over units, P/N",
        "share, overlap",
    );
    let chart = names.iter().zip(&curves).fold(chart.y_range(0.0, 1.0), |chart, (name, curve)| chart.curve(name, curve));
    chart.reference(0.6, "0.6 N").drawing()?.save(&folder.join("boltzmann"))?;
    Ok(findings)
}

/// Graded units (Hopfield 1984): what is left of a pattern at rest, by the gain.
fn gains(recipe: &HopfieldDynamicsRecipe, seed: u64, folder: &Path) -> Result<Vec<Finding>> {
    let HopfieldDynamicsRecipe { units, tested, .. } = *recipe;
    let mut chart = Chart::new("Continuous units", "gain γ", "mean overlap of the outputs with the pattern")
        .logarithmic_x()
        .y_range(0.0, 1.0);
    let mut findings = Vec::new();
    for load in LOADS {
        let name = if load == 0.0 { "a single pattern".to_owned() } else { format!("P = {load} N") };
        message!("graded units, {name}");
        let (network, patterns) = stored(load, units, tested, seed)?;
        let zero = Tensor::zeros([units], (Kind::Double, Device::Cpu));
        let mut points = Vec::new();
        let mut rise = 0.0f64;
        for gain in GAINS {
            let relaxed =
                ContinuousHopfield::new(network.weights(), &zero, gain)?.relax(&(patterns.tensor() * 0.5), 0.1, 1e-6, 2000)?;
            let overlap = (&relaxed.outputs * patterns.tensor()).mean(Kind::Double).double_value(&[]);
            points.push((gain, overlap));
            rise = rise.max(relaxed.energies.diff(1, 1, None::<Tensor>, None::<Tensor>).max().double_value(&[]));
            if gain == 2.0 {
                let finding = Finding::new(format!("gain 2: overlap of {name}"), overlap);
                findings.push(if load == 0.0 { finding.paper(format!("{:.4}", mean_field(0.5))) } else { finding });
            }
        }
        let rises =
            Finding::new(format!("graded units, {name}: largest rise of the energy"), if rise > 1e-9 { rise } else { 0.0 });
        findings.push(rises.aim(Aim::AtMost(0.0)).paper("never rises"));
        chart = chart.curve(&name, &points);
    }
    let theory: Vec<(f64, f64)> = GAINS.iter().map(|&gain| (gain, mean_field(1.0 / gain))).collect();
    chart.curve("m = tanh(γ m)", &theory).reference(1.0, "γ = 1").drawing()?.save(&folder.join("gain"))?;
    Ok(findings)
}
