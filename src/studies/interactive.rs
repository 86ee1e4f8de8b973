//! What was trained, asked on input of one's own.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tch::{Device, Kind, Tensor};

use crate::nn::{Parameters, load_weights};
use crate::picture::Drawing;

/// A trained model without its data.
pub trait Interactive {
    /// What a line holds, with an example.
    fn expects(&self) -> String;

    /// Answers a line; nothing where it only adds to the input, as the sentences before a question do.
    ///
    /// # Errors
    /// Says what is wrong with the line, and what it should hold.
    fn ask(&mut self, line: &str) -> Result<Option<Answer>>;

    /// After the last line: answers what waits for more of them, where there is any.
    ///
    /// # Errors
    /// An input that is not whole.
    fn end(&mut self) -> Result<Option<Answer>> {
        Ok(None)
    }
}

/// What a model makes of an input.
#[derive(Debug)]
pub struct Answer {
    /// A line for people.
    pub text: String,
    /// The same for programs, with the attention that led to it.
    pub record: Value,
    /// What people should know of it: words that the model never saw, say.
    pub notes: Vec<String>,
    /// Each under a name of its own.
    pub pictures: Vec<(&'static str, Drawing)>,
}

/// Steps or inputs of the largest picture.
const MOST_DRAWN: usize = 200;

/// Whether there is a picture of so many steps or inputs; where not, a note says so.
pub(super) fn is_drawable(count: usize, notes: &mut Vec<String>) -> bool {
    if count > MOST_DRAWN {
        notes.push(format!("no picture of {count} steps: at most {MOST_DRAWN} can be seen"));
    }
    count <= MOST_DRAWN
}

/// The model of a checkpoint, made by `make`.
///
/// # Errors
/// Where the weights are another model's.
pub(super) fn load_model<M>(folder: &Path, device: Device, make: impl FnOnce(&Parameters) -> Result<M>) -> Result<M> {
    let store = Parameters::new(0, device);
    let model = make(&store)?;
    load_weights(&store.named(), folder)?;
    Ok(model)
}

/// The rows of a tensor [1, N, M].
pub(super) fn rows(tensor: &Tensor) -> Result<Vec<Vec<f32>>> {
    Ok(Vec::try_from(tensor.squeeze_dim(0).to_kind(Kind::Float))?)
}

/// A line as an input: JSON where it begins with a brace, else as `text` reads it.
pub(super) fn read_input<T: DeserializeOwned>(line: &str, text: impl FnOnce(&str) -> Result<T>) -> Result<T> {
    if line.trim_start().starts_with('{') {
        return serde_json::from_str(line).context("not the JSON that was expected");
    }
    if line.trim().is_empty() {
        bail!("expected an input, found a blank line");
    }
    text(line)
}

/// Greedy decoding by a model that reads whole targets: what it predicts after its own earlier symbols, up to `end` or `most` symbols. `next`
/// gives the likeliest symbol after each prefix of a guess, the empty one and the whole included. A guess that comes back as it was is the
/// answer; every round settles one more symbol at least (Jacobi iteration; Santilli et al. 2023, "Accelerating Transformer Inference for
/// Translation via Parallel Decoding").
pub(super) fn greedy(
    mut guess: Vec<i64>,
    end: i64,
    most: usize,
    mut next: impl FnMut(&[i64]) -> Result<Vec<i64>>,
) -> Result<Vec<i64>> {
    loop {
        let found = next(&guess)?;
        let same = found.iter().zip(&guess).take_while(|(found, guess)| found == guess).count();
        let settled = &found[..(same + 1).min(most).min(found.len())];
        if let Some(length) = settled.iter().position(|&symbol| symbol == end) {
            return Ok(settled[..length].to_vec());
        }
        if settled.len() == most {
            return Ok(settled.to_vec());
        }
        guess = found;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_is_mended_until_it_is_what_the_model_says_itself() {
        // Predicts twice the symbol before it, and the end (0) from 32 on.
        let next = |guess: &[i64]| {
            let before = std::iter::once(&1).chain(guess);
            Ok(before.map(|&symbol| if symbol >= 32 { 0 } else { 2 * symbol }).collect())
        };
        for guess in [vec![], vec![2, 4, 8, 16, 32], vec![9, 9, 9, 9, 9, 9, 9, 9, 9], vec![2, 4, 5]] {
            assert_eq!(greedy(guess.clone(), 0, 50, next).unwrap(), [2, 4, 8, 16, 32], "{guess:?}");
            assert_eq!(greedy(guess, 0, 3, next).unwrap(), [2, 4, 8]);
        }
    }

    #[test]
    fn braces_begin_json() {
        #[derive(serde::Deserialize, Debug, PartialEq)]
        struct Input {
            words: Vec<String>,
        }
        let words = |text: &str| Ok(Input { words: text.split_whitespace().map(str::to_owned).collect() });
        assert_eq!(read_input(" {\"words\": [\"a\", \"b\"]}", words).unwrap(), read_input("a b", words).unwrap());
        assert!(read_input("{\"words\": 3}", words).is_err() && read_input(" ", words).is_err());
    }
}
