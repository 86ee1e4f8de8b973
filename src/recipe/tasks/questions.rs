use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::recipe::check::Checks;

/// `[task.questions]`: the bAbI tasks, answered by an end-to-end memory network (Sukhbaatar et al. 2015).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuestionsRecipe {
    /// The folder with `qa1_…_train.txt` and the like. Default `data/babi`.
    pub folder: PathBuf,
    /// Which of the twenty tasks are learned, together where there are several. Default all.
    pub tasks: Vec<u32>,
    /// Last share of each task's training questions that is held out for validation; above 0, below 1. Default 0.1.
    pub held_out: f64,
    /// Slots of the memory, 1 or more: it holds the sentences told last before the question. Default 50.
    pub memory: usize,
    /// Width of memories and state, 1 or more. Default 50; the paper has 20 for tasks one at a time.
    pub size: i64,
    /// How often the memory is read, 1 or more. Default 3.
    pub hops: i64,
    /// Which tables of different hops are one: `adjacent` or `layer-wise`. Default `adjacent`.
    pub tying: TableTying,
    /// `layer-wise`: whether the state is mapped by a learned matrix H between hops. Default true, as in the paper.
    pub linear_map: bool,
    /// How words make a sentence: `position` or `bag-of-words`. Default `position`.
    pub encoding: WordEncoding,
    /// Whether a sentence's distance from the question has a learned vector. Default true.
    pub temporal: bool,
    /// ReLU after each hop. Default false.
    pub rectified: bool,
    /// Chance of an empty memory behind each sentence while training; 0 to 1, 1 excluded; 0 is off. Default 0.1.
    pub noise: f64,
    /// Training begins without the softmax in the hops; after so many validations in a row without a lower loss it is put in. 0
    /// is off. Default 8.
    pub linear_start: u64,
    /// What gradients are multiplied with while training is linear, above 0: with SGD, a share of the learning rate. Default 1; the paper's
    /// rate is then half of what it is afterwards.
    pub linear_rate: f64,
    /// Questions of a batch, 1 or more. Default 32.
    pub batch: usize,
    /// Standard deviation of starting values, above 0. Default 0.1.
    pub deviation: f64,
}

/// Which tables of different hops are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TableTying {
    /// The output table of a hop is the input table of the next.
    Adjacent,
    /// All hops have the same two tables.
    LayerWise,
}

/// How word vectors make a sentence's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WordEncoding {
    /// Their sum.
    BagOfWords,
    /// A sum whose weights depend on where the word stands.
    Position,
}

impl Default for QuestionsRecipe {
    fn default() -> Self {
        Self {
            folder: PathBuf::from("data/babi"),
            tasks: (1..=20).collect(),
            held_out: 0.1,
            memory: 50,
            size: 50,
            hops: 3,
            tying: TableTying::Adjacent,
            linear_map: true,
            encoding: WordEncoding::Position,
            temporal: true,
            rectified: false,
            noise: 0.1,
            linear_start: 8,
            linear_rate: 1.0,
            batch: 32,
            deviation: 0.1,
        }
    }
}

impl QuestionsRecipe {
    pub(super) fn check(&self, checks: &mut Checks) {
        let numbered = !self.tasks.is_empty() && self.tasks.iter().all(|task| (1..=20).contains(task));
        let mut sorted = self.tasks.clone();
        sorted.sort_unstable();
        sorted.dedup();
        checks.ensure("task.questions.tasks", numbered && sorted.len() == self.tasks.len(), || {
            format!("is {:?}, expected numbers of tasks from 1 to 20, each once", self.tasks)
        });
        for (key, value) in [("memory", self.memory as i64), ("size", self.size), ("batch", self.batch as i64)] {
            checks.value(&format!("task.questions.{key}"), value, "1 or more", |value| value >= 1);
        }
        checks.value("task.questions.hops", self.hops, "1 to 1,000", |hops| (1..=1000).contains(&hops));
        checks.number("task.questions.held_out", self.held_out, "0 to 1, both excluded", |share| share > 0.0 && share < 1.0);
        checks.number("task.questions.noise", self.noise, "0 to 1, 1 excluded", |share| (0.0..1.0).contains(&share));
        checks.number("task.questions.linear_rate", self.linear_rate, "a number above 0", |rate| rate > 0.0);
        checks.number("task.questions.deviation", self.deviation, "a number above 0", |deviation| deviation > 0.0);
    }
}
