//! A trained model, asked for a digit of one's own sequence.

use std::path::Path;

use anyhow::{Result, ensure};
use serde::Deserialize;
use serde_json::json;
use tch::{Device, Kind, Tensor, no_grad};

use super::problem::{Retrieval, VOCABULARY, spelled};
use crate::memory::Weightings;
use crate::recipe::RetrievalRecipe;
use crate::studies::interactive::{Answer, Interactive, is_drawable, load_model, read_input, rows};
use crate::studies::sequences::{SymbolModel, memory};

pub struct RetrievalSession {
    recipe: RetrievalRecipe,
    model: SymbolModel,
    device: Device,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    sequence: String,
}

impl RetrievalSession {
    pub fn open(recipe: &RetrievalRecipe, folder: &Path, device: Device) -> Result<Self> {
        let model = load_model(folder, device, |store| SymbolModel::new(&recipe.model, VOCABULARY, recipe.embedding, store))?;
        Ok(RetrievalSession { recipe: recipe.clone(), model, device })
    }
}

impl Interactive for RetrievalSession {
    fn expects(&self) -> String {
        "pairs of a letter and a digit, and one of the letters behind two question marks: `c9k8j3f1??c`, or \
         {\"sequence\": \"c9k8j3f1??c\"}"
            .to_owned()
    }

    fn ask(&mut self, line: &str) -> Result<Option<Answer>> {
        let Input { sequence } = read_input(line, |text| Ok(Input { sequence: text.trim().to_owned() }))?;
        let given = Retrieval::of_text(&sequence)?;
        ensure!(given.pairs() <= 26, "{} pairs, expected 26 at most", given.pairs());
        let inputs = Tensor::from_slice(&given.inputs).unsqueeze(0).to_device(self.device); // [1, T]
        let (scores, weightings) = no_grad(|| self.model.answer(&inputs, 1)); // [1, 1, V]
        let probabilities = scores.softmax(-1, Kind::Float).view(-1); // [V]
        let found = probabilities.argmax(0, false).int64_value(&[]);
        let (answer, expected) = (spelled(found), spelled(given.answer));
        let mut notes = Vec::new();
        if given.pairs() != self.recipe.pairs {
            notes.push(format!("it was trained on {} pairs, and this has {}", self.recipe.pairs, given.pairs()));
        }
        if answer != expected {
            notes.push(format!("the right answer is {expected}"));
        }
        let columns: Vec<String> = given.inputs.iter().map(|&id| spelled(id)).collect();
        let mut pictures = Vec::new();
        if is_drawable(columns.len(), &mut notes) {
            pictures.extend(memory(&columns, &weightings)?.map(|(name, figure)| (name, figure.drawing())));
        }
        let accesses: Result<Vec<_>> = weightings
            .iter()
            .map(|Weightings { read, write }| Ok(json!({ "read": rows(read)?, "write": rows(write)? })))
            .collect();
        let record = json!({
            "sequence": sequence,
            "answer": answer,
            "expected": expected,
            "probability": probabilities.double_value(&[found]),
            "memory": accesses?,
        });
        Ok(Some(Answer { text: answer, record, notes, pictures }))
    }
}
