//! A trained classifier, asked all its questions about a document of one's own.

use std::path::Path;

use anyhow::{Result, ensure};
use serde::Deserialize;
use serde_json::json;
use tch::{Device, Kind, no_grad};

use super::data::{Document, Known};
use super::model::{Batch, QueryClassifier, Sizes};
use super::pictures::heatmap;
use crate::corpus::babi::words;
use crate::nn::ForwardContext;
use crate::recipe::QueriesRecipe;
use crate::studies::interactive::{Answer, Interactive, is_drawable, load_model, read_input, rows};
use crate::text::special::UNK;

pub struct QueriesSession {
    known: Known,
    model: QueryClassifier,
    device: Device,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    text: String,
}

impl QueriesSession {
    pub fn open(recipe: &QueriesRecipe, folder: &Path, device: Device) -> Result<Self> {
        let known = Known::read(folder)?;
        let model = load_model(folder, device, |store| QueryClassifier::new(recipe, &Sizes::of(&known), store))?;
        Ok(QueriesSession { known, model, device })
    }
}

impl Interactive for QueriesSession {
    fn expects(&self) -> String {
        "a document on one line: `Anna invites everybody to the concert. We meet in the garden.`, or {\"text\": \"We meet in the garden.\"}".to_owned()
    }

    fn ask(&mut self, line: &str) -> Result<Option<Answer>> {
        let Input { text } = read_input(line, |text| Ok(Input { text: text.to_owned() }))?;
        let document = Document { words: words(&text), classes: vec![0; self.known.asked.len()] };
        let mut unknown: Vec<&String> = Vec::new();
        let is_unknown = |word: &&String| self.known.vocabulary.id(word) == i64::from(UNK);
        for word in document.words.iter().filter(is_unknown) {
            if !unknown.contains(&word) {
                unknown.push(word);
            }
        }
        ensure!(
            document.words.iter().any(|word| !is_unknown(&word)),
            "none of its words is one of those that this model was trained with"
        );
        let batch = Batch::new(&[&document], &self.known, self.device);
        let read = no_grad(|| self.model.read(&batch, &ForwardContext::evaluation()));
        let weights = rows(&read.weights)?; // [Q, S]
        let (mut answers, mut labels, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        for ((asked, logs), weights) in self.known.asked.iter().zip(&read.logs).zip(weights) {
            let probabilities: Vec<f64> = Vec::try_from(logs.exp().squeeze_dim(0).to_kind(Kind::Double))?;
            let best = (0..probabilities.len()).max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b])).unwrap_or(0);
            let class = &asked.classes[best];
            labels.push(format!("{}: {class} ({:.0} %)", asked.name, 100.0 * probabilities[best]));
            texts.push(if self.known.asked.len() == 1 { class.clone() } else { format!("{}: {class}", asked.name) });
            let classes: Vec<_> =
                asked.classes.iter().zip(&probabilities).map(|(class, p)| json!({ "class": class, "probability": p })).collect();
            answers.push(json!({ "query": asked.name, "answer": class, "classes": classes, "weights": weights }));
        }
        let mut notes = Vec::new();
        if !unknown.is_empty() {
            let unknown: Vec<&str> = unknown.iter().map(|word| word.as_str()).collect();
            notes.push(format!("the model has never seen {}: nothing is known of them", unknown.join(", ")));
        }
        let pictures = match is_drawable(document.words.len(), &mut notes) {
            true => vec![("queries", heatmap(&labels, &document.words, &read.weights)?.drawing())],
            false => Vec::new(),
        };
        let text = texts.join(", ");
        let record = json!({ "answer": text, "words": document.words, "answers": answers, "unknown": unknown });
        Ok(Some(Answer { text, record, notes, pictures }))
    }
}
