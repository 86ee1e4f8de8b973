use std::fs;
use std::path::Path;

use tch::{Device, Kind};

use super::ReadingTask;
use super::data::{Data, Example};
use super::model::Batch;
use super::passages::Passage;
use super::task::share;
use crate::corpus::babi::words;
use crate::nn::ForwardContext;
use crate::recipe::{AdamRecipe, Metric, OptimizerRecipe, ReadingRecipe, TrainingRecipe};
use crate::report::Display;
use crate::runtime::Interrupt;
use crate::studies::Study;
use crate::studies::random::RandomGenerator;
use crate::train::{RunFolder, TrainOptions, train};

fn tiny() -> ReadingRecipe {
    ReadingRecipe { passages: 8, tested: 6, fewest: 2, most: 3, embedding: 6, hidden: 5, batch: 4, ..ReadingRecipe::default() }
}

fn task(recipe: &ReadingRecipe) -> ReadingTask {
    ReadingTask::new(recipe, 3, Device::Cpu).unwrap()
}

#[test]
fn an_answer_is_a_span_of_its_passage_inside_its_sentence() {
    let mut random = RandomGenerator::new(11, 0);
    for number in 0..300 {
        let passage = Passage::draw(1 + number % 12, &mut random);
        let example = Example::generated(&passage);
        let (start, end) = example.span;
        assert_eq!(example.passage[start..=end], words(&passage.answer)[..], "{passage:?}");
        assert!(example.sentence.0 <= start && end < example.sentence.1, "{example:?}");
        let sentence = &example.passage[example.sentence.0..example.sentence.1];
        assert_eq!(sentence, &words(&passage.sentences[passage.supporting])[..]);
        assert_eq!(example.passage[example.sentence.1], ".");
        let without = example.without_answer();
        assert_eq!(without.is_some(), passage.sentences.len() > 1);
        if let Some(without) = without {
            assert_eq!(without.passage.len() + sentence.len() + 1, example.passage.len());
        }
    }
}

#[test]
fn every_parameter_learns_but_the_matrix_that_meets_zeros() {
    let task = task(&ReadingRecipe { bidirectional: true, ..tiny() });
    let examples: Vec<&Example> = task.data.train.iter().collect();
    let batch = Batch::new(&examples, &task.data.vocabulary, Device::Cpu);
    task.model.read(&batch, &ForwardContext::training(1, 1, 0)).cost(&batch).backward();
    let mut silent = Vec::new();
    for (name, tensor) in task.parameters.named() {
        let gradient = tensor.grad();
        assert!(gradient.defined(), "{name}");
        if gradient.abs().max().double_value(&[]) == 0.0 {
            silent.push(name);
        }
    }
    // The answer's LSTM steps once, from a state of zeros; its query is a bias-free map of the state.
    assert_eq!(silent, ["answer.cell.weight_hh_l0"]);
}

#[test]
fn what_stands_beside_it_in_a_batch_changes_no_answer() {
    let task = task(&tiny());
    let pass = ForwardContext::evaluation();
    let all: Vec<&Example> = task.data.test.iter().collect();
    let together = Batch::new(&all, &task.data.vocabulary, Device::Cpu);
    let together = task.model.read(&together, &pass).probabilities(&together).unwrap();
    for (example, expected) in all.into_iter().zip(together) {
        let alone = Batch::new(&[example], &task.data.vocabulary, Device::Cpu);
        let found = task.model.read(&alone, &pass).probabilities(&alone).unwrap().remove(0);
        for (found, expected) in found.iter().zip(&expected) {
            assert!((expected.iter().sum::<f64>() - 1.0).abs() < 1e-5);
            assert!(found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5));
        }
    }
}

#[test]
fn the_cost_is_that_of_the_right_ends() {
    let task = task(&tiny());
    let examples: Vec<&Example> = task.data.test.iter().collect();
    let batch = Batch::new(&examples, &task.data.vocabulary, Device::Cpu);
    let read = task.model.read(&batch, &ForwardContext::evaluation());
    let expected: f64 = (read.probabilities(&batch).unwrap().iter().zip(&examples))
        .map(|([starts, ends], example)| -(starts[example.span.0] * ends[example.span.1]).ln())
        .sum();
    assert!((read.cost(&batch).sum(Kind::Double).double_value(&[]) - expected).abs() < 1e-3);
}

#[test]
fn epochs_hold_every_question_once_and_depend_on_seed_and_number() {
    let task = task(&ReadingRecipe { passages: 50, ..tiny() });
    let epoch = task.data.epoch(4, 1, 2);
    let mut all: Vec<usize> = epoch.concat();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..50));
    assert!(epoch == task.data.epoch(4, 1, 2) && epoch != task.data.epoch(4, 1, 3) && epoch != task.data.epoch(4, 2, 2));
}

/// A handful of short passages is learned: chance would be right in one of a hundred spans.
#[test]
fn a_few_seconds_teach_it_something() {
    let recipe = ReadingRecipe { passages: 24, fewest: 1, most: 1, embedding: 16, hidden: 16, batch: 8, tested: 4, ..tiny() };
    let mut task = task(&recipe);
    let before = share(task.answer(&task.data.train).unwrap().exact);
    let training = TrainingRecipe {
        optimizer: OptimizerRecipe::Adam(AdamRecipe { learning_rate: 0.01, ..AdamRecipe::default() }),
        updates: Some(90),
        validate_every: 90,
        metric: Metric::Loss,
        pictures: 0,
        ..TrainingRecipe::default()
    };
    let place = tempfile::tempdir().unwrap();
    let interrupt = Interrupt::new();
    let options = TrainOptions { resume: false, interrupt: &interrupt, display: Display::Silent, begun: &|| Ok(()) };
    train(&mut task, &training, 1, &RunFolder::open(place.path()).unwrap(), options).unwrap();
    let after = share(task.answer(&task.data.train).unwrap().exact);
    assert!(before < 0.3 && after > 0.7, "{before} {after}");
}

const STORIES: &str = "1 Ada walked to the mill.\n2 Ben slept.\n3 Ada went back to the harbour.\n4 Where is Ada? \tharbour\t3\n\
                       5 Cem ran.\n6 Does Ada sleep?\tno\t3\n7 Where was Ada first?\tmill\t1\n";

fn folder(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for part in ["train", "test"] {
        fs::write(folder.path().join(format!("qa1_walks_{part}.txt")), text).unwrap();
    }
    folder
}

fn babi(folder: &Path, sentences: usize) -> ReadingRecipe {
    ReadingRecipe { folder: Some(folder.to_owned()), tasks: vec![1], sentences, held_out: 0.5, ..tiny() }
}

#[test]
fn answers_of_stories_are_where_the_supporting_sentence_says_them() {
    let folder = folder(STORIES);
    let data = Data::new(&babi(folder.path(), 10), 1).unwrap();
    let test: Vec<(String, String)> = data.test.iter().map(|example| (example.question.join(" "), example.answer())).collect();
    let pair = |question: &str, answer: &str| (question.to_owned(), answer.to_owned());
    assert_eq!(test, [pair("where is ada", "harbour"), pair("where was ada first", "mill")]);
    assert_eq!(data.test[0].passage.join(" "), "ada walked to the mill . ben slept . ada went back to the harbour .");
    assert_eq!((data.test[0].span, data.test[0].sentence), ((14, 14), (9, 15)));
    assert_eq!((data.train.len(), data.held_out.len(), data.left_out), (1, 1, 2), "no is not said, in either file");
    // Of the last two sentences none says mill.
    let error = Data::new(&babi(folder.path(), 1), 1).map(drop).unwrap_err().to_string();
    assert!(error.contains("task.reading.sentences"), "{error}");
    let error = format!("{:#}", Data::new(&babi(&folder.path().join("none"), 1), 1).map(drop).unwrap_err());
    assert!(error.contains("expected the bAbI tasks"), "{error}");
}

/// Tasks 1 to 5, 11 to 14 and 16 say every answer; all of their stories kept, none is left out.
#[test]
fn takes_the_real_tasks() {
    let folder = Path::new("../shared/data/babi");
    if !folder.is_dir() {
        crate::runtime::message!("skipped: no {}", folder.display());
        return;
    }
    let recipe = ReadingRecipe { folder: Some(folder.to_owned()), sentences: 300, ..ReadingRecipe::default() };
    let data = Data::new(&recipe, 1).unwrap();
    assert_eq!((data.left_out, data.train.len(), data.held_out.len(), data.test.len()), (0, 9000, 1000, 10_000));
    for example in data.train.iter().chain(&data.test) {
        assert!(example.span.0 == example.span.1 && example.sentence.0 <= example.span.0 && example.span.1 < example.sentence.1);
    }
}
