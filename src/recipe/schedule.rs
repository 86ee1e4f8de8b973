use serde::{Deserialize, Serialize};

use super::check::Checks;

/// How the learning rate moves: one table under `[training.schedule]`, or its name alone for the defaults.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleRecipe {
    Constant(ConstantRecipe),
    InverseSquareRoot(InverseSquareRootRecipe),
    LuongHalving(LuongHalvingRecipe),
    Plateau(PlateauRecipe),
    Step(StepRecipe),
}

/// The optimizer's rate throughout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
pub struct ConstantRecipe {
    /// Updates over which the rate rises linearly from 0. Default 0.
    pub warmup: u64,
}

/// Linear rise, then rate × √(warmup / update) (Vaswani et al. 2017, equation 3, with the optimizer's rate as its peak).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InverseSquareRootRecipe {
    /// Updates until the peak, 1 or more. Default 4000.
    pub warmup: u64,
}

/// The full rate for `after` units, then halved at once and every `every` units (Luong et al. 2015: after 5 epochs, or 8 with dropout, every
/// epoch).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LuongHalvingRecipe {
    /// Default 5.
    pub after: u64,
    /// 1 or more. Default 1.
    pub every: u64,
    /// What the two count. Default `epochs`.
    pub unit: HalvingUnit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HalvingUnit {
    Epochs,
    Updates,
}

/// The rate falls when `training.metric` stops improving.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlateauRecipe {
    /// What the rate is multiplied by; 0 to 1, both excluded. Default 0.5.
    pub factor: f64,
    /// Validations without improvement before it falls, 1 or more. Default 3.
    pub patience: u64,
    /// The rate falls no further than this, 0 or more. Default 0.
    pub minimum: f64,
}

/// The rate falls at fixed updates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StepRecipe {
    /// What the rate is multiplied by; above 0, at most 1. Default 0.5.
    pub factor: f64,
    /// Updates between falls, 1 or more. Default 1000.
    pub every: u64,
    /// Update of the first fall. Default 1000.
    pub start: u64,
}

impl Default for ScheduleRecipe {
    fn default() -> Self {
        Self::Constant(ConstantRecipe::default())
    }
}

impl Default for InverseSquareRootRecipe {
    fn default() -> Self {
        Self { warmup: 4000 }
    }
}

impl Default for LuongHalvingRecipe {
    fn default() -> Self {
        Self { after: 5, every: 1, unit: HalvingUnit::Epochs }
    }
}

impl Default for PlateauRecipe {
    fn default() -> Self {
        Self { factor: 0.5, patience: 3, minimum: 0.0 }
    }
}

impl Default for StepRecipe {
    fn default() -> Self {
        Self { factor: 0.5, every: 1000, start: 1000 }
    }
}

impl ScheduleRecipe {
    pub(super) fn check(&self, checks: &mut Checks) {
        match *self {
            Self::Constant(_) => {}
            Self::InverseSquareRoot(InverseSquareRootRecipe { warmup }) => count(checks, "inverse-square-root.warmup", warmup),
            Self::LuongHalving(LuongHalvingRecipe { every, .. }) => count(checks, "luong-halving.every", every),
            Self::Plateau(PlateauRecipe { factor, patience, minimum }) => {
                let path = "training.schedule.plateau.factor";
                checks.number(path, factor, "0 to 1, both excluded", |factor| factor > 0.0 && factor < 1.0);
                count(checks, "plateau.patience", patience);
                checks.number("training.schedule.plateau.minimum", minimum, "0 or more", |minimum| minimum >= 0.0);
            }
            Self::Step(StepRecipe { factor, every, .. }) => {
                let path = "training.schedule.step.factor";
                checks.number(path, factor, "0 to 1, 0 excluded", |factor| factor > 0.0 && factor <= 1.0);
                count(checks, "step.every", every);
            }
        }
    }
}

fn count(checks: &mut Checks, key: &str, value: u64) {
    checks.value(&format!("training.schedule.{key}"), value, "1 or more", |value| value >= 1);
}
