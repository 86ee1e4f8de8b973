//! The way of a cue in pictures: frame by frame, and its energy.

use anyhow::Result;

use super::bitmap::Bitmap;
use crate::picture::Drawing;
use crate::report::{Chart, Strip};

/// States on the way that are shown.
const MOST_FRAMES: usize = 12;

/// Places among so many states, evenly spread, the first and the last among them.
pub fn shown(states: usize) -> Vec<usize> {
    let last = states.saturating_sub(1);
    let steps = last.min(MOST_FRAMES - 1);
    (0..=steps).map(|step| (step * last).checked_div(steps).unwrap_or(0)).collect()
}

/// From -1 (white) to 1 (black).
pub fn shades(state: &[f64]) -> Vec<f32> {
    state.iter().map(|&dot| ((dot + 1.0) / 2.0) as f32).collect()
}

/// The cue and the states after it, each under the number of changes so far and its energy.
pub fn strip(title: &str, states: &[Vec<f64>], energies: &[f64], cue: &Bitmap) -> Result<Drawing> {
    let places = shown(states.len());
    let headings = places.iter().map(|&place| format!("{place}: {:.2}", energies[place]));
    let columns: Vec<String> = std::iter::once("cue".to_owned()).chain(headings).collect();
    let pictures = std::iter::once(shades(&cue.dots)).chain(places.iter().map(|&place| shades(&states[place]))).collect();
    Strip::new(&format!("{title}; changes and energy"), &columns, cue.size.columns).row("", pictures).drawing()
}

/// The energy of each state.
pub fn energies(title: &str, energies: &[f64]) -> Result<Drawing> {
    let points: Vec<(f64, f64)> = energies.iter().enumerate().map(|(place, &energy)| (place as f64, energy)).collect();
    Chart::new(title, "changes so far", "energy").curve("energy", &points).drawing()
}
