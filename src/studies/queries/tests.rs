use std::fs;
use std::path::Path;

use tch::{Device, Kind};

use super::QueriesTask;
use super::data::{Data, Document};
use super::model::Batch;
use crate::nn::ForwardContext;
use crate::recipe::{AdamRecipe, Metric, OptimizerRecipe, QueriesRecipe, TrainingRecipe};
use crate::report::Display;
use crate::runtime::Interrupt;
use crate::studies::Study;
use crate::train::{RunFolder, TrainOptions, train};

fn tiny() -> QueriesRecipe {
    QueriesRecipe { documents: 20, tested: 10, embedding: 6, hidden: 4, context: 5, batch: 8, ..QueriesRecipe::default() }
}

fn task(recipe: &QueriesRecipe) -> QueriesTask {
    QueriesTask::new(recipe, 3, Device::Cpu).unwrap()
}

fn of_file(file: &Path, held_out: f64) -> QueriesRecipe {
    QueriesRecipe { file: Some(file.to_owned()), held_out, ..tiny() }
}

#[test]
fn every_parameter_learns_and_every_question_has_weights_of_its_own() {
    for shared in [false, true] {
        let task = task(&QueriesRecipe { shared, ..tiny() });
        let documents: Vec<&Document> = task.data.train.iter().collect();
        let batch = Batch::new(&documents, &task.data.known, Device::Cpu);
        let read = task.model.read(&batch, &ForwardContext::training(1, 1, 0));
        read.cost(&batch).backward();
        for (name, tensor) in task.parameters.named() {
            let gradient = tensor.grad();
            assert!(gradient.defined() && gradient.abs().max().double_value(&[]) > 0.0, "{name}");
        }
        let sums = read.weights.sum_dim_intlist([-1i64].as_slice(), false, Kind::Double);
        assert!(sums.allclose(&sums.ones_like(), 1e-5, 1e-5, false));
        let apart = task.classify(&task.data.test).unwrap().apart;
        assert_eq!(apart < 1e-6, shared, "{apart}");
    }
}

#[test]
fn what_stands_beside_it_in_a_batch_changes_no_answer() {
    let task = task(&tiny());
    let pass = ForwardContext::evaluation();
    let all: Vec<&Document> = task.data.test.iter().collect();
    let together = task.model.read(&Batch::new(&all, &task.data.known, Device::Cpu), &pass);
    for (row, document) in all.into_iter().enumerate() {
        let alone = task.model.read(&Batch::new(&[document], &task.data.known, Device::Cpu), &pass);
        for (alone, together) in alone.logs.iter().zip(&together.logs) {
            assert!(alone.get(0).allclose(&together.get(row as i64), 1e-4, 1e-5, false));
        }
    }
}

/// Chance is right in one of six or seven.
#[test]
fn a_few_seconds_teach_it_something() {
    let recipe =
        QueriesRecipe { documents: 200, fewest: 0, most: 1, embedding: 16, hidden: 16, context: 16, batch: 20, ..tiny() };
    let mut task = task(&recipe);
    let training = TrainingRecipe {
        optimizer: OptimizerRecipe::Adam(AdamRecipe { learning_rate: 0.01, ..AdamRecipe::default() }),
        updates: Some(80),
        validate_every: 80,
        metric: Metric::Loss,
        pictures: 0,
        ..TrainingRecipe::default()
    };
    let place = tempfile::tempdir().unwrap();
    let interrupt = Interrupt::new();
    let options = TrainOptions { resume: false, interrupt: &interrupt, display: Display::Silent, begun: &|| Ok(()) };
    train(&mut task, &training, 1, &RunFolder::open(place.path()).unwrap(), options).unwrap();
    let right = task.classify(&task.data.train).unwrap().right;
    assert!(right.iter().all(|&right| right > 70), "{right:?} of 200");
}

#[test]
fn a_file_gives_labels_of_one_column_or_several() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("own.tsv");
    let lines = ["good\tA fine day.", "bad\tIt rained!", "good\tThe sun shone.", "bad\tGrey clouds.", "so so\tNothing to tell."];
    fs::write(&file, lines.repeat(4).join("\n")).unwrap();
    let data = Data::new(&of_file(&file, 0.2), 1).unwrap();
    assert_eq!((data.train.len(), data.held_out.len(), data.test.len()), (12, 4, 4));
    assert_eq!((data.known.asked.len(), data.known.asked[0].name.as_str()), (1, "label"));
    assert_eq!(data.known.asked[0].classes, ["bad", "good", "so so"]);
    for document in data.train.iter().chain(&data.held_out).chain(&data.test) {
        let class = &data.known.asked[0].classes[document.classes[0]];
        let text = document.words.join(" ");
        assert_eq!(class == "good", ["a fine day", "the sun shone"].contains(&text.as_str()), "{text} {class}");
    }
    fs::write(&file, "x\tred\tone two\ny\tblue\tthree\n".repeat(5)).unwrap();
    let data = Data::new(&of_file(&file, 0.1), 1).unwrap();
    let names: Vec<&str> = data.known.asked.iter().map(|asked| asked.name.as_str()).collect();
    assert_eq!(names, ["label 1", "label 2"]);
}

#[test]
fn lines_that_are_no_documents_are_named() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("own.tsv");
    let good = "a\tone\nb\ttwo\na\tthree\nb\tfour\na\tfive\n";
    for (text, part) in [
        (format!("{good}six"), "own.tsv:6: expected a label, a tab and a text, found no tab"),
        (format!("{good}\tsix"), "own.tsv:6: a label is empty"),
        (format!("{good}a\t ... "), "own.tsv:6: the text has no words"),
        (format!("{good}a\tb\tsix"), "own.tsv:6: found 2 labels, expected 1 as on the first line"),
        ("a\tone\nb\ttwo\n".to_owned(), "own.tsv: 2 documents, expected 5 or more"),
        ("a\tone\n".repeat(9), "own.tsv: every document is labelled \"a\""),
    ] {
        fs::write(&file, text).unwrap();
        let error = format!("{:#}", Data::new(&of_file(&file, 0.1), 1).map(drop).unwrap_err());
        assert!(error.contains(part), "{error}");
    }
    fs::write(&file, good).unwrap();
    let error = Data::new(&of_file(&file, 0.45), 1).map(drop).unwrap_err().to_string();
    assert!(error.contains("nothing is left to train on; lower task.queries.held_out"), "{error}");
    let error = format!("{:#}", Data::new(&of_file(&place.path().join("none"), 0.1), 1).map(drop).unwrap_err());
    assert!(error.contains("none: cannot open this file"), "{error}");
}
