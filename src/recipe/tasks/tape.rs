use serde::{Deserialize, Serialize};

use crate::recipe::ScoreKind;
use crate::recipe::check::Checks;

/// `[task.tape]`: the five tasks of Graves et al. 2014, generated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TapeRecipe {
    /// What the sequences are: one table under `[task.tape.problem]`, or its name alone for the defaults. Default `copy`.
    pub problem: TapeProblem,
    /// What learns it: one table under `[task.tape.model]`, or its name alone. Default `ntm`.
    pub model: TapeModelRecipe,
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
}

/// What learns a problem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TapeModelRecipe {
    /// `[task.tape.model.ntm]`: a Neural Turing Machine.
    Ntm(NtmRecipe),
    /// `[task.tape.model.set]`: a controller with slots that are found by content alone.
    Set(SetRecipe),
    /// `[task.tape.model.tree]`: a controller with a tree of summaries, descended by attention.
    Tree(TreeRecipe),
    /// `[task.tape.model.lstm]`: LSTM layers alone, for comparison.
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

impl Default for TapeRecipe {
    fn default() -> Self {
        Self { problem: TapeProblem::default(), model: TapeModelRecipe::default(), batch: 32, tested: 64, stretch: 1 }
    }
}

impl Default for TapeProblem {
    fn default() -> Self {
        Self::Copy { length: twenty() }
    }
}

impl Default for TapeModelRecipe {
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
        match &self.model {
            TapeModelRecipe::Ntm(model) => {
                model.check("task.tape.model.ntm", checks);
                self.check_room("ntm.slots", model.slots, checks);
            }
            TapeModelRecipe::Set(model) => {
                let sizes = [("hidden", model.hidden), ("slots", model.slots), ("width", model.width)];
                check_sizes("set", &sizes, checks);
                self.check_room("set.slots", model.slots, checks);
                checks.ensure("task.tape.model.set.score", model.score != ScoreKind::Location, || {
                    "is location, which looks at places and not at what is in them; use any other score".to_owned()
                });
            }
            TapeModelRecipe::Tree(model) => {
                check_sizes("tree", &[("hidden", model.hidden), ("width", model.width)], checks);
                let power = |leaves: i64| leaves >= 2 && leaves & (leaves - 1) == 0;
                checks.value("task.tape.model.tree.leaves", model.leaves, "a power of two from 2 on", power);
                self.check_room("tree.leaves", model.leaves, checks);
            }
            TapeModelRecipe::Lstm(model) => {
                check_sizes("lstm", &[("hidden", model.hidden)], checks);
                checks.value("task.tape.model.lstm.layers", model.layers, "1 to 1,000", |layers| (1..=1000).contains(&layers));
            }
        }
    }

    /// A vector that is to be given back needs a slot of its own.
    fn check_room(&self, of_model: &str, slots: i64, checks: &mut Checks) {
        let stretch = i64::try_from(self.stretch).unwrap_or(i64::MAX);
        let (key, longest) = match self.problem {
            TapeProblem::Copy { length } => ("copy.length", length.saturating_mul(stretch)),
            TapeProblem::RepeatCopy { length, .. } => ("repeat-copy.length", length.saturating_mul(stretch)),
            TapeProblem::AssociativeRecall { items } => ("associative-recall.items", items.saturating_mul(stretch)),
            TapeProblem::PrioritySort { length, .. } => ("priority-sort.length", length),
            TapeProblem::DynamicNgrams { .. } => return,
        };
        let keys = [format!("task.tape.problem.{key}"), format!("task.tape.model.{of_model}")];
        checks.conflict(&[&keys[0], &keys[1]], longest > slots, || {
            format!("sequences of {longest} are longer than the memory of {slots} slots: shorten them, or let it have more")
        });
    }
}

fn check_sizes(model: &str, sizes: &[(&str, i64)], checks: &mut Checks) {
    for (key, value) in sizes {
        checks.value(&format!("task.tape.model.{model}.{key}"), *value, "1 or more", |value| value >= 1);
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
            Self::AssociativeRecall { items } => least("associative-recall.items", items, 2),
            Self::DynamicNgrams { length } => least("dynamic-ngrams.length", length, 6),
            Self::PrioritySort { length, sorted } => {
                least("priority-sort.length", length, 1);
                let expected = format!("1 to the length of {length}");
                checks
                    .value("task.tape.problem.priority-sort.sorted", sorted, &expected, |sorted| (1..=length).contains(&sorted));
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
