use serde::{Deserialize, Serialize};

use crate::recipe::check::Checks;

/// `[task.documents]`: classes of documents of which one sentence decides, generated; read as Yang et al. 2016 do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DocumentsRecipe {
    /// How words become a sentence and sentences a document. Default `attention`.
    pub pooling: PoolingKind,
    /// Documents trained on, 1 or more. Default 2000.
    pub documents: usize,
    /// Fewest sentences of a document, 1 or more. Default 8.
    pub fewest: usize,
    /// Most sentences of a document, `fewest` or more. Default 16.
    pub most: usize,
    /// Size of a word's vector, 1 or more. Default 50.
    pub embedding: i64,
    /// Cells of a direction at either level, 1 or more. Default 50, as in the paper.
    pub hidden: i64,
    /// Size of the context vectors, 1 or more. Default 100, as in the paper.
    pub context: i64,
    /// Documents of a batch, 1 or more. Default 64, as in the paper.
    pub batch: usize,
    /// Documents of a validation and of the test, 1 or more. Default 1000.
    pub tested: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoolingKind {
    /// Attention with a learned context vector (HN-ATT).
    Attention,
    /// The mean (HN-AVE), for comparison.
    Average,
    /// The largest number of each unit (HN-MAX).
    Max,
    /// The mean of what a gate σ(W h + b) of each state lets through, unit by unit.
    Gated,
}

impl Default for DocumentsRecipe {
    fn default() -> Self {
        Self {
            pooling: PoolingKind::Attention,
            documents: 2000,
            fewest: 8,
            most: 16,
            embedding: 50,
            hidden: 50,
            context: 100,
            batch: 64,
            tested: 1000,
        }
    }
}

impl DocumentsRecipe {
    pub(super) fn check(&self, checks: &mut Checks) {
        let counts = [("documents", self.documents), ("fewest", self.fewest), ("batch", self.batch), ("tested", self.tested)];
        for (key, value) in counts {
            checks.value(&format!("task.documents.{key}"), value, "1 or more", |value| value >= 1);
        }
        let (fewest, most) = (self.fewest, self.most);
        checks.conflict(&["task.documents.most", "task.documents.fewest"], most < fewest, || {
            format!("is {most}, less than the fewest sentences, {fewest}")
        });
        for (key, value) in [("embedding", self.embedding), ("hidden", self.hidden), ("context", self.context)] {
            checks.value(&format!("task.documents.{key}"), value, "1 or more", |value| value >= 1);
        }
    }
}
