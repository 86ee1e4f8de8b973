use serde::{Deserialize, Serialize};

use crate::recipe::check::Checks;

/// `[task.hopfield-recall]`: letters drawn as bitmaps are stored, corrupted and restored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HopfieldRecallRecipe {
    /// Share of a letter's dots that are flipped, from 0 to below 0.5. Default 0.15.
    pub flipped: f64,
    /// How often each letter is corrupted anew, 1 or more. Default 20.
    pub cues: i64,
    /// β of the modern network, above 0; 1/12 is that of attention over the 144 dots. Default 0.25.
    pub beta: f64,
}

impl Default for HopfieldRecallRecipe {
    fn default() -> Self {
        Self { flipped: 0.15, cues: 20, beta: 0.25 }
    }
}

impl HopfieldRecallRecipe {
    pub(super) fn check(&self, checks: &mut Checks) {
        let path = |key: &str| format!("task.hopfield-recall.{key}");
        checks.number(&path("flipped"), self.flipped, "0 to below 0.5", |flipped| (0.0..0.5).contains(&flipped));
        checks.value(&path("cues"), self.cues, "1 or more", |cues| cues >= 1);
        checks.number(&path("beta"), self.beta, "above 0", |beta| beta > 0.0);
    }
}
