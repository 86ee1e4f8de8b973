//! A trained reader, asked about a passage of one's own.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::json;
use tch::{Device, no_grad};

use super::data::{END, Example, joined, written};
use super::model::{Batch, Reader};
use super::pictures::{Page, attention};
use super::span::best_span;
use super::task::read_vocabulary;
use crate::nn::ForwardContext;
use crate::recipe::ReadingRecipe;
use crate::studies::interactive::{Answer, Interactive, is_drawable, load_model, read_input, rows};
use crate::studies::vocabulary::Vocabulary;
use crate::text::sentences;
use crate::text::special::UNK;

/// Below this probability of the best span there may be no answer.
pub const DOUBTFUL: f64 = 0.5;
/// Words of the longest passage: a match-LSTM reads one after another, and searches all pairs of near ones.
const MOST_WORDS: usize = 2000;

pub struct ReadingSession {
    recipe: ReadingRecipe,
    vocabulary: Vocabulary,
    model: Reader,
    device: Device,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    passage: String,
    question: String,
}

impl ReadingSession {
    pub fn open(recipe: &ReadingRecipe, folder: &Path, device: Device) -> Result<Self> {
        let vocabulary = read_vocabulary(folder)?;
        let model = load_model(folder, device, |store| Reader::new(recipe, vocabulary.len(), store))?;
        Ok(ReadingSession { recipe: recipe.clone(), vocabulary, model, device })
    }

    /// Those that the reader has never seen, each once.
    fn unknown(&self, words: &[String]) -> Vec<String> {
        let mut unknown: Vec<String> = Vec::new();
        for word in words {
            if self.vocabulary.id(&word.to_lowercase()) == i64::from(UNK) && !unknown.contains(word) {
                unknown.push(word.clone());
            }
        }
        unknown
    }
}

impl Interactive for ReadingSession {
    fn expects(&self) -> String {
        "a passage, a tab and a question: `Anna Holm went to the old mill. It rained.<tab>Where did Anna Holm go?`, or {\"passage\": \"Anna Holm \
         went to the old mill.\", \"question\": \"Where did Anna Holm go?\"}"
            .to_owned()
    }

    fn ask(&mut self, line: &str) -> Result<Option<Answer>> {
        let input: Input = read_input(line, |text| {
            let (passage, question) = text.split_once('\t').context("expected a passage, a tab and a question; found no tab")?;
            Ok(Input { passage: passage.to_owned(), question: question.to_owned() })
        })?;
        let told: Vec<Vec<String>> = sentences(&input.passage)
            .into_iter()
            .map(|(start, end)| written(&input.passage[start..end]))
            .filter(|words| !words.is_empty())
            .collect();
        let (passage, question) = (joined(&told).0, written(&input.question));
        ensure!(!passage.is_empty(), "there is no passage: the answer is looked for in its words");
        ensure!(!question.is_empty(), "there is no question behind the passage");
        for (words, what) in [(&passage, "passage"), (&question, "question")] {
            ensure!(words.len() <= MOST_WORDS, "a {what} of {} words: at most {MOST_WORDS} are read", words.len());
        }
        let example = Example { passage, question, span: (0, 0), sentence: (0, 0), kind: String::new() };
        let batch = Batch::new(&[&example], &self.vocabulary, self.device);
        let read = no_grad(|| self.model.read(&batch, &ForwardContext::evaluation()));
        let [starts, ends] = read.probabilities(&batch)?.remove(0);
        let span = best_span(&starts, &ends, self.recipe.beyond).context("the passage has no words")?;
        let words = &example.passage[span.start..=span.end];
        let text = words.iter().filter(|word| *word != END).cloned().collect::<Vec<_>>().join(" ");
        let text = if text.is_empty() { END.to_owned() } else { text };

        let (of_passage, of_question) = (self.unknown(&example.passage), self.unknown(&example.question));
        let mut notes = Vec::new();
        for (unknown, what) in [(&of_passage, "passage"), (&of_question, "question")] {
            if !unknown.is_empty() {
                notes.push(format!("the reader has never seen these words of the {what}: {}", unknown.join(", ")));
            }
        }
        if of_question.len() == example.question.len() {
            notes.push("it knows no word of the question: the answer says nothing".to_owned());
        }
        if span.probability < DOUBTFUL {
            notes.push(format!(
                "the best span has a probability of {:.2} only: the passage may not hold the answer; a pointer always points somewhere",
                span.probability
            ));
        }
        let pictures = match is_drawable(example.passage.len(), &mut notes) {
            true => {
                let title = format!("{} {text}", input.question.trim());
                let page = Page { title: &title, passage: &example.passage, starts: &starts, ends: &ends, span };
                let attention = attention(&example.passage, &example.question, &read)?;
                vec![("passage", page.drawing()), ("attention", attention.drawing())]
            }
            false => Vec::new(),
        };
        let [from_left, from_right] = [rows(&read.weights[0])?, rows(&read.weights[1])?];
        let record = json!({
            "passage": example.passage,
            "question": example.question,
            "answer": text,
            "start": span.start,
            "end": span.end,
            "probability": span.probability,
            // Of each word of the passage.
            "starts": starts,
            "ends": ends,
            // For each word of the passage the weight of each of the question.
            "attention": { "forward": from_left, "backward": from_right },
            "unknown": { "passage": of_passage, "question": of_question },
        });
        Ok(Some(Answer { text, record, notes, pictures }))
    }
}
