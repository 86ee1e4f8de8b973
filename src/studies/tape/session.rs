//! A trained memory machine, asked about a sequence of one's own.

use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::json;
use tch::{Device, Kind, no_grad};

use super::given::Given;
use super::pictures::{answers, steps};
use super::tensors::Sequences;
use crate::memory::Weightings;
use crate::recipe::{TapeProblem, TapeRecipe};
use crate::studies::interactive::{Answer, Interactive, is_drawable, load_model, read_input, rows};
use crate::studies::sequences::{SequenceModel, memory};

/// Most steps of a sequence.
const LONGEST: usize = 10_000;

pub struct TapeSession {
    recipe: TapeRecipe,
    model: SequenceModel,
    device: Device,
}

impl TapeSession {
    pub fn open(recipe: &TapeRecipe, folder: &Path, device: Device) -> Result<Self> {
        let model = load_model(folder, device, |store| SequenceModel::new(&recipe.model, recipe.problem.widths(), store))?;
        Ok(TapeSession { recipe: recipe.clone(), model, device })
    }
}

impl Interactive for TapeSession {
    fn expects(&self) -> String {
        match self.recipe.problem {
            TapeProblem::Copy { .. } => "vectors of 8 bits: `10110010 01100101`, or {\"vectors\": [\"10110010\", \"01100101\"]}",
            TapeProblem::Reverse { .. } => {
                "vectors of 8 bits: `10110010 01100101`, or {\"vectors\": [\"10110010\", \"01100101\"]}"
            }
            TapeProblem::RepeatCopy { .. } => {
                "vectors of 8 bits and how often: `10110010 01100101 x3`, or {\"vectors\": [\"10110010\"], \"repeats\": 3}"
            }
            TapeProblem::AssociativeRecall { .. } => {
                "items of three vectors of 6 bits, and one of them again behind a question mark: `101010,111000,000111 \
                 000000,111111,101010 ? 101010,111000,000111`, or {\"vectors\": [the items], \"asked\": \"101010,111000,000111\"}"
            }
            TapeProblem::DynamicNgrams { .. } => "bits: `01101011010`, or {\"vectors\": [\"01101011010\"]}",
            TapeProblem::PrioritySort { .. } => {
                "vectors of 8 bits with priorities from -1 to 1: `10110010:0.5 01100101:-0.2`, or {\"vectors\": [\"10110010\"], \
                 \"priorities\": [0.5]}"
            }
            TapeProblem::TreeNavigation { .. } => {
                "edges, each a node of 8 bits, L or R, and its child, and behind a question mark the root with a way of L and R: \
                 `10110010L01100101 10110010R00001111 ? 10110010R`, or {\"vectors\": [the edges], \"asked\": \"10110010R\"}"
            }
        }
        .to_owned()
    }

    fn ask(&mut self, line: &str) -> Result<Option<Answer>> {
        let given: Given = read_input(line, Given::of_text)?;
        let sequence = given.sequence(&self.recipe.problem)?;
        ensure!(
            sequence.inputs.len() <= LONGEST,
            "{} steps with the answer, expected {LONGEST} at most: give a shorter sequence",
            sequence.inputs.len()
        );
        let sequences = Sequences::new(std::slice::from_ref(&sequence), self.device);
        let (logits, weightings) = no_grad(|| self.model.answer(&sequences.inputs));
        let probabilities = sequences.scored(&logits).sigmoid().squeeze_dim(0); // [scored steps, outputs]
        let probabilities: Vec<Vec<f32>> = Vec::try_from(probabilities.to_kind(Kind::Float))?;
        let bits = |rows: &[Vec<f32>]| -> Vec<String> {
            let bit = |&number: &f32| if number > 0.5 { '1' } else { '0' };
            rows.iter().map(|row| row.iter().map(bit).collect()).collect()
        };
        let (answer, expected) = (bits(&probabilities), bits(&sequence.targets));
        let wrong = sequences.wrong(&logits);
        let mut notes = given.beyond(&self.recipe.problem);
        let separator = if matches!(self.recipe.problem, TapeProblem::DynamicNgrams { .. }) { "" } else { " " };
        if wrong > 0.0 {
            let count = expected.iter().map(String::len).sum::<usize>();
            notes.push(format!("{wrong} of {count} bits are wrong: the right answer is {}", expected.join(separator)));
        }
        let mut pictures = Vec::new();
        if is_drawable(sequence.inputs.len(), &mut notes) {
            pictures.push(("answer", answers(&sequences, &logits)?.drawing()));
            pictures.extend(memory(&steps(&weightings), &weightings)?.map(|(name, figure)| (name, figure.drawing())));
        }
        let accesses: Result<Vec<_>> = weightings
            .iter()
            .map(|Weightings { read, write }| Ok(json!({ "read": rows(read)?, "write": rows(write)? })))
            .collect();
        let record = json!({
            "inputs": sequence.inputs,
            "answer": answer,
            "expected": expected,
            "wrong_bits": wrong,
            "probabilities": probabilities,
            "memory": accesses?,
        });
        Ok(Some(Answer { text: answer.join(separator), record, notes, pictures }))
    }
}
