use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::recipe::check::Checks;

/// `[task.queries]`: several questions asked of one encoded document, each by a learned query vector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueriesRecipe {
    /// Documents of one's own, a line each: one or several labels and the text, each behind a tab. Default none: notices are generated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Share of the file's documents that is held out for validation, and of those that are tested with; above 0, below 0.5. Default 0.1.
    pub held_out: f64,
    /// Whether all questions have one query vector, for comparison. Default false.
    pub shared: bool,
    /// Notices generated to train on, 1 or more. Default 5,000.
    pub documents: usize,
    /// Fewest sentences of a notice that tell no answer. Default 2.
    pub fewest: usize,
    /// Most of them, `fewest` or more. Default 6.
    pub most: usize,
    /// Notices generated for a validation and for the test, 1 or more. Default 1,000.
    pub tested: usize,
    /// Size of a word's vector, 1 or more. Default 50.
    pub embedding: i64,
    /// Cells of a direction, 1 or more. Default 50.
    pub hidden: i64,
    /// Size of the query vectors and units of the score, 1 or more. Default 50.
    pub context: i64,
    /// Documents of a batch, 1 or more. Default 64.
    pub batch: usize,
}

impl Default for QueriesRecipe {
    fn default() -> Self {
        Self {
            file: None,
            held_out: 0.1,
            shared: false,
            documents: 5000,
            fewest: 2,
            most: 6,
            tested: 1000,
            embedding: 50,
            hidden: 50,
            context: 50,
            batch: 64,
        }
    }
}

impl QueriesRecipe {
    pub(super) fn check(&self, checks: &mut Checks) {
        for (key, value) in [("documents", self.documents), ("tested", self.tested), ("batch", self.batch)] {
            checks.value(&format!("task.queries.{key}"), value, "1 or more", |value| value >= 1);
        }
        let (fewest, most) = (self.fewest, self.most);
        checks.conflict(&["task.queries.most", "task.queries.fewest"], most < fewest, || {
            format!("is {most}, less than the fewest sentences, {fewest}")
        });
        for (key, value) in [("embedding", self.embedding), ("hidden", self.hidden), ("context", self.context)] {
            checks.value(&format!("task.queries.{key}"), value, "1 or more", |value| value >= 1);
        }
        checks.number("task.queries.held_out", self.held_out, "0 to 0.5, both excluded", |share| share > 0.0 && share < 0.5);
    }
}
