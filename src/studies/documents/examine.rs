//! Whether classes are right, and whether attention finds the sentence that decides and the word in it.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::grammar::{Document, grade};
use super::model::Reports;
use super::task::DocumentsTask;
use crate::recipe::PoolingKind;
use crate::studies::{Aim, Finding};

/// What a model made of some documents. All but the cost are shares of them.
pub struct Tested {
    /// In nats a document.
    pub cost: f64,
    /// Class is right.
    pub right: f64,
    /// The heaviest sentence is the one that decides.
    sentence: f64,
    /// The heaviest word of the sentence that decides is the grade.
    word: f64,
}

impl Tested {
    pub fn of(task: &DocumentsTask, documents: &[Document]) -> Result<Self> {
        let mut tested = Tested { cost: 0.0, right: 0.0, sentence: 0.0, word: 0.0 };
        let each = 1.0 / documents.len() as f64;
        for batch in documents.chunks(task.recipe.batch) {
            let reports = Reports::new(batch, task.device);
            let (logs, read) = task.model.classify(&reports)?;
            tested.cost += task.model.cost(&reports)?.double_value(&[]) * each;
            let (classes, sentences, words) = (heaviest(&logs), heaviest(&read.sentence_weights), heaviest(&read.word_weights));
            let mut first = 0;
            for (row, document) in batch.iter().enumerate() {
                let word = document.sentences[document.decisive][words[first + document.decisive]];
                let counted = |is: bool| if is { each } else { 0.0 };
                tested.right += counted(classes[row] == document.class);
                tested.sentence += counted(sentences[row] == document.decisive);
                tested.word += counted(grade(word).is_some());
                first += document.sentences.len();
            }
        }
        Ok(tested)
    }
}

/// The place of the largest number in each row.
fn heaviest(rows: &Tensor) -> Vec<usize> {
    let places: Vec<i64> = Vec::try_from(rows.argmax(-1, false).to_kind(Kind::Int64)).expect("places are integers");
    places.into_iter().map(|place| place as usize).collect()
}

pub fn examine(task: &DocumentsTask) -> Result<Vec<Finding>> {
    let tested = Tested::of(task, &task.tests())?;
    let right = Finding::new("% of documents classified right", 100.0 * tested.right);
    Ok(match task.recipe.pooling {
        PoolingKind::Average => vec![right.paper("HN-AVE 67.0 to 69.9 on Yelp, 1.1 to 1.2 below HN-ATT")],
        PoolingKind::Max | PoolingKind::Gated => vec![right],
        PoolingKind::Attention => vec![
            right.paper("HN-ATT 68.2 to 71.0 on Yelp"),
            Finding::new("% of documents whose heaviest sentence decides", 100.0 * tested.sentence).aim(Aim::AtLeast(95.0)),
            Finding::new("% of deciding sentences whose heaviest word is the grade", 100.0 * tested.word),
        ],
    })
}
