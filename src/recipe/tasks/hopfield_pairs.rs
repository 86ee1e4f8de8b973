use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::recipe::check::Checks;

/// `[task.hopfield-pairs]`: a bidirectional associative memory of bitmaps and their names (Kosko 1988), and what such memories hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HopfieldPairsRecipe {
    /// Files of named bitmaps, as `task.hopfield-recall.patterns` has them. None: the built-in faces. Default none.
    pub patterns: Vec<PathBuf>,
    /// Share of a bitmap's dots that are flipped in cues, from 0 to below 0.5. Default 0.1.
    pub flipped: f64,
    /// How often each bitmap is corrupted anew, 1 to 10,000. Default 20.
    pub cues: i64,
    /// Random pairs tested in each memory whose capacity is measured, 1 or more. Default 50.
    pub tested: i64,
}

impl Default for HopfieldPairsRecipe {
    fn default() -> Self {
        Self { patterns: Vec::new(), flipped: 0.1, cues: 20, tested: 50 }
    }
}

impl HopfieldPairsRecipe {
    pub(super) fn check(&self, checks: &mut Checks) {
        let path = |key: &str| format!("task.hopfield-pairs.{key}");
        checks.number(&path("flipped"), self.flipped, "0 to below 0.5", |flipped| (0.0..0.5).contains(&flipped));
        checks.value(&path("cues"), self.cues, "1 to 10,000", |cues| (1..=10_000).contains(&cues));
        checks.value(&path("tested"), self.tested, "1 or more", |tested| tested >= 1);
    }
}
