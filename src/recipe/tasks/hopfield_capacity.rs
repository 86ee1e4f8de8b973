use serde::{Deserialize, Serialize};

use crate::recipe::check::Checks;

/// `[task.hopfield-capacity]`: how many random patterns each kind of Hopfield network holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HopfieldCapacityRecipe {
    /// Units of the networks with weights (Hebb, Storkey, pseudo-inverse), 50 or more. Default 2000.
    pub units: i64,
    /// Units of the dense memory of order 3, 20 or more. Default 200.
    pub dense_units: i64,
    /// Units of the exponential and the modern network, an even number from 8 to 44: they are given 2^(N/2) patterns. Default 40.
    pub exponential_units: i64,
    /// Patterns recalled in each network, of all that it stores; 1 or more. Default 50.
    pub tested: i64,
    /// Share of units flipped in the cues where recall starts from a corrupted pattern, from 0 to below 0.5. Default 0.1.
    pub flipped: f64,
}

impl Default for HopfieldCapacityRecipe {
    fn default() -> Self {
        Self { units: 2000, dense_units: 200, exponential_units: 40, tested: 50, flipped: 0.1 }
    }
}

impl HopfieldCapacityRecipe {
    pub(super) fn check(&self, checks: &mut Checks) {
        let path = |key: &str| format!("task.hopfield-capacity.{key}");
        checks.value(&path("units"), self.units, "50 or more", |units| units >= 50);
        checks.value(&path("dense_units"), self.dense_units, "20 or more", |units| units >= 20);
        checks.value(&path("exponential_units"), self.exponential_units, "an even number from 8 to 44", |units| {
            (8..=44).contains(&units) && units % 2 == 0
        });
        checks.value(&path("tested"), self.tested, "1 or more", |tested| tested >= 1);
        checks.number(&path("flipped"), self.flipped, "0 to below 0.5", |flipped| (0.0..0.5).contains(&flipped));
    }
}
