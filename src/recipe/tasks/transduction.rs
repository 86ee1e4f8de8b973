use serde::{Deserialize, Serialize};

use super::{SequenceModelRecipe, StackQueueRecipe};
use crate::recipe::check::Checks;

/// `[task.transduction]`: sequences of symbols to be copied, reversed or flipped (Grefenstette et al. 2015), generated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TransductionRecipe {
    /// What becomes of a sequence: `copy`, `reverse` or `bigram-flip`. Default `copy`.
    pub problem: TransductionProblem,
    /// What learns it: one table under `[task.transduction.model]`. Default `stack-queue`.
    pub model: SequenceModelRecipe,
    /// Kinds of symbols, 2 or more. Default 128.
    pub symbols: i64,
    /// Size of their vectors, 1 or more. Default 64.
    pub embedding: i64,
    /// Shortest and longest sequence trained on; even for `bigram-flip`. Defaults 8 and 64.
    pub shortest: usize,
    pub longest: usize,
    /// Sequences of a batch, all of one length, 1 or more. Default 10.
    pub batch: usize,
    /// Sequences of each test, whose lengths go up to twice the longest, 1 or more. Default 1000.
    pub tested: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransductionProblem {
    /// abcd to abcd.
    Copy,
    /// abcd to dcba.
    Reverse,
    /// abcd to badc.
    BigramFlip,
}

impl Default for TransductionRecipe {
    fn default() -> Self {
        Self {
            problem: TransductionProblem::Copy,
            model: SequenceModelRecipe::StackQueue(StackQueueRecipe::default()),
            symbols: 128,
            embedding: 64,
            shortest: 8,
            longest: 64,
            batch: 10,
            tested: 1000,
        }
    }
}

impl TransductionRecipe {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.value("task.transduction.symbols", self.symbols, "2 or more", |symbols| symbols >= 2);
        let counts = [
            ("embedding", self.embedding),
            ("shortest", self.shortest as i64),
            ("batch", self.batch as i64),
            ("tested", self.tested as i64),
        ];
        for (key, value) in counts {
            checks.value(&format!("task.transduction.{key}"), value, "1 or more", |value| value >= 1);
        }
        let (shortest, longest) = (self.shortest, self.longest);
        checks.conflict(&["task.transduction.shortest", "task.transduction.longest"], shortest > longest, || {
            format!("is {shortest}, more than the longest of {longest}")
        });
        if self.problem == TransductionProblem::BigramFlip {
            for (key, value) in [("shortest", shortest), ("longest", longest)] {
                let path = format!("task.transduction.{key}");
                checks.value(&path, value, "an even number, as bigrams are flipped", |value| value.is_multiple_of(2));
            }
        }
        self.model.check("task.transduction.model", checks);
    }
}
