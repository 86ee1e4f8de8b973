//! Overlap with what was stored, by how much was stored: one curve a network, all in one figure.

use std::path::Path;

use anyhow::Result;
use tch::{Device, Kind, Tensor};

use super::{SWEEPS, growth, mean_overlap, spread};
use crate::memory::hopfield::{BinaryHopfield, DenseMemory, Interaction, LearningRule, ModernHopfield, Patterns};
use crate::nn::{Initialization, Parameters};
use crate::recipe::HopfieldCapacityRecipe;
use crate::report::Chart;
use crate::runtime::message;
use crate::studies::{Aim, Finding};

/// P/N of networks with weights. What is asked of them at 0.12, 0.18 and 0.9 has to be among them.
const LOADS: [f64; 18] = [0.05, 0.08, 0.1, 0.12, 0.13, 0.138, 0.15, 0.16, 0.18, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
/// P/N of the dense memory.
const DENSE_LOADS: [f64; 13] = [0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 64.0];
/// Radius of the sphere that the modern network's patterns are drawn on, over √(D - 1): K of Ramsauer et al. 2021, theorem 3.
const RADIUS: f64 = 3.0;
/// Cues at once, so that their overlaps with a million patterns fit in memory.
const CUES: i64 = 10;

/// What is left of stored patterns at one load.
#[derive(Debug, Clone, Copy)]
struct Held {
    load: f64,
    /// Mean overlap with the stored pattern after recall that started there.
    from_stored: f64,
    /// The same from a cue with some of its units flipped.
    from_flipped: f64,
}

/// What one kind of network holds, by how much it was given.
struct CapacityCurve {
    name: String,
    held: Vec<Held>,
}

/// Measures all networks, draws `capacity`, `corrupted`, `growth` and `retrieval` into `folder`, as SVG and PNG.
pub fn measure(recipe: &HopfieldCapacityRecipe, seed: u64, folder: &Path) -> Result<Vec<Finding>> {
    let curves = Capacity { recipe, seed }.curves()?;
    chart("What is left of stored patterns", &curves, |held| held.from_stored).drawing()?.save(&folder.join("capacity"))?;
    let title = format!("What is restored of patterns with {:.0} % of their units flipped", recipe.flipped * 100.0);
    chart(&title, &curves, |held| held.from_flipped).drawing()?.save(&folder.join("corrupted"))?;
    let mut findings = findings(recipe, &curves);
    findings.extend(growth::measure(recipe, seed, folder)?);
    Ok(findings)
}

fn chart(title: &str, curves: &[CapacityCurve], overlap: fn(&Held) -> f64) -> Chart {
    let chart = Chart::new(title, "patterns stored over units, P/N", "mean overlap with the stored pattern")
        .logarithmic_x()
        .y_range(0.0, 1.0)
        .reference(0.138, "0.138")
        .reference(1.0, "as many patterns as units");
    curves.iter().fold(chart, |chart, curve| {
        let points: Vec<(f64, f64)> = curve.held.iter().map(|held| (held.load, overlap(held))).collect();
        chart.curve(&curve.name, &points)
    })
}

/// What the literature promises, beside what was found.
fn findings(recipe: &HopfieldCapacityRecipe, curves: &[CapacityCurve; 6]) -> Vec<Finding> {
    let [hebb, storkey, inverse, dense, exponential, modern] = curves;
    let at = |curve: &CapacityCurve, load: f64| {
        let held = curve.held.iter().find(|held| held.load == load);
        held.expect("the loads asked for are among those measured").from_stored
    };
    let last = |curve: &CapacityCurve| *curve.held.last().expect("every network was measured");
    let overlap = |network: &str, load: &str, value: f64| Finding::new(format!("{network}: overlap at {load}"), value);
    let above_hebb = Aim::AtLeast(at(hebb, 0.18));
    let [units, dense_units] = [recipe.units, recipe.dense_units].map(|units| units as f64);
    let storkeys = format!("exact to N / √(2 ln N) = {:.3} N", 1.0 / (2.0 * units.ln()).sqrt());
    let krotovs = format!("error-free to N² / (6 ln N) = {:.1} N", dense_units / (6.0 * dense_units.ln()));
    let few = recipe.exponential_units;
    let many = format!("2^{} = {} patterns in {few} units, one step", few / 2, 1i64 << (few / 2));
    let corrupted = format!("{many} from {:.0} % flipped", recipe.flipped * 100.0);
    let demircigils = format!("certain up to 2^{:.1}", growth::correctable(recipe.flipped) * few as f64);
    vec![
        overlap("Hebb", "0.12 N", at(hebb, 0.12)).aim(Aim::AtLeast(0.95)).paper("few errors up to 0.138 N"),
        overlap("Hebb", "0.18 N", at(hebb, 0.18)).aim(Aim::AtMost(0.5)).paper("nothing kept beyond 0.138 N"),
        overlap("Storkey", "0.18 N", at(storkey, 0.18)).aim(above_hebb).paper(storkeys),
        overlap("pseudo-inverse", "0.18 N", at(inverse, 0.18)).aim(above_hebb).paper("exact below N"),
        overlap("pseudo-inverse", "0.9 N", at(inverse, 0.9)).aim(Aim::AtLeast(0.999)).paper("exact below N"),
        overlap("dense, order 3", "2 N", at(dense, 2.0)).aim(Aim::AtLeast(0.95)).paper(krotovs),
        overlap("exponential", &many, last(exponential).from_stored).aim(Aim::AtLeast(0.95)).paper("2^(N/2)"),
        overlap("exponential", &corrupted, last(exponential).from_flipped).paper(demircigils),
        overlap("modern", &corrupted, last(modern).from_flipped).aim(Aim::AtLeast(0.95)).paper("exponentially many in N"),
    ]
}

struct Capacity<'a> {
    recipe: &'a HopfieldCapacityRecipe,
    seed: u64,
}

impl Capacity<'_> {
    fn curves(&self) -> Result<[CapacityCurve; 6]> {
        let HopfieldCapacityRecipe { units, dense_units, exponential_units: few, .. } = *self.recipe;
        let curve = |name: String, held| CapacityCurve { name, held };
        Ok([
            curve(format!("Hebb, N = {units}"), self.with_weights(LearningRule::Hebb)?),
            curve(format!("Storkey, N = {units}"), self.with_weights(LearningRule::Storkey)?),
            curve(format!("pseudo-inverse, N = {units}"), self.with_weights(LearningRule::PseudoInverse)?),
            curve(format!("dense, order 3, N = {dense_units}"), self.dense()?),
            curve(format!("exponential, one step, N = {few}"), self.exponential()?),
            curve(format!("modern, one step, N = {few}"), self.modern()?),
        ])
    }

    /// Flips in a pattern of so many units.
    fn flips(&self, units: i64) -> usize {
        (self.recipe.flipped * units as f64).round() as usize
    }

    /// Networks of ever more of the same patterns.
    fn with_weights(&self, rule: LearningRule) -> Result<Vec<Held>> {
        message!("{rule:?}: {} units", self.recipe.units);
        let units = self.recipe.units;
        let counts = LOADS.map(|load| ((load * units as f64).round() as i64).max(1));
        let all = Patterns::random(counts[LOADS.len() - 1], units, self.seed, Kind::Float)?;
        let mut network: Option<BinaryHopfield> = None;
        let mut stored = 0;
        let mut curve = Vec::new();
        for (load, count) in LOADS.into_iter().zip(counts) {
            let patterns = all.select(0..count)?;
            let next = match &network {
                Some(network) if rule != LearningRule::PseudoInverse && count > stored => {
                    network.learn_more(&all.select(stored..count)?, rule)?
                }
                _ => BinaryHopfield::learn(&patterns, rule)?,
            };
            let tested = spread(&patterns, self.recipe.tested)?;
            let recall = |cues: &Patterns| mean_overlap(&tested, &next.asynchronous(cues, self.seed, SWEEPS)?.states);
            let flipped = tested.flipped(self.flips(units), self.seed)?;
            curve.push(Held { load, from_stored: recall(&tested)?, from_flipped: recall(&flipped)? });
            (network, stored) = (Some(next), count);
        }
        Ok(curve)
    }

    fn dense(&self) -> Result<Vec<Held>> {
        let units = self.recipe.dense_units;
        message!("dense memory of order 3: {units} units");
        let held = |load: f64| {
            let patterns = Patterns::random(((load * units as f64) as i64).max(1), units, self.seed, Kind::Float)?;
            let memory = DenseMemory::new(&patterns, Interaction::Power(3))?;
            let tested = spread(&patterns, self.recipe.tested)?;
            let recall = |cues: &Patterns| mean_overlap(&tested, &memory.asynchronous(cues, self.seed, SWEEPS)?.states);
            let flipped = tested.flipped(self.flips(units), self.seed)?;
            Ok(Held { load, from_stored: recall(&tested)?, from_flipped: recall(&flipped)? })
        };
        DENSE_LOADS.into_iter().map(held).collect()
    }

    /// Powers of two up to 2^(N/2).
    fn counts(&self) -> impl Iterator<Item = i64> {
        (2..=self.recipe.exponential_units / 2).map(|power| 1 << power)
    }

    /// One update of all units from corrupted cues.
    fn exponential(&self) -> Result<Vec<Held>> {
        let units = self.recipe.exponential_units;
        message!("exponential memory: {units} units");
        let all = Patterns::random(1 << (units / 2), units, self.seed, Kind::Float)?;
        let held = |count: i64| {
            let patterns = all.select(0..count)?;
            let memory = DenseMemory::new(&patterns, Interaction::Exponential)?;
            let tested = spread(&patterns, self.recipe.tested)?;
            let recall = |cues: &Patterns| -> Result<f64> {
                let mut sum = 0.0;
                for start in (0..cues.count()).step_by(CUES as usize) {
                    let part = start..(start + CUES).min(cues.count());
                    let ends = memory.synchronous(&cues.select(part.clone())?, 1)?.states;
                    sum += mean_overlap(&tested.select(part.clone())?, &ends)? * (part.end - part.start) as f64;
                }
                Ok(sum / cues.count() as f64)
            };
            let flipped = tested.flipped(self.flips(units), self.seed)?;
            Ok(Held { load: count as f64 / units as f64, from_stored: recall(&tested)?, from_flipped: recall(&flipped)? })
        };
        self.counts().map(held).collect()
    }

    /// One update from cues as far from their patterns, in angle, as flips would bring them: their cosine is 1 - 2 · flipped.
    fn modern(&self) -> Result<Vec<Held>> {
        let size = self.recipe.exponential_units;
        message!("modern network: patterns of {size} numbers");
        let chance = Parameters::new(self.seed, Device::Cpu);
        let normal = |name: &str, rows: i64| chance.root().tensor(name, &[rows, size], Initialization::Normal(1.0)).detach();
        let norm = |rows: &Tensor| rows.square().sum_dim_intlist([1i64].as_slice(), true, Kind::Float).sqrt(); // [rows, 1]
        let radius = RADIUS * ((size - 1) as f64).sqrt();
        let all = normal("patterns", 1 << (size / 2)); // [P, D]
        let all = &all * radius / norm(&all);
        let noise = normal("noise", self.recipe.tested);
        let cosine = 1.0 - 2.0 * self.recipe.flipped;
        let held = |count: i64| {
            let network = ModernHopfield::new(&all.narrow(0, 0, count), 1.0)?;
            let tested = self.recipe.tested.min(count);
            let places: Vec<i64> = (0..tested).map(|place| place * count / tested).collect();
            let patterns = all.index_select(0, &Tensor::from_slice(&places)); // [tested, D]
            // What of the noise is at a right angle to the pattern.
            let own = noise.narrow(0, 0, tested); // [tested, D]
            let products = (&own * &patterns).sum_dim_intlist([1i64].as_slice(), true, Kind::Float); // [tested, 1]
            let along = products / (radius * radius);
            let across = own - along * &patterns; // [tested, D]
            let across = &across * radius / norm(&across);
            let recall = |cues: &Tensor| {
                let parts: Vec<Tensor> = cues.split(CUES, 0).iter().map(|part| network.update(part)).collect();
                Tensor::cosine_similarity(&Tensor::cat(&parts, 0), &patterns, 1, 1e-9).mean(Kind::Double).double_value(&[])
            };
            let flipped = &patterns * cosine + across * (1.0 - cosine * cosine).sqrt();
            Ok(Held { load: count as f64 / size as f64, from_stored: recall(&patterns), from_flipped: recall(&flipped) })
        };
        self.counts().map(held).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_networks_show_the_order_of_the_rules() {
        let folder = tempfile::tempdir().unwrap();
        let recipe =
            HopfieldCapacityRecipe { units: 200, dense_units: 60, exponential_units: 20, tested: 20, ..Default::default() };
        let study = Capacity { recipe: &recipe, seed: 1 };
        let [hebb, storkey, inverse] = [LearningRule::Hebb, LearningRule::Storkey, LearningRule::PseudoInverse]
            .map(|rule| study.with_weights(rule).unwrap());
        let at = |curve: &[Held], load| *curve.iter().find(|held| held.load == load).unwrap();
        assert!(at(&hebb, 0.05).from_stored > 0.99 && at(&hebb, 0.5).from_stored < 0.5);
        assert!(at(&storkey, 0.2).from_stored > at(&hebb, 0.2).from_stored + 0.1);
        assert!(inverse.iter().all(|held| held.from_stored > 0.999));
        assert!(at(&inverse, 0.9).from_flipped < 0.99, "stored patterns stay, but nothing is drawn to them any more");
        let dense = study.dense().unwrap();
        assert!(at(&dense, 1.0).from_stored > 0.99 && at(&dense, 64.0).from_stored < 0.5);
        for one_step in [study.exponential().unwrap(), study.modern().unwrap()] {
            assert_eq!(one_step.last().unwrap().load, 1024.0 / 20.0);
            assert!(one_step.iter().all(|held| held.from_stored > 0.95), "{one_step:?}");
            assert!(one_step[0].from_flipped > 0.99);
        }
        let findings = measure(&recipe, 1, folder.path()).unwrap();
        assert!(findings.iter().any(|finding| finding.what == "Hebb: overlap at 0.12 N"));
        for name in ["capacity.svg", "corrupted.svg", "growth.svg", "retrieval.svg"] {
            let text = std::fs::read_to_string(folder.path().join(name)).unwrap();
            assert!(roxmltree::Document::parse(&text).is_ok());
        }
    }
}
