//! A trained transducer of symbols, asked about a sequence of one's own.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::json;
use tch::{Device, Tensor, no_grad};

use super::problem::transduced;
use crate::memory::Weightings;
use crate::recipe::{TransductionProblem, TransductionRecipe};
use crate::studies::interactive::{Answer, Interactive, greedy, is_drawable, load_model, read_input, rows};
use crate::studies::sequences::{SymbolModel, memory};

/// Longest sequence that is taken: every symbol is a step of the machine, and its memory grows by a value.
const LONGEST: usize = 2000;

pub struct TransductionSession {
    recipe: TransductionRecipe,
    model: SymbolModel,
    device: Device,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    symbols: Vec<i64>,
}

impl TransductionSession {
    pub fn open(recipe: &TransductionRecipe, folder: &Path, device: Device) -> Result<Self> {
        let model =
            load_model(folder, device, |store| SymbolModel::new(&recipe.model, recipe.vocabulary(), recipe.embedding, store))?;
        Ok(TransductionSession { recipe: recipe.clone(), model, device })
    }

    fn read(&self, line: &str) -> Result<Vec<i64>> {
        let Input { symbols } = read_input(line, |text| {
            let symbol = |text: &str| text.parse().with_context(|| format!("{text:?} is no symbol; symbols are whole numbers"));
            Ok(Input { symbols: text.split_whitespace().map(symbol).collect::<Result<_>>()? })
        })?;
        let kinds = self.recipe.symbols;
        ensure!(!symbols.is_empty() && symbols.len() <= LONGEST, "found {} symbols, expected 1 to {LONGEST}", symbols.len());
        if let Some(other) = symbols.iter().find(|symbol| !(0..kinds).contains(symbol)) {
            anyhow::bail!("there is no symbol {other}: this model has 0 to {}", kinds - 1);
        }
        ensure!(
            self.recipe.problem != TransductionProblem::BigramFlip || symbols.len() % 2 == 0,
            "found {} symbols, expected an even number: they are flipped in pairs",
            symbols.len()
        );
        Ok(symbols)
    }

    /// The source between its marks, and the target so far [1, T].
    fn ids(&self, source: &[i64], prefix: &[i64]) -> Tensor {
        let [start, separator] = [self.recipe.symbols, self.recipe.symbols + 1];
        Tensor::from_slice(&[&[start], source, &[separator], prefix].concat()).unsqueeze(0).to_device(self.device)
    }
}

impl Interactive for TransductionSession {
    fn expects(&self) -> String {
        format!("symbols from 0 to {}: `3 14 15 9`, or {{\"symbols\": [3, 14, 15, 9]}}", self.recipe.symbols - 1)
    }

    fn ask(&mut self, line: &str) -> Result<Option<Answer>> {
        let source = self.read(line)?;
        let expected = transduced(self.recipe.problem, &source);
        let end = self.recipe.symbols + 2;
        let answer = greedy(expected.clone(), end, 2 * source.len() + 1, |prefix| {
            let scores = no_grad(|| self.model.answer(&self.ids(&source, prefix), prefix.len() as i64 + 1)).0; // [1, scored, V]
            Ok(Vec::try_from(scores.argmax(-1, false).squeeze_dim(0))?) // [scored]
        })?;
        let (_, weightings) = no_grad(|| self.model.answer(&self.ids(&source, &answer), answer.len() as i64 + 1));
        let text = |symbols: &[i64]| symbols.iter().map(i64::to_string).collect::<Vec<_>>().join(" ");
        let right = answer == expected;
        let mut notes = Vec::new();
        if source.len() > 2 * self.recipe.longest {
            notes.push(format!("it was trained on up to {} symbols, and this has {}", self.recipe.longest, source.len()));
        }
        if !right {
            notes.push(format!("the right answer is {}", text(&expected)));
        }
        let read: Vec<i64> = Vec::try_from(self.ids(&source, &answer).squeeze_dim(0))?;
        let columns: Vec<String> = read.into_iter().map(|symbol| self.recipe.spelled(symbol)).collect();
        let mut pictures = Vec::new();
        if !weightings.is_empty() && is_drawable(columns.len(), &mut notes) {
            pictures.extend(memory(&columns, &weightings)?.map(|(name, figure)| (name, figure.drawing())));
        }
        let steps: Result<Vec<_>> = weightings
            .iter()
            .map(|Weightings { read, write }| Ok(json!({ "strengths": rows(write)?[0], "read": rows(read)? })))
            .collect();
        let record = json!({ "symbols": source, "answer": answer, "expected": expected, "right": right, "memory": steps? });
        Ok(Some(Answer { text: text(&answer), record, notes, pictures }))
    }
}
