use serde::{Deserialize, Serialize};

use super::SequenceModelRecipe;
use crate::recipe::check::Checks;

/// `[task.tape]`: sequences of bits, generated: the five tasks of Graves et al. 2014, reversing, and finding the way in a tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TapeRecipe {
    /// What the sequences are: one table under `[task.tape.problem]`, or its name alone for the defaults. Default `copy`.
    pub problem: TapeProblem,
    /// What learns it: one table under `[task.tape.model]`, or its name alone. Default `ntm`.
    pub model: SequenceModelRecipe,
    /// Sequences of a batch, all of one length, 1 or more. Default 32.
    pub batch: usize,
    /// Sequences of a validation and of each length tested, 1 or more. Default 64.
    pub tested: usize,
    /// How many times as long as those trained on sequences of a validation are, 1 or more: with more than 1 the best checkpoint is the one
    /// that does best beyond what it was trained on. Default 1.
    pub stretch: usize,
}

/// A problem with the lengths that are trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum TapeProblem {
    /// Vectors of 8 random bits, to be given back in order.
    Copy {
        /// Longest sequence trained on, 1 or more. Default 20.
        #[serde(default = "twenty")]
        length: i64,
    },
    /// The same, to be given back several times, and an end marker after them.
    RepeatCopy {
        /// Longest sequence trained on, 1 or more. Default 10.
        #[serde(default = "ten")]
        length: i64,
        /// Most repetitions trained on, 1 or more. Default 10.
        #[serde(default = "ten")]
        repeats: i64,
    },
    /// Vectors of 8 random bits, to be given back from the last to the first.
    Reverse {
        /// Longest sequence trained on, 1 or more. Default 20.
        #[serde(default = "twenty")]
        length: i64,
    },
    /// Items of three vectors of 6 bits; one of them is asked for, to be answered by the one that came after it.
    AssociativeRecall {
        /// Most items trained on, 2 or more. Default 6.
        #[serde(default = "six")]
        items: i64,
    },
    /// Bits whose chance depends on the five before them, by a table drawn anew for every sequence.
    DynamicNgrams {
        /// Bits of a sequence, 6 or more. Default 200.
        #[serde(default = "two_hundred")]
        length: i64,
    },
    /// Vectors of 8 random bits with priorities, of which those of highest priority are to be given back in that order.
    PrioritySort {
        /// Vectors of a sequence, 1 or more. Default 20.
        #[serde(default = "twenty")]
        length: i64,
        /// Vectors given back, 1 to `length`. Default 16.
        #[serde(default = "sixteen")]
        sorted: i64,
    },
    /// The edges of a binary tree in any order, then its root and a way of lefts and rights: the nodes on the way are to be named.
    TreeNavigation {
        /// Deepest tree trained on, 1 to 6. Default 3.
        #[serde(default = "three")]
        depth: i64,
    },
}

impl Default for TapeRecipe {
    fn default() -> Self {
        Self { problem: TapeProblem::default(), model: SequenceModelRecipe::default(), batch: 32, tested: 64, stretch: 1 }
    }
}

impl Default for TapeProblem {
    fn default() -> Self {
        Self::Copy { length: twenty() }
    }
}

fn three() -> i64 {
    3
}

fn six() -> i64 {
    6
}

fn ten() -> i64 {
    10
}

fn sixteen() -> i64 {
    16
}

fn twenty() -> i64 {
    20
}

fn two_hundred() -> i64 {
    200
}

impl TapeRecipe {
    pub(super) fn check(&self, checks: &mut Checks) {
        for (key, value) in [("batch", self.batch), ("tested", self.tested), ("stretch", self.stretch)] {
            checks.value(&format!("task.tape.{key}"), value, "1 or more", |value| value >= 1);
        }
        self.problem.check(checks);
        self.model.check("task.tape.model", checks);
        if let Some((key, slots)) = self.model.room() {
            self.check_room(key, slots, checks);
        }
    }

    /// A vector that is to be given back needs a slot of its own.
    fn check_room(&self, of_model: &str, slots: i64, checks: &mut Checks) {
        let stretch = i64::try_from(self.stretch).unwrap_or(i64::MAX);
        let (key, longest) = match self.problem {
            TapeProblem::Copy { length } => ("copy.length", length.saturating_mul(stretch)),
            TapeProblem::Reverse { length } => ("reverse.length", length.saturating_mul(stretch)),
            TapeProblem::RepeatCopy { length, .. } => ("repeat-copy.length", length.saturating_mul(stretch)),
            TapeProblem::AssociativeRecall { items } => ("associative-recall.items", items.saturating_mul(stretch)),
            TapeProblem::PrioritySort { length, .. } => ("priority-sort.length", length),
            TapeProblem::DynamicNgrams { .. } | TapeProblem::TreeNavigation { .. } => return,
        };
        let keys = [format!("task.tape.problem.{key}"), format!("task.tape.model.{of_model}")];
        checks.conflict(&[&keys[0], &keys[1]], longest > slots, || {
            format!("sequences of {longest} are longer than the memory of {slots} slots: shorten them, or let it have more")
        });
    }
}

impl TapeProblem {
    fn check(&self, checks: &mut Checks) {
        let mut least = |key: &str, value: i64, least: i64| {
            checks.value(&format!("task.tape.problem.{key}"), value, &format!("{least} or more"), |value| value >= least);
        };
        match *self {
            Self::Copy { length } => least("copy.length", length, 1),
            Self::RepeatCopy { length, repeats } => {
                least("repeat-copy.length", length, 1);
                least("repeat-copy.repeats", repeats, 1);
            }
            Self::Reverse { length } => least("reverse.length", length, 1),
            Self::AssociativeRecall { items } => least("associative-recall.items", items, 2),
            Self::DynamicNgrams { length } => least("dynamic-ngrams.length", length, 6),
            Self::PrioritySort { length, sorted } => {
                least("priority-sort.length", length, 1);
                let expected = format!("1 to the length of {length}");
                checks
                    .value("task.tape.problem.priority-sort.sorted", sorted, &expected, |sorted| (1..=length).contains(&sorted));
            }
            Self::TreeNavigation { depth } => {
                checks.value("task.tape.problem.tree-navigation.depth", depth, "1 to 6", |depth| (1..=6).contains(&depth));
            }
        }
    }
}
