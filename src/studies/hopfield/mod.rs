//! What Hopfield networks hold and how they recall. Nothing here is trained: patterns are stored by rules.

mod bitmap;
mod capacity;
mod cue;
mod dynamics;
mod faces;
mod frames;
mod growth;
mod letters;
mod name_code;
mod network;
mod pairs;
mod pairs_session;
mod recall;
mod session;
mod stored;
mod temperature;

use anyhow::Result;
use tch::Kind;

use stored::StoredBitmaps;

use super::study::write_config;
use crate::memory::hopfield::Patterns;
use crate::recipe::TaskRecipe;
use crate::train::RunFolder;

pub use capacity::measure as measure_capacity;
pub use dynamics::measure as measure_dynamics;
pub use pairs::run as run_pairs;
pub use pairs_session::open as open_pairs;
pub use recall::run as run_recall;
pub use session::open as open_recall;

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

/// Leaves a checkpoint of what is stored, to be asked.
fn keep(folder: &RunFolder, task: TaskRecipe, stored: &StoredBitmaps) -> Result<()> {
    folder.write(0, 8 * stored.patterns.tensor().numel() as u64, |checkpoint| {
        write_config(&task, checkpoint)?;
        stored.save(checkpoint)
    })?;
    folder.point("last", 0)?;
    folder.point("best", 0)
}
