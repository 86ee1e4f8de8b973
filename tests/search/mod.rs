//! Properties of search that every family of models has to keep, in every way of searching.

mod beam;
mod constraints;
mod ensemble;
mod modes;
mod own_rules;
mod reference;
mod sampling;
mod stopping;

use targum::batch::{Source, Target};
use targum::model::{Seq2Seq, Vocabularies, build};
use targum::recipe::ModelRecipe;
use targum::search::{Constraints, Hypothesis, Scored, SearchOptions, score_pairs, search_with};
use tch::Device;

use crate::models::{VOCABULARY, recipes};

/// One of each family, by name: a new family takes a line here.
fn families() -> Vec<(String, Box<dyn Seq2Seq>)> {
    let wanted = [
        "none",
        "bahdanau",
        "bahdanau coverage tied",
        "luong General Global feeding true",
        "luong Dot LocalP feeding false",
        "transformer",
        "modern",
    ];
    let mut table: Vec<(String, ModelRecipe)> = Vec::new();
    for (name, recipe) in recipes() {
        if wanted.contains(&name.as_str()) && !table.iter().any(|(taken, _)| *taken == name) {
            table.push((name, recipe));
        }
    }
    assert_eq!(table.len(), wanted.len());
    table.into_iter().map(|(name, recipe)| (name, sharp(&recipe, 3))).collect()
}

/// A model with starting weights made wider: as they are they make nearly even distributions, these give search something to choose.
fn sharp(recipe: &ModelRecipe, seed: u64) -> Box<dyn Seq2Seq> {
    sharp_of(recipe, seed, VOCABULARY)
}

/// The same with so many tokens.
fn sharp_of(recipe: &ModelRecipe, seed: u64, vocabulary: i64) -> Box<dyn Seq2Seq> {
    let vocabularies = Vocabularies { source: vocabulary, target: vocabulary, same: None };
    let model = build(recipe, vocabularies, seed, Device::Cpu).unwrap();
    // A Transformer is wide already: its states are normalised.
    let factor = if matches!(recipe, ModelRecipe::Transformer(_)) { 1.5 } else { 6.0 };
    for (_, mut tensor) in model.parameters() {
        tch::no_grad(|| tensor *= factor);
    }
    model
}

const SOURCES: [&[u32]; 4] = [&[5, 6, 7], &[8, 9, 10, 11, 12, 13], &[14], &[22, 21, 20, 19, 18]];

fn sources(rows: &[&[u32]]) -> Source {
    Source::new(rows, Device::Cpu)
}

/// Everything that a step may produce but EOS.
fn producible() -> Vec<u32> {
    (1..VOCABULARY as u32).filter(|&token| token != 2 && token != 3).collect()
}

/// Few enough tokens that every short sequence of them can be looked at.
const FEW: [u32; 5] = [5, 9, 10, 12, 14];

/// What to suppress to leave only these.
fn all_but(few: &[u32]) -> Vec<u32> {
    producible().into_iter().filter(|token| !few.contains(token)).collect()
}

/// Every sequence of these tokens that is no longer than this.
fn sequences(tokens: &[u32], longest: usize) -> Vec<Vec<u32>> {
    let mut all = vec![vec![]];
    let mut last = all.clone();
    for _ in 0..longest {
        last = last.iter().flat_map(|shorter| tokens.iter().map(move |&token| [shorter.as_slice(), &[token]].concat())).collect();
        all.extend(last.iter().cloned());
    }
    all
}

/// What the model says of these translations of one source.
fn forced<T: AsRef<[u32]>>(model: &dyn Seq2Seq, source: &[u32], targets: &[T]) -> Vec<Scored> {
    score_pairs(model, &sources(&vec![source; targets.len()]), &Target::new(targets, Device::Cpu))
}

fn sum(scored: &Scored) -> f64 {
    scored.log_probabilities.iter().map(|&p| f64::from(p)).sum()
}

/// Searches all of [`SOURCES`] with the same constraints.
fn found(model: &dyn Seq2Seq, options: &SearchOptions, constraints: &Constraints) -> Vec<Vec<Hypothesis>> {
    search_with(&model.into(), &sources(&SOURCES), options, &vec![constraints.clone(); SOURCES.len()])
}
