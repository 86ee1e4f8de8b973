//! How fast what a dense memory holds grows with its units: as N^(n-1) for order n, exponentially for the exponential one.

use std::path::Path;

use anyhow::Result;
use tch::Kind;

use super::{SWEEPS, mean_overlap, spread};
use crate::memory::hopfield::{DenseMemory, Interaction, Patterns};
use crate::report::Chart;
use crate::runtime::message;
use crate::studies::{Aim, Finding};

/// As many patterns are held as leave this mean overlap.
const OVERLAP: f64 = 0.95;
/// A number of patterns is found to within this factor.
const PRECISION: f64 = 1.03;

/// Networks of growing size, so that the largest takes seconds.
const SIZES: [(Interaction, &str, &[i64]); 4] = [
    (Interaction::Power(2), "order 2", &[64, 128, 256, 512]),
    (Interaction::Power(3), "order 3", &[24, 48, 96, 192]),
    (Interaction::Power(4), "order 4", &[16, 32, 64]),
    (Interaction::Exponential, "exponential", &[10, 14, 18, 22]),
];

/// Finds how many patterns memories of growing size hold, and draws `growth` into `folder`, as SVG and PNG.
pub fn measure(tested: i64, seed: u64, folder: &Path) -> Result<Vec<Finding>> {
    let mut chart = Chart::new("Patterns that a dense memory holds", "units, N", "patterns, P").logarithmic_x().logarithmic_y();
    let mut findings = Vec::new();
    for (interaction, name, sizes) in SIZES {
        message!("growth of {name}");
        let held = |&units: &i64| Ok((units as f64, capacity(interaction, units, tested, seed)?));
        let points = sizes.iter().map(held).collect::<Result<Vec<_>>>()?;
        chart = chart.curve(name, &points);
        findings.push(match interaction {
            Interaction::Power(order) => {
                let exponent = slope(points.iter().map(|&(units, count)| (units.ln(), count.ln())));
                let promised = f64::from(order - 1);
                let finding = Finding::new(format!("dense, order {order}: P grows as N to the power of"), exponent);
                finding.aim(Aim::AtLeast(promised - 0.2)).paper(format!("{promised}"))
            }
            Interaction::Exponential => {
                let doublings = slope(points.iter().map(|&(units, count)| (units, count.log2())));
                Finding::new("exponential: doublings of P for each unit more", doublings).aim(Aim::AtLeast(0.5)).paper("0.5")
            }
        });
    }
    chart.drawing()?.save(&folder.join("growth"))?;
    Ok(findings)
}

/// The largest number of patterns that leaves the mean overlap, by doubling and then halving the interval of ratios.
fn capacity(interaction: Interaction, units: i64, tested: i64, seed: u64) -> Result<f64> {
    let holds = |count: f64| -> Result<bool> {
        let patterns = Patterns::random(count as i64, units, seed, Kind::Float)?;
        let memory = DenseMemory::new(&patterns, interaction)?;
        let tested = spread(&patterns, tested)?;
        let ends = match interaction {
            Interaction::Power(_) => memory.asynchronous(&tested, seed, SWEEPS)?,
            Interaction::Exponential => memory.synchronous(&tested, 1)?,
        };
        Ok(mean_overlap(&tested, &ends.states)? >= OVERLAP)
    };
    let (mut held, mut lost) = (1.0, 2.0);
    while holds(lost)? {
        (held, lost) = (lost, lost * 2.0);
    }
    while lost / held > PRECISION && lost - held > 1.0 {
        let middle = (held * lost).sqrt();
        if holds(middle)? {
            held = middle;
        } else {
            lost = middle;
        }
    }
    Ok(held.floor())
}

/// Slope of the straight line closest to points.
fn slope(points: impl Iterator<Item = (f64, f64)>) -> f64 {
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
    fn more_units_hold_more() {
        let of = |interaction, units| capacity(interaction, units, 20, 1).unwrap();
        let hebb = of(Interaction::Power(2), 100);
        assert!((10.0..=17.0).contains(&hebb), "about 0.138 N: {hebb}");
        assert!(of(Interaction::Power(3), 40) > 2.5 * of(Interaction::Power(3), 20));
        assert!(of(Interaction::Exponential, 16) > 4.0 * of(Interaction::Exponential, 12));
    }
}
