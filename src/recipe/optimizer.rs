use serde::{Deserialize, Serialize};

use super::check::Checks;

/// The optimizer: one table under `[training.optimizer]`, or its name alone for the defaults (`optimizer = "adam"`). `learning_rate` is the
/// peak that the schedule scales.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerRecipe {
    Sgd(SgdRecipe),
    Adadelta(AdadeltaRecipe),
    Adam(AdamRecipe),
    #[serde(rename = "adamw")]
    AdamW(AdamWRecipe),
}

/// Stochastic gradient descent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SgdRecipe {
    /// Default 1 (Luong et al. 2015, with loss per sentence and gradients clipped to norm 5).
    pub learning_rate: f64,
    /// 0 to 1, 1 excluded. Default 0.
    pub momentum: f64,
}

/// Zeiler 2012.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdadeltaRecipe {
    /// Default 1.
    pub learning_rate: f64,
    /// Decay of both running averages; 0 to 1, both excluded. Default 0.95.
    pub rho: f64,
    /// Above 0. Default 1e-6.
    pub epsilon: f64,
}

/// Kingma and Ba 2015.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamRecipe {
    /// Default 0.001.
    pub learning_rate: f64,
    /// Decay of the gradients' average; 0 to 1, 1 excluded. Default 0.9.
    pub beta1: f64,
    /// Decay of the squared gradients' average; 0 to 1, 1 excluded. Default 0.999.
    pub beta2: f64,
    /// Above 0. Default 1e-8.
    pub epsilon: f64,
}

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamWRecipe {
    /// Default 0.001.
    pub learning_rate: f64,
    /// As for Adam. Default 0.9.
    pub beta1: f64,
    /// As for Adam. Default 0.999.
    pub beta2: f64,
    /// Above 0. Default 1e-8.
    pub epsilon: f64,
    /// Share of a weight that decays per update, times the learning rate; 0 or more. Default 0.01.
    pub weight_decay: f64,
}

impl Default for OptimizerRecipe {
    fn default() -> Self {
        Self::Adam(AdamRecipe::default())
    }
}

impl Default for SgdRecipe {
    fn default() -> Self {
        Self { learning_rate: 1.0, momentum: 0.0 }
    }
}

impl Default for AdadeltaRecipe {
    fn default() -> Self {
        Self { learning_rate: 1.0, rho: 0.95, epsilon: 1e-6 }
    }
}

impl Default for AdamRecipe {
    fn default() -> Self {
        Self { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

impl Default for AdamWRecipe {
    fn default() -> Self {
        Self { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 }
    }
}

impl OptimizerRecipe {
    /// The peak learning rate.
    pub fn learning_rate(&self) -> f64 {
        match self {
            Self::Sgd(sgd) => sgd.learning_rate,
            Self::Adadelta(adadelta) => adadelta.learning_rate,
            Self::Adam(adam) => adam.learning_rate,
            Self::AdamW(adamw) => adamw.learning_rate,
        }
    }

    pub(super) fn check(&self, checks: &mut Checks) {
        match *self {
            Self::Sgd(SgdRecipe { learning_rate, momentum }) => {
                above_zero(checks, "sgd.learning_rate", learning_rate);
                decay(checks, "sgd.momentum", momentum);
            }
            Self::Adadelta(AdadeltaRecipe { learning_rate, rho, epsilon }) => {
                above_zero(checks, "adadelta.learning_rate", learning_rate);
                checks.number("training.optimizer.adadelta.rho", rho, "0 to 1, both excluded", |rho| rho > 0.0 && rho < 1.0);
                above_zero(checks, "adadelta.epsilon", epsilon);
            }
            Self::Adam(AdamRecipe { learning_rate, beta1, beta2, epsilon }) => {
                above_zero(checks, "adam.learning_rate", learning_rate);
                decay(checks, "adam.beta1", beta1);
                decay(checks, "adam.beta2", beta2);
                above_zero(checks, "adam.epsilon", epsilon);
            }
            Self::AdamW(AdamWRecipe { learning_rate, beta1, beta2, epsilon, weight_decay }) => {
                above_zero(checks, "adamw.learning_rate", learning_rate);
                decay(checks, "adamw.beta1", beta1);
                decay(checks, "adamw.beta2", beta2);
                above_zero(checks, "adamw.epsilon", epsilon);
                checks.number("training.optimizer.adamw.weight_decay", weight_decay, "0 or more", |decay| decay >= 0.0);
            }
        }
    }
}

fn above_zero(checks: &mut Checks, key: &str, value: f64) {
    checks.number(&format!("training.optimizer.{key}"), value, "a number above 0", |value| value > 0.0);
}

fn decay(checks: &mut Checks, key: &str, value: f64) {
    checks.number(&format!("training.optimizer.{key}"), value, "0 to 1, 1 excluded", |value| (0.0..1.0).contains(&value));
}
