//! A trained classifier of documents, asked about a document of one's own.

use std::path::Path;

use anyhow::{Result, ensure};
use serde::Deserialize;
use serde_json::json;
use tch::{Device, Kind, no_grad};

use super::grammar::{class_name, vocabulary};
use super::model::{DocumentClassifier, Reports};
use super::pictures::Page;
use crate::recipe::DocumentsRecipe;
use crate::studies::interactive::{Answer, Interactive, is_drawable, load_model, read_input};
use crate::text::{sentences, words};

pub struct DocumentsSession {
    model: DocumentClassifier,
    vocabulary: Vec<&'static str>,
    device: Device,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    sentences: Vec<String>,
}

impl DocumentsSession {
    pub fn open(recipe: &DocumentsRecipe, folder: &Path, device: Device) -> Result<Self> {
        let model = load_model(folder, device, |store| DocumentClassifier::new(recipe, store))?;
        Ok(DocumentsSession { model, vocabulary: vocabulary(), device })
    }

    /// The word as the vocabulary has it, in small letters where it has it so.
    fn in_vocabulary(&self, word: &str) -> Option<&'static str> {
        let find = |word: &str| self.vocabulary.binary_search(&word).ok().map(|place| self.vocabulary[place]);
        find(word).or_else(|| find(&word.to_lowercase()))
    }
}

impl Interactive for DocumentsSession {
    fn expects(&self) -> String {
        "a document on one line: `We found the hotel splendid. It rained on Monday.`, or {\"sentences\": [\"We found the hotel splendid\"]}"
            .to_owned()
    }

    fn ask(&mut self, line: &str) -> Result<Option<Answer>> {
        let input: Input = read_input(line, |text| {
            Ok(Input { sentences: sentences(text).into_iter().map(|(start, end)| text[start..end].to_owned()).collect() })
        })?;
        let mut unknown: Vec<String> = Vec::new();
        let mut text: Vec<Vec<&'static str>> = Vec::new();
        for sentence in &input.sentences {
            let mut found = Vec::new();
            for (start, end) in words(sentence) {
                let word = sentence[start..end].trim_matches(|c: char| !c.is_alphanumeric());
                match self.in_vocabulary(word) {
                    Some(word) => found.push(word),
                    None if word.is_empty() || unknown.iter().any(|other| other == word) => {}
                    None => unknown.push(word.to_owned()),
                }
            }
            if !found.is_empty() {
                text.push(found);
            }
        }
        ensure!(
            !text.is_empty(),
            "none of its words is one of the {} that this model was trained with, such as hotel, found, splendid",
            self.vocabulary.len()
        );
        let (logs, attention) = no_grad(|| self.model.classify(&Reports::unclassified(&[&text], self.device)))?;
        let probabilities: Vec<f64> = Vec::try_from(logs.exp().squeeze_dim(0).to_kind(Kind::Double))?; // [classes]
        let class = (0..probabilities.len()).max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b])).unwrap_or(0);
        let of_sentences: Vec<f64> = Vec::try_from(attention.sentence_weights.get(0).to_kind(Kind::Double))?;
        let of_words: Vec<Vec<f64>> = Vec::try_from(attention.word_weights.to_kind(Kind::Double))?;
        let title = format!("{} ({:.0} %)", class_name(class), 100.0 * probabilities[class]);
        let page =
            Page { title: &title, sentences: &text, sentence_weights: &of_sentences, word_weights: &of_words, decisive: None };
        let mut notes = Vec::new();
        let pictures = if is_drawable(text.len(), &mut notes) { vec![("document", page.drawing())] } else { Vec::new() };
        if !unknown.is_empty() {
            notes.push(format!("left out, as the model has no such words: {}", unknown.join(", ")));
        }
        let parts: Vec<_> = text
            .iter()
            .enumerate()
            .map(|(number, words)| json!({ "words": words, "weight": of_sentences[number], "word_weights": of_words[number][..words.len()] }))
            .collect();
        let classes: Vec<_> =
            probabilities.iter().enumerate().map(|(class, p)| json!({ "class": class_name(class), "probability": p })).collect();
        let record = json!({ "answer": class_name(class), "classes": classes, "sentences": parts, "unknown": unknown });
        Ok(Some(Answer { text: class_name(class).to_owned(), record, notes, pictures }))
    }
}
