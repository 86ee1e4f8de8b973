//! A trained memory network, given a story and asked about it.

use std::path::Path;

use anyhow::{Result, ensure};
use serde::Deserialize;
use serde_json::json;
use tch::{Device, Kind, Tensor, no_grad};

use super::pictures::hops;
use super::task::{QuestionsTask, Saved};
use crate::corpus::babi::words;
use crate::memory::memn2n::{MemN2N, MemoryWeighting, Story};
use crate::recipe::QuestionsRecipe;
use crate::studies::interactive::{Answer, Interactive, is_drawable, load_model, read_input};
use crate::studies::vocabulary::FIRST_WORD;
use crate::text::special::UNK;

pub struct QuestionsSession {
    recipe: QuestionsRecipe,
    saved: Saved,
    model: MemN2N,
    device: Device,
    /// The sentences since the last blank line.
    story: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    /// Its sentences, in order.
    story: Vec<String>,
    question: String,
}

impl QuestionsSession {
    pub fn open(recipe: &QuestionsRecipe, folder: &Path, device: Device) -> Result<Self> {
        let saved = Saved::read(folder)?;
        let model = load_model(folder, device, |store| Ok(QuestionsTask::network(recipe, saved.vocabulary.len(), store)))?;
        Ok(QuestionsSession { recipe: recipe.clone(), saved, model, device, story: Vec::new() })
    }

    fn answer(&self, story: &[String], question: &str) -> Result<Answer> {
        let vocabulary = &self.saved.vocabulary;
        let forgotten = story.len().saturating_sub(self.recipe.memory);
        let kept = &story[forgotten..];
        ensure!(!kept.is_empty(), "nothing was told before this question: give the sentences of a story first");
        let mut unknown = Vec::new();
        let mut ids = |sentence: &str| -> Vec<i64> {
            let of_word = |word: &String| {
                let id = vocabulary.id(word);
                if id == i64::from(UNK) && !unknown.contains(word) {
                    unknown.push(word.clone());
                }
                id
            };
            words(sentence).iter().map(of_word).collect()
        };
        let sentences: Vec<Vec<i64>> = kept.iter().map(|sentence| ids(sentence)).collect();
        let asked = ids(question);
        let story = Story::of(&sentences, self.device);
        let question_ids = Tensor::from_slice(&asked).unsqueeze(0).to_device(self.device); // [1, L']
        let weighting = self.saved.linear_start.memory_weighting();
        let (read, probabilities) = no_grad(|| {
            let read = self.model.read(&story, &question_ids, weighting);
            let logits = self.model.answer(&read.state); // [1, V]
            let among = logits.narrow(1, FIRST_WORD, logits.size()[1] - FIRST_WORD); // [1, words]
            (read, among.softmax(-1, Kind::Double).squeeze_dim(0)) // [words]
        });
        let best = probabilities.argmax(0, false).int64_value(&[]);
        let word = vocabulary.word(FIRST_WORD + best).to_owned();
        let probability = probabilities.double_value(&[best]);
        let mut notes = Vec::new();
        if !unknown.is_empty() {
            notes.push(format!("the network has never seen {}: nothing is known of them", unknown.join(", ")));
        }
        if forgotten > 0 {
            let memory = self.recipe.memory;
            notes.push(format!(
                "the memory holds {memory} sentences: the first {forgotten} of {} are forgotten",
                kept.len() + forgotten
            ));
        }
        if weighting == MemoryWeighting::Linear {
            notes.push(
                "this checkpoint is from before the softmax was put in (linear start): its weights are no shares".to_owned(),
            );
        }
        let weights: Vec<Vec<f32>> =
            read.weights.iter().map(|hop| Ok(Vec::try_from(hop.squeeze_dim(0).to_kind(Kind::Float))?)).collect::<Result<_>>()?;
        let title = format!("{} {word}", question.trim());
        let pictures = match is_drawable(kept.len(), &mut notes) {
            true => vec![("hops", hops(&title, kept, &read.weights)?.drawing())],
            false => Vec::new(),
        };
        let record = json!({
            "story": kept,
            "forgotten": forgotten,
            "question": question,
            "answer": word,
            "probability": probability,
            // For each hop the weight of each sentence; what is missing from one is that of empty slots.
            "hops": weights,
            "unknown": unknown,
        });
        Ok(Answer { text: word, record, notes, pictures })
    }
}

impl Interactive for QuestionsSession {
    fn expects(&self) -> String {
        "sentences, a line each, and a line that ends with a question mark; a blank line begins another story. Or {\"story\": [\"John went \
         home.\"], \"question\": \"Where is John?\"}"
            .to_owned()
    }

    fn ask(&mut self, line: &str) -> Result<Option<Answer>> {
        if line.trim().is_empty() {
            self.story.clear();
            return Ok(None);
        }
        if line.trim_start().starts_with('{') {
            let Input { story, question } = read_input(line, |_| unreachable!("a line with a brace is JSON"))?;
            return self.answer(&story, &question).map(Some);
        }
        if line.trim_end().ends_with('?') {
            return self.answer(&self.story, line).map(Some);
        }
        self.story.push(line.trim().to_owned());
        Ok(None)
    }
}
