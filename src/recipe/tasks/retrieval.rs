use serde::{Deserialize, Serialize};

use super::{FastWeightsRecipe, SequenceModelRecipe};
use crate::recipe::check::Checks;

/// `[task.retrieval]`: pairs of a letter and a digit, then a letter: `c9k8j3f1??c` asks for 9 (Ba et al. 2016, section 4.1), generated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetrievalRecipe {
    /// What learns it: one table under `[task.retrieval.model]`, or its name alone. Default `fast-weights`.
    pub model: SequenceModelRecipe,
    /// Pairs of a sequence, whose letters are all different, 1 to 26. Default 4.
    pub pairs: usize,
    /// Size of the vectors of letters and digits, 1 or more. Default 100.
    pub embedding: i64,
    /// Sequences of a batch, 1 or more. Default 128.
    pub batch: usize,
    /// Sequences of a validation and of each test, 1 or more. Default 5000.
    pub tested: usize,
}

impl Default for RetrievalRecipe {
    fn default() -> Self {
        Self {
            model: SequenceModelRecipe::FastWeights(FastWeightsRecipe::default()),
            pairs: 4,
            embedding: 100,
            batch: 128,
            tested: 5000,
        }
    }
}

impl RetrievalRecipe {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.value("task.retrieval.pairs", self.pairs, "1 to 26, as there are so many letters", |pairs| {
            (1..=26).contains(&pairs)
        });
        for (key, value) in [("embedding", self.embedding), ("batch", self.batch as i64), ("tested", self.tested as i64)] {
            checks.value(&format!("task.retrieval.{key}"), value, "1 or more", |value| value >= 1);
        }
        self.model.check("task.retrieval.model", checks);
    }
}
