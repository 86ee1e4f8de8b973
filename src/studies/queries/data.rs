//! Documents with the answers to every question: generated, or of a file of one's own.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::notices::{ASKED, draw};
use crate::corpus::babi::words;
use crate::input::lines;
use crate::recipe::QueriesRecipe;
use crate::runtime::files::Shown;
use crate::studies::random::{RandomGenerator, TEST, VALIDATION};
use crate::studies::vocabulary::Vocabulary;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    pub words: Vec<String>,
    /// For each question which of its classes.
    pub classes: Vec<usize>,
}

/// A question that is asked of every document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    pub name: String,
    /// In order.
    pub classes: Vec<String>,
}

/// What a checkpoint has beside weights and recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    pub vocabulary: Vocabulary,
    pub asked: Vec<Asked>,
}

pub struct Data {
    pub known: Known,
    pub train: Vec<Document>,
    pub held_out: Vec<Document>,
    pub test: Vec<Document>,
}

/// Words and labels.
type Labelled = (Vec<String>, Vec<String>);

impl Data {
    /// # Errors
    /// A file that cannot be read, and its first line that is no document with labels.
    pub fn new(recipe: &QueriesRecipe, seed: u64) -> Result<Self> {
        let (names, [train, held_out, test]) = match &recipe.file {
            Some(file) => read(file, recipe.held_out, seed)?,
            None => {
                let counts = [(recipe.documents, seed), (recipe.tested, seed ^ VALIDATION), (recipe.tested, seed ^ TEST)];
                (ASKED.map(|(name, _)| name.to_owned()).to_vec(), counts.map(|(count, seed)| generated(recipe, count, seed)))
            }
        };
        let asked = names.into_iter().enumerate().map(|(number, name)| {
            let all = train.iter().chain(&held_out).chain(&test).map(|(_, labels)| labels[number].clone());
            Asked { name, classes: all.collect::<std::collections::BTreeSet<_>>().into_iter().collect() }
        });
        let asked: Vec<Asked> = asked.collect();
        let vocabulary = Vocabulary::new(train.iter().flat_map(|(words, _)| words).map(String::as_str));
        let known = Known { vocabulary, asked };
        let [train, held_out, test] = [train, held_out, test].map(|documents| {
            let of = |(words, labels): Labelled| {
                let class =
                    |(label, asked): (String, &Asked)| asked.classes.binary_search(&label).expect("classes are all labels");
                Document { words, classes: labels.into_iter().zip(&known.asked).map(class).collect() }
            };
            documents.into_iter().map(of).collect()
        });
        Ok(Data { known, train, held_out, test })
    }
}

fn generated(recipe: &QueriesRecipe, count: usize, seed: u64) -> Vec<Labelled> {
    let mut random = RandomGenerator::new(seed, 0);
    let mut notice = || {
        let others = random.between(recipe.fewest, recipe.most);
        let (words, right) = draw(others, &mut random);
        (words.into_iter().map(str::to_owned).collect(), right.map(str::to_owned).to_vec())
    };
    (0..count).map(|_| notice()).collect()
}

/// Names of the columns of labels, and the documents of a file in an order of chance: to train on, held out, and to be tested with.
fn read(file: &Path, held_out: f64, seed: u64) -> Result<(Vec<String>, [Vec<Labelled>; 3])> {
    let mut documents: Vec<Labelled> = Vec::new();
    for (number, line) in (1..).zip(lines(Some(file))?) {
        let labelled = parse(&line?, documents.first().map(|(_, labels)| labels.len()));
        documents.push(labelled.with_context(|| format!("{}:{number}", file.shown()))?);
    }
    let shown = file.shown();
    ensure!(
        documents.len() >= 5,
        "{shown}: {} documents, expected 5 or more: some are held out and some tested with",
        documents.len()
    );
    let columns = documents[0].1.len();
    for column in 0..columns {
        let first = &documents[0].1[column];
        let differs = documents.iter().any(|(_, labels)| labels[column] != *first);
        ensure!(differs, "{shown}: every document is labelled {first:?}; expected two labels or more to tell apart");
    }
    RandomGenerator::new(seed, 0).shuffle(&mut documents);
    let apart = (documents.len() as f64 * held_out).ceil() as usize;
    ensure!(
        documents.len() > 2 * apart,
        "{shown}: of {} documents nothing is left to train on; lower task.queries.held_out, which is {held_out}",
        documents.len()
    );
    let test = documents.split_off(documents.len() - apart);
    let held_out = documents.split_off(documents.len() - apart);
    let name = |column| if columns == 1 { "label".to_owned() } else { format!("label {column}") };
    Ok(((1..=columns).map(name).collect(), [documents, held_out, test]))
}

/// Labels and, behind the last tab, the text.
fn parse(line: &str, columns: Option<usize>) -> Result<Labelled> {
    let Some((labels, text)) = line.rsplit_once('\t') else {
        bail!("expected a label, a tab and a text, found no tab");
    };
    let labels: Vec<String> = labels.split('\t').map(|label| label.trim().to_owned()).collect();
    ensure!(labels.iter().all(|label| !label.is_empty()), "a label is empty; write one before each tab");
    if let Some(columns) = columns {
        ensure!(labels.len() == columns, "found {} labels, expected {columns} as on the first line", labels.len());
    }
    let words = words(text);
    ensure!(!words.is_empty(), "the text has no words; write one behind the last tab");
    Ok((words, labels))
}
