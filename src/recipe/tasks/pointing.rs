use serde::{Deserialize, Serialize};

use crate::recipe::check::Checks;

/// `[task.pointing]`: outputs that are positions of the input (Vinyals et al. 2015), generated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PointingRecipe {
    /// What is to be pointed at. Default `sort`.
    pub problem: PointingProblem,
    /// What learns it. Default `pointer`.
    pub model: PointingModel,
    /// Fewest inputs trained on, 3 or more. Default 5.
    pub fewest: usize,
    /// Most inputs trained on, `fewest` or more. Default 10.
    pub most: usize,
    /// Cells of encoder (both directions together) and decoder, and units of the score; even, 2 or more. Default 128.
    pub hidden: i64,
    /// Problems of a batch, all of one size, 1 or more. Default 128.
    pub batch: usize,
    /// Problems of a validation and of each size tested, 1 or more. Default 1000.
    pub tested: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PointingProblem {
    /// Numbers uniform in [0, 1), from the lowest to the highest.
    Sort,
    /// Points uniform in the unit square: their convex hull, counter-clockwise from its corner of lowest index.
    Hull,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PointingModel {
    /// A pointer network: the weights of attention are the output.
    Pointer,
    /// A sequence-to-sequence model with soft attention, whose vocabulary are the positions up to `most`.
    Attention,
}

impl Default for PointingRecipe {
    fn default() -> Self {
        Self {
            problem: PointingProblem::Sort,
            model: PointingModel::Pointer,
            fewest: 5,
            most: 10,
            hidden: 128,
            batch: 128,
            tested: 1000,
        }
    }
}

impl PointingRecipe {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.value("task.pointing.fewest", self.fewest, "3 or more", |fewest| fewest >= 3);
        let (fewest, most) = (self.fewest, self.most);
        checks.conflict(&["task.pointing.most", "task.pointing.fewest"], most < fewest, || {
            format!("is {most}, less than the fewest inputs, {fewest}")
        });
        checks.value("task.pointing.hidden", self.hidden, "an even number, 2 or more", |hidden| hidden >= 2 && hidden % 2 == 0);
        for (key, value) in [("batch", self.batch), ("tested", self.tested)] {
            checks.value(&format!("task.pointing.{key}"), value, "1 or more", |value| value >= 1);
        }
    }
}
