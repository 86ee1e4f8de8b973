//! Models of sequences: a controller with a memory, or recurrent cells alone. Studies of sequences share them, so that every memory can be
//! put beside every other.

use serde::{Deserialize, Serialize};

use crate::recipe::ScoreKind;
use crate::recipe::check::Checks;

/// What learns sequences: one table under `[task.tape.model]` or `[task.transduction.model]`, or its name alone for the defaults.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SequenceModelRecipe {
    /// `ntm`: a Neural Turing Machine.
    Ntm(NtmRecipe),
    /// `set`: a controller with slots that are found by content alone.
    Set(SetRecipe),
    /// `tree`: a controller with a tree of summaries, descended by attention.
    Tree(TreeRecipe),
    /// `stack-queue`: an LSTM with a stack, a queue or a double-ended queue.
    StackQueue(StackQueueRecipe),
    /// `fast-weights`: a recurrent cell whose weights are also written at every step.
    FastWeights(FastWeightsRecipe),
    /// `lstm`: LSTM layers alone, for comparison.
    Lstm(LstmRecipe),
}

/// A memory without an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SetRecipe {
    /// What works the memory. Default `lstm`.
    pub controller: ControllerKind,
    /// Units of the controller, 1 or more. Default 100.
    pub hidden: i64,
    /// Slots of the memory, 1 or more. Default 32.
    pub slots: i64,
    /// Numbers in a slot, 1 or more. Default 20.
    pub width: i64,
    /// How slots are scored, any but `location`. Default `scaled-dot`.
    pub score: ScoreKind,
}

/// A memory whose slots are the leaves of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TreeRecipe {
    /// What works the memory. Default `lstm`.
    pub controller: ControllerKind,
    /// Units of the controller, 1 or more. Default 100.
    pub hidden: i64,
    /// Leaves, a power of two from 2 on. Default 32.
    pub leaves: i64,
    /// Numbers in a leaf, 1 or more. Default 20.
    pub width: i64,
}

/// A Neural Turing Machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NtmRecipe {
    /// What works the heads. Default `lstm`.
    pub controller: ControllerKind,
    /// Units of the controller, 1 or more. Default 100.
    pub hidden: i64,
    /// Slots of the memory, 1 or more. Default 128.
    pub slots: i64,
    /// Numbers in a slot, 1 or more. Default 20.
    pub width: i64,
    /// Heads that read, 1 or more. Default 1.
    pub read_heads: i64,
    /// Heads that write, 1 or more. Default 1.
    pub write_heads: i64,
    /// Furthest a head moves in a step, in slots; 2 × `shift` + 1 is at most `slots`. Default 1.
    pub shift: i64,
    /// Whether slots begin with what they learn, and not all alike. Default false.
    pub learned_start: bool,
}

/// The controller of a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControllerKind {
    /// One layer of tanh units, which remembers nothing by itself.
    FeedForward,
    /// One layer of LSTM cells.
    Lstm,
}

/// LSTM layers on top of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LstmRecipe {
    /// Cells of a layer, 1 or more. Default 256.
    pub hidden: i64,
    /// Layers, 1 or more. Default 3.
    pub layers: i64,
}

/// An LSTM with a continuous stack, queue or deque of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StackQueueRecipe {
    /// `stack`, `queue` or `deque`. Default `stack`.
    pub kind: StackQueueKind,
    /// Cells of the LSTM, 1 or more. Default 128.
    pub hidden: i64,
    /// Numbers of a value, 1 or more. Default 64.
    pub width: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StackQueueKind {
    Stack,
    Queue,
    Deque,
}

/// A cell with fast weights (Ba et al. 2016).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FastWeightsRecipe {
    /// Units of the cell, 1 or more. Default 50.
    pub hidden: i64,
    /// Steps of the inner loop, in which the fast weights act on the next state, 1 to 100. Default 1.
    pub inner_steps: i64,
    /// What a step leaves of the fast weights, above 0 and below 1. Default 0.95.
    pub decay: f64,
    /// What the newest state adds to them, above 0. Default 0.5.
    pub rate: f64,
    /// Whether decay and rate are learned from there on. Default false.
    pub learned: bool,
}

impl Default for SequenceModelRecipe {
    fn default() -> Self {
        Self::Ntm(NtmRecipe::default())
    }
}

impl Default for NtmRecipe {
    fn default() -> Self {
        Self {
            controller: ControllerKind::Lstm,
            hidden: 100,
            slots: 128,
            width: 20,
            read_heads: 1,
            write_heads: 1,
            shift: 1,
            learned_start: false,
        }
    }
}

impl Default for SetRecipe {
    fn default() -> Self {
        Self { controller: ControllerKind::Lstm, hidden: 100, slots: 32, width: 20, score: ScoreKind::ScaledDot }
    }
}

impl Default for TreeRecipe {
    fn default() -> Self {
        Self { controller: ControllerKind::Lstm, hidden: 100, leaves: 32, width: 20 }
    }
}

impl Default for LstmRecipe {
    fn default() -> Self {
        Self { hidden: 256, layers: 3 }
    }
}

impl Default for StackQueueRecipe {
    fn default() -> Self {
        Self { kind: StackQueueKind::Stack, hidden: 128, width: 64 }
    }
}

impl Default for FastWeightsRecipe {
    fn default() -> Self {
        Self { hidden: 50, inner_steps: 1, decay: 0.95, rate: 0.5, learned: false }
    }
}

impl SequenceModelRecipe {
    /// Slots of a memory of fixed size.
    pub fn slots(&self) -> Option<i64> {
        self.room().map(|(_, slots)| slots)
    }

    /// The key that says how many slots there are, and how many.
    pub(super) fn room(&self) -> Option<(&'static str, i64)> {
        match self {
            Self::Ntm(model) => Some(("ntm.slots", model.slots)),
            Self::Set(model) => Some(("set.slots", model.slots)),
            Self::Tree(model) => Some(("tree.leaves", model.leaves)),
            Self::StackQueue(_) | Self::FastWeights(_) | Self::Lstm(_) => None,
        }
    }

    /// `path`: that of the table of models.
    pub(super) fn check(&self, path: &str, checks: &mut Checks) {
        let mut sizes = |model: &str, sizes: &[(&str, i64)]| {
            for (key, value) in sizes {
                checks.value(&format!("{path}.{model}.{key}"), *value, "1 or more", |value| value >= 1);
            }
        };
        match self {
            Self::Ntm(model) => model.check(&format!("{path}.ntm"), checks),
            Self::Set(model) => {
                sizes("set", &[("hidden", model.hidden), ("slots", model.slots), ("width", model.width)]);
                checks.ensure(&format!("{path}.set.score"), model.score != ScoreKind::Location, || {
                    "is location, which looks at places and not at what is in them; use any other score".to_owned()
                });
            }
            Self::Tree(model) => {
                sizes("tree", &[("hidden", model.hidden), ("width", model.width)]);
                let power = |leaves: i64| leaves >= 2 && leaves & (leaves - 1) == 0;
                checks.value(&format!("{path}.tree.leaves"), model.leaves, "a power of two from 2 on", power);
            }
            Self::StackQueue(model) => sizes("stack-queue", &[("hidden", model.hidden), ("width", model.width)]),
            Self::FastWeights(model) => {
                sizes("fast-weights", &[("hidden", model.hidden)]);
                let path = |key: &str| format!("{path}.fast-weights.{key}");
                checks.value(&path("inner_steps"), model.inner_steps, "1 to 100", |steps| (1..=100).contains(&steps));
                checks.number(&path("decay"), model.decay, "a number between 0 and 1", |decay| decay > 0.0 && decay < 1.0);
                checks.number(&path("rate"), model.rate, "a number above 0", |rate| rate > 0.0);
            }
            Self::Lstm(model) => {
                sizes("lstm", &[("hidden", model.hidden)]);
                checks.value(&format!("{path}.lstm.layers"), model.layers, "1 to 1,000", |layers| (1..=1000).contains(&layers));
            }
        }
    }
}

impl NtmRecipe {
    fn check(&self, path: &str, checks: &mut Checks) {
        let counts = [
            ("hidden", self.hidden),
            ("slots", self.slots),
            ("width", self.width),
            ("read_heads", self.read_heads),
            ("write_heads", self.write_heads),
        ];
        for (key, value) in counts {
            checks.value(&format!("{path}.{key}"), value, "1 or more", |value| value >= 1);
        }
        let (shift, slots) = (self.shift, self.slots);
        checks.value(&format!("{path}.shift"), shift, "0 or more", |shift| shift >= 0);
        let moves = shift.saturating_mul(2).saturating_add(1);
        checks.conflict(&[&format!("{path}.shift"), &format!("{path}.slots")], shift >= 0 && moves > slots, || {
            format!("moves over {moves} slots in a step, more than the {slots} there are")
        });
    }
}
