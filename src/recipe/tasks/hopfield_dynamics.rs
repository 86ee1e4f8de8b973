use serde::{Deserialize, Serialize};

use crate::recipe::check::Checks;

/// `[task.hopfield-dynamics]`: how Hopfield networks move: all units at once or one by one, with a bias, at a temperature, with graded units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HopfieldDynamicsRecipe {
    /// Units of the networks, 50 to 5,000. Default 400.
    pub units: i64,
    /// Cues of each measurement, 1 or more. Default 20.
    pub tested: i64,
    /// Sweeps of a network at a temperature, of which the second half is averaged; 2 or more. Default 60.
    pub sweeps: usize,
    /// Units of the network that a Boltzmann machine learns, 20 to 1,000. Default 100.
    pub boltzmann_units: i64,
    /// How often it learns from all its patterns, 1 or more. Default 300.
    pub boltzmann_epochs: usize,
}

impl Default for HopfieldDynamicsRecipe {
    fn default() -> Self {
        Self { units: 400, tested: 20, sweeps: 60, boltzmann_units: 100, boltzmann_epochs: 300 }
    }
}

impl HopfieldDynamicsRecipe {
    pub(super) fn check(&self, checks: &mut Checks) {
        let path = |key: &str| format!("task.hopfield-dynamics.{key}");
        checks.value(&path("units"), self.units, "50 to 5,000", |units| (50..=5000).contains(&units));
        checks.value(&path("tested"), self.tested, "1 or more", |tested| tested >= 1);
        checks.value(&path("sweeps"), self.sweeps, "2 or more", |sweeps| sweeps >= 2);
        checks.value(&path("boltzmann_units"), self.boltzmann_units, "20 to 1,000", |units| (20..=1000).contains(&units));
        checks.value(&path("boltzmann_epochs"), self.boltzmann_epochs, "1 or more", |epochs| epochs >= 1);
    }
}
