//! How fast what a dense memory holds grows with its units: as N^(n-1) for order n, exponentially for the exponential one.

use std::path::Path;

use anyhow::Result;
use tch::Kind;

use super::{SWEEPS, mean_overlap, spread};
use crate::memory::hopfield::{DenseMemory, Interaction, Patterns};
use crate::recipe::HopfieldCapacityRecipe;
use crate::report::Chart;
use crate::runtime::message;
use crate::studies::{Aim, Finding};

/// As many patterns are held as leave this mean overlap.
const OVERLAP: f64 = 0.95;
/// A number of patterns is found to within this factor.
const PRECISION: f64 = 1.03;

/// Networks of growing size, so that the largest takes seconds: recalled from what is stored, and from cues with some of their units flipped. The
/// exponential memory holds far fewer of the latter, and may be larger.
const SIZES: [(Interaction, &str, &[i64], &[i64]); 4] = [
    (Interaction::Power(2), "order 2", &[64, 128, 256, 512], &[64, 128, 256, 512]),
    (Interaction::Power(3), "order 3", &[24, 48, 96, 192], &[24, 48, 96, 192]),
    (Interaction::Power(4), "order 4", &[16, 32, 64], &[16, 32, 64]),
    (Interaction::Exponential, "exponential", &[10, 14, 18, 22], &[10, 20, 30, 40]),
];

/// Finds how many patterns memories of growing size hold, and draws `growth` (from what is stored) and `retrieval` (from corrupted cues) into
/// `folder`, as SVG and PNG.
pub fn measure(recipe: &HopfieldCapacityRecipe, seed: u64, folder: &Path) -> Result<Vec<Finding>> {
    let corrupted = format!("from {:.0} % flipped", recipe.flipped * 100.0);
    let mut findings = Vec::new();
    for (file, cue, flipped) in [("growth", "from themselves", 0.0), ("retrieval", corrupted.as_str(), recipe.flipped)] {
        let title = format!("Patterns that a dense memory gives back {cue}");
        let mut chart = Chart::new(&title, "units, N", "patterns, P").logarithmic_x().logarithmic_y();
        for (interaction, name, sizes, larger) in SIZES {
            message!("growth of {name}, {cue}");
            let held = |&units: &i64| Ok((units as f64, capacity(interaction, units, flipped, recipe.tested, seed)?));
            let sizes = if flipped == 0.0 { sizes } else { larger };
            let points = sizes.iter().map(held).collect::<Result<Vec<_>>>()?;
            chart = chart.curve(name, &points);
            findings.push(match interaction {
                Interaction::Power(order) => {
                    let exponent = slope(points.iter().map(|&(units, count)| (units.ln(), count.ln())));
                    let promised = f64::from(order - 1);
                    let finding = Finding::new(format!("dense, order {order}, {cue}: P grows as N to the power of"), exponent);
                    finding.aim(Aim::AtLeast(promised - 0.2)).paper(format!("{promised}"))
                }
                Interaction::Exponential => {
                    let doublings = slope(points.iter().map(|&(units, count)| (units, count.log2())));
                    let promised = correctable(flipped);
                    let finding = Finding::new(format!("exponential, {cue}: doublings of P for each unit more"), doublings);
                    finding.aim(Aim::AtLeast(promised)).paper(format!("{promised:.3}"))
                }
            });
        }
        chart.drawing()?.save(&folder.join(file))?;
    }
    Ok(findings)
}

/// Doublings of what an exponential memory surely holds with each further unit, where cues with this share of flips are to be
/// restored in one step: α = I(1 - 2ϱ) / 2 in bits, I(x) = ½ ((1+x) ln(1+x) + (1-x) ln(1-x)) (Demircigil et al. 2017).
pub fn correctable(flipped: f64) -> f64 {
    let part = |x: f64| if x > 0.0 { x * x.ln() } else { 0.0 };
    let x = 1.0 - 2.0 * flipped;
    0.25 * (part(1.0 + x) + part(1.0 - x)) / std::f64::consts::LN_2
}

/// The largest number of patterns that leaves the mean overlap.
fn capacity(interaction: Interaction, units: i64, flipped: f64, tested: i64, seed: u64) -> Result<f64> {
    largest(|count| {
        let patterns = Patterns::random(count as i64, units, seed, Kind::Float)?;
        let memory = DenseMemory::new(&patterns, interaction)?;
        let tested = spread(&patterns, tested)?;
        let cues = tested.flipped((flipped * units as f64).round() as usize, seed)?;
        let ends = match interaction {
            Interaction::Power(_) => memory.asynchronous(&cues, seed, SWEEPS)?,
            Interaction::Exponential => memory.synchronous(&cues, 1)?,
        };
        Ok(mean_overlap(&tested, &ends.states)? >= OVERLAP)
    })
}

/// The largest number for which something holds, by doubling and then halving the interval of ratios.
pub fn largest(holds: impl Fn(f64) -> Result<bool>) -> Result<f64> {
    let (mut held, mut lost) = (1.0, 2.0);
    while holds(lost)? {
        (held, lost) = (lost, lost * 2.0);
    }
    while lost / held > PRECISION && lost - held > 1.0 {
        let middle = f64::sqrt(held * lost);
        if holds(middle)? {
            held = middle;
        } else {
            lost = middle;
        }
    }
    Ok(held.floor())
}

/// Slope of the straight line closest to points.
pub fn slope(points: impl Iterator<Item = (f64, f64)>) -> f64 {
    let points: Vec<(f64, f64)> = points.collect();
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / points.len() as f64;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let (both, own) = points
        .iter()
        .fold((0.0, 0.0), |(both, own), point| (both + (point.0 - x) * (point.1 - y), own + (point.0 - x) * (point.0 - x)));
    both / own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_slope() {
        let found = slope([(1.0, 5.0), (2.0, 8.0), (4.0, 14.0)].into_iter());
        assert!((found - 3.0).abs() < 1e-12, "{found}");
    }

    #[test]
    fn without_corruption_the_promise_is_half_a_bit_a_unit() {
        assert!((correctable(0.0) - 0.5).abs() < 1e-12);
        assert!(correctable(0.1) < 0.3 && correctable(0.1) > 0.2 && correctable(0.5).abs() < 1e-12);
    }

    #[test]
    fn more_units_hold_more() {
        let of = |interaction, units| capacity(interaction, units, 0.0, 20, 1).unwrap();
        let hebb = of(Interaction::Power(2), 100);
        assert!((10.0..=17.0).contains(&hebb), "about 0.138 N: {hebb}");
        assert!(of(Interaction::Power(3), 40) > 2.5 * of(Interaction::Power(3), 20));
        assert!(of(Interaction::Exponential, 16) > 4.0 * of(Interaction::Exponential, 12));
        // What is only its own cue is not retrieved.
        let from_corrupted = capacity(Interaction::Exponential, 20, 0.1, 20, 1).unwrap();
        assert!(from_corrupted > 1.0 && from_corrupted < 0.1 * of(Interaction::Exponential, 20));
    }
}
