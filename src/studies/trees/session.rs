//! A trained parser of formulas, asked about a formula of one's own.

use std::path::Path;

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;
use tch::{Device, no_grad};

use super::formula::{Formula, ROOT, spelled};
use super::model::{Formulas, ParsingModel};
use super::pictures::heatmap;
use crate::recipe::TreesRecipe;
use crate::studies::interactive::{Answer, Interactive, greedy, is_drawable, load_model, read_input, rows};

pub struct TreesSession {
    model: ParsingModel,
    device: Device,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    formula: String,
}

impl TreesSession {
    pub fn open(recipe: &TreesRecipe, folder: &Path, device: Device) -> Result<Self> {
        Ok(TreesSession { model: load_model(folder, device, |store| ParsingModel::new(recipe, store))?, device })
    }
}

impl Interactive for TreesSession {
    fn expects(&self) -> String {
        "a formula in prefix notation, whose operations have two to four operands: `( * ( + 15 7 ) 1 8 )`, or {\"formula\": \"( + 1 2 )\"}"
            .to_owned()
    }

    fn ask(&mut self, line: &str) -> Result<Option<Answer>> {
        let Input { formula } = read_input(line, |text| Ok(Input { formula: text.to_owned() }))?;
        let formula = Formula::parse(&formula)?;
        let expected: Vec<i64> = formula.infix();
        let expected = &expected[..expected.len() - 1];
        let after = |prefix: &[i64]| Formulas::with_target(&formula, &[prefix, &[ROOT]].concat(), self.device);
        let answer = greedy(expected.to_vec(), ROOT, 2 * expected.len() + 1, |prefix| {
            let transduced = no_grad(|| self.model.transduce(&after(prefix)))?;
            Ok(Vec::try_from(transduced.likeliest().squeeze_dim(0))?) // [T]
        })?;
        let transduced = no_grad(|| self.model.transduce(&after(&answer)))?;
        let labels = |symbols: &[i64]| symbols.iter().map(|&symbol| spelled(symbol)).collect::<Vec<_>>();
        let (source, target) = (labels(&formula.prefix()), labels(&[answer.as_slice(), &[ROOT]].concat()));
        let right = answer == expected;
        let mut notes = if right { Vec::new() } else { vec![format!("the right answer is {}", labels(expected).join(" "))] };
        let mut pictures = Vec::new();
        let parents = transduced.parents.as_ref();
        if is_drawable(source.len().max(target.len()), &mut notes) {
            pictures.push(("decoder", heatmap(&target, &source, &transduced.attention)?.drawing()));
            if let Some(weights) = parents {
                pictures.push(("parents", heatmap(&source, &source, weights)?.drawing()));
            }
        }
        let record = json!({
            "formula": source,
            "answer": labels(&answer),
            "expected": labels(expected),
            "right": right,
            "attention": rows(&transduced.attention)?,
            "parents": parents.map(rows).transpose()?,
        });
        Ok(Some(Answer { text: labels(&answer).join(" "), record, notes, pictures }))
    }
}
