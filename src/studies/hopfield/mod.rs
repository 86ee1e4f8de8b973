//! What Hopfield networks hold and how they recall. Nothing here is trained: patterns are stored by rules.

mod bitmap;
mod capacity;
mod growth;
mod letters;
mod network;
mod recall;
mod session;
mod stored;

use anyhow::Result;
use tch::Kind;

use crate::memory::hopfield::Patterns;

pub use capacity::measure as measure_capacity;
pub use recall::run as run_recall;
pub use session::open;

/// Sweeps after which no network of these studies still moves.
const SWEEPS: usize = 200;

/// Mean overlap of patterns with what became of them.
fn mean_overlap(patterns: &Patterns, ends: &Patterns) -> Result<f64> {
    Ok(patterns.overlap(ends)?.mean(Kind::Double).double_value(&[]))
}

/// `count` of `patterns`, evenly spread over the order in which they were stored; all where there are fewer.
fn spread(patterns: &Patterns, count: i64) -> Result<Patterns> {
    let all = patterns.count();
    let count = count.min(all);
    patterns.select((0..count).map(|place| place * all / count))
}
