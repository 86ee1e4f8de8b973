use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::recipe::check::Checks;

/// `[task.reading]`: passages and questions, answered by words of the passage (Wang and Jiang 2017).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadingRecipe {
    /// The folder with the bAbI tasks, `qa1_…_train.txt` and the like. Default none: passages are generated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// Which of the bAbI tasks are learned, together where there are several. Default those whose answers always stand in the story.
    pub tasks: Vec<u32>,
    /// Last share of each task's training questions that is held out for validation; above 0, below 1. Default 0.1.
    pub held_out: f64,
    /// Sentences told last before a question that are kept of a bAbI story, 1 or more. Default 30.
    pub sentences: usize,
    /// Passages generated to train on, 1 or more. Default 10,000.
    pub passages: usize,
    /// Fewest sentences of a generated passage, 1 or more. Default 4.
    pub fewest: usize,
    /// Most sentences of a generated passage, `fewest` to 15. Default 8.
    pub most: usize,
    /// Passages generated for a validation and for the test, 1 or more. Default 500.
    pub tested: usize,
    /// Size of a word's vector, 1 or more. Default 50.
    pub embedding: i64,
    /// Cells of a direction and units of the scores, 1 or more. Default 64; the paper has 150.
    pub hidden: i64,
    /// Whether passage and question are read from both sides before they are matched. Default false, as in the paper.
    pub bidirectional: bool,
    /// Dropout of word vectors and states; 0 to 1, 1 excluded. Default 0.
    pub dropout: f64,
    /// How many words behind its first an answer may end. Default 14.
    pub beyond: usize,
    /// Questions of a batch, 1 or more. Default 32; the paper has 30.
    pub batch: usize,
}

impl Default for ReadingRecipe {
    fn default() -> Self {
        Self {
            folder: None,
            tasks: vec![1, 2, 3, 4, 5, 11, 12, 13, 14, 16],
            held_out: 0.1,
            sentences: 30,
            passages: 10_000,
            fewest: 4,
            most: 8,
            tested: 500,
            embedding: 50,
            hidden: 64,
            bidirectional: false,
            dropout: 0.0,
            beyond: 14,
            batch: 32,
        }
    }
}

impl ReadingRecipe {
    pub(super) fn check(&self, checks: &mut Checks) {
        let numbered = !self.tasks.is_empty() && self.tasks.iter().all(|task| (1..=20).contains(task));
        let mut sorted = self.tasks.clone();
        sorted.sort_unstable();
        sorted.dedup();
        checks.ensure("task.reading.tasks", numbered && sorted.len() == self.tasks.len(), || {
            format!("is {:?}, expected numbers of tasks from 1 to 20, each once", self.tasks)
        });
        let counts = [
            ("sentences", self.sentences),
            ("passages", self.passages),
            ("fewest", self.fewest),
            ("tested", self.tested),
            ("batch", self.batch),
        ];
        for (key, value) in counts {
            checks.value(&format!("task.reading.{key}"), value, "1 or more", |value| value >= 1);
        }
        checks.value("task.reading.most", self.most, "15 at most", |most| most <= 15);
        let (fewest, most) = (self.fewest, self.most);
        checks.conflict(&["task.reading.most", "task.reading.fewest"], most < fewest, || {
            format!("is {most}, less than the fewest sentences, {fewest}")
        });
        for (key, value) in [("embedding", self.embedding), ("hidden", self.hidden)] {
            checks.value(&format!("task.reading.{key}"), value, "1 or more", |value| value >= 1);
        }
        checks.number("task.reading.held_out", self.held_out, "0 to 1, both excluded", |share| share > 0.0 && share < 1.0);
        checks.number("task.reading.dropout", self.dropout, "0 to 1, 1 excluded", |rate| (0.0..1.0).contains(&rate));
    }
}
