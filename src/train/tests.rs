//! Whole runs of a small task: an embedding with dropout and a softmax over it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tch::{Kind, Reduction, Tensor};
use tempfile::TempDir;

use super::*;
use crate::nn::{ForwardContext, Initialization, Parameters};
use crate::recipe::{
    AdadeltaRecipe, AdamRecipe, AdamWRecipe, ConstantRecipe, HalvingUnit, InverseSquareRootRecipe, LuongHalvingRecipe, Metric,
    OptimizerRecipe, PlateauRecipe, ScheduleRecipe, SgdRecipe,
};
use crate::runtime::Signal;
use crate::runtime::files::Shown;
use crate::train::{BatchCounts, Loss, Parameter, Validation, ValidationFingerprint};

#[path = "tests_of_crashes.rs"]
mod of_crashes;
#[path = "tests_of_options.rs"]
mod of_options;
#[path = "tests_of_other_validation.rs"]
mod of_other_validation;
#[path = "tests_of_precision.rs"]
mod of_precision;

const WORDS: usize = 24;
const BATCH: usize = 4;
const CLASSES: i64 = 5;
const SEED: u64 = 3;

/// Learns which class each word is of; what a test wants to go wrong goes wrong.
struct Words {
    parameters: BTreeMap<&'static str, Tensor>,
    dropout: f64,
    /// The loss of the batch with this word is not a number; or only its gradient.
    poisoned: Option<(usize, Poison)>,
    /// Scores that validations find, in turn; the loss on all words where there are none.
    scores: RefCell<Vec<f64>>,
    saving: Cell<Saving>,
    /// Raises the flag in the so-many-th batch.
    interrupt_in: Cell<Option<u64>>,
    /// Raises it in the next validation.
    interrupt_validation: Cell<bool>,
    interrupt: Interrupt,
    losses: Cell<u64>,
    /// Whether the largest batches are tried before training.
    tried: bool,
    /// What validations depend on beside the model.
    held_out: &'static str,
}

#[derive(Clone, Copy)]
enum Poison {
    Loss,
    Gradient,
    /// More memory than any machine has.
    Memory,
}

#[derive(Clone, Copy)]
enum Saving {
    Works,
    DiskFull,
    /// The process dies after all was written.
    Dies,
}

fn words(dropout: f64) -> Words {
    // libtorch's generator is one for all tests that run side by side.
    let store = Parameters::new(1, tch::Device::Cpu);
    let start = Initialization::Normal(0.3);
    let tensor = |name: &'static str, size: &[i64]| (name, store.root().tensor(name, size, start).shallow_clone());
    let parameters = [tensor("embedding", &[WORDS as i64, 8]), tensor("weight", &[CLASSES, 8]), tensor("bias", &[CLASSES])];
    Words {
        parameters: parameters.into(),
        dropout,
        poisoned: None,
        scores: RefCell::default(),
        saving: Cell::new(Saving::Works),
        interrupt_in: Cell::default(),
        interrupt_validation: Cell::default(),
        interrupt: Interrupt::new(),
        losses: Cell::default(),
        tried: true,
        held_out: "some",
    }
}

impl Words {
    fn summed_loss(&self, words: &[usize], pass: &ForwardContext) -> Tensor {
        let ids = Tensor::from_slice(&words.iter().map(|&word| word as i64).collect::<Vec<_>>());
        let classes = Tensor::from_slice(&words.iter().map(|&word| (word as i64 * 7 + 3) % CLASSES).collect::<Vec<_>>());
        let embedded = pass.dropout(&Tensor::embedding(&self.parameters["embedding"], &ids, -1, false, false), self.dropout);
        let logits = embedded.linear(&self.parameters["weight"], Some(&self.parameters["bias"]));
        logits.cross_entropy_loss(&classes, None::<Tensor>, Reduction::Sum, -100, 0.0)
    }
}

impl Task for Words {
    type Batch = Vec<usize>;

    fn epoch(&self, seed: u64, epoch: u64) -> Result<Vec<Self::Batch>> {
        // 5 and 24 share no factor: a walk in steps of 5 visits all words, from another start each epoch.
        let order: Vec<usize> = (0..WORDS).map(|i| (i * 5 + (seed + epoch * 11) as usize) % WORDS).collect();
        Ok(order.chunks(BATCH).map(<[usize]>::to_vec).collect())
    }

    fn loss(&mut self, batch: &Self::Batch, pass: &ForwardContext) -> Result<Loss> {
        self.losses.set(self.losses.get() + 1);
        if self.interrupt_in.get() == Some(self.losses.get()) {
            self.interrupt.raise(Signal::Interrupt);
        }
        let count = batch.len() as u64;
        let counts = BatchCounts { terms: count, sequences: count / 2, source_tokens: count, target_tokens: count };
        let mut loss = Loss::of(self.summed_loss(batch, pass), counts);
        match self.poisoned {
            Some((word, Poison::Loss)) if batch.contains(&word) => loss.sums.loss = f64::NAN,
            Some((word, Poison::Memory)) if batch.contains(&word) => {
                drop(Tensor::zeros([1 << 30, 1 << 30], (Kind::Float, tch::Device::Cpu)))
            }
            Some((word, Poison::Gradient)) if batch.contains(&word) => loss.backward *= f64::NAN,
            _ => {}
        }
        Ok(loss)
    }

    fn describe(&self, batch: &Self::Batch) -> String {
        format!("words {batch:?}")
    }

    fn memory_estimate(&self, batch: &Self::Batch) -> Vec<u64> {
        if self.tried { vec![batch.iter().sum::<usize>() as u64, *batch.iter().max().unwrap() as u64] } else { Vec::new() }
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.parameters
            .iter()
            .map(|(name, tensor)| Parameter { name: name.to_string(), tensor: tensor.shallow_clone() })
            .collect()
    }

    fn validate(&mut self, interrupt: &Interrupt) -> Result<Validation> {
        if self.interrupt_validation.get() {
            interrupt.raise(Signal::HangUp);
        }
        interrupt.check()?;
        let all: Vec<usize> = (0..WORDS).collect();
        let mut scores = self.scores.borrow_mut();
        let loss = if scores.is_empty() {
            self.summed_loss(&all, &ForwardContext::evaluation()).double_value(&[]) / WORDS as f64
        } else {
            scores.remove(0)
        };
        Ok(Validation { scores: vec![("loss".into(), loss)], ..Validation::default() })
    }

    fn validation_fingerprint(&self) -> ValidationFingerprint {
        ValidationFingerprint::default().with("validation text", [self.held_out])
    }

    fn pictures(&self, directory: &Path) -> Result<()> {
        Ok(fs::write(directory.join("0.svg"), "<svg/>")?)
    }

    fn save(&self, directory: &Path) -> Result<()> {
        let path = directory.join("model.safetensors");
        if let Saving::DiskFull = self.saving.get() {
            std::os::unix::fs::symlink("/dev/full", &path)?;
        }
        let named: Vec<(&str, Tensor)> = self.parameters.iter().map(|(name, tensor)| (*name, tensor.detach().copy())).collect();
        Tensor::write_safetensors(&named, &path)?;
        if let Saving::Dies = self.saving.get() {
            panic!("killed while saving");
        }
        Ok(())
    }

    fn load(&mut self, directory: &Path) -> Result<()> {
        let path = directory.join("model.safetensors");
        for (name, tensor) in Tensor::read_safetensors(&path).with_context(|| path.shown())? {
            tch::no_grad(|| {
                self.parameters.get_mut(name.as_str()).context("unknown parameter")?.f_copy_(&tensor).map_err(anyhow::Error::from)
            })?;
        }
        Ok(())
    }
}

fn recipe(updates: u64) -> TrainingRecipe {
    TrainingRecipe {
        optimizer: OptimizerRecipe::Adam(AdamRecipe { learning_rate: 0.05, ..AdamRecipe::default() }),
        updates: Some(updates),
        validate_every: 5,
        metric: Metric::Loss,
        log_every: 1,
        ..TrainingRecipe::default()
    }
}

fn run(task: &mut Words, recipe: &TrainingRecipe, folder: &Path, resume: bool) -> Result<Outcome> {
    run_seeded(task, recipe, SEED, folder, resume)
}

fn run_seeded(task: &mut Words, recipe: &TrainingRecipe, seed: u64, folder: &Path, resume: bool) -> Result<Outcome> {
    let (folder, interrupt) = (RunFolder::open(folder)?, task.interrupt.clone());
    train(
        task,
        recipe,
        seed,
        &folder,
        TrainOptions { resume, interrupt: &interrupt, display: Display::Silent, begun: &|| Ok(()) },
    )
}

/// A folder in memory where there is one: syncing to a disk would take most of these tests' time.
fn place() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// Weights and moments after `update` updates, as bytes.
fn bytes(folder: &TempDir, update: u64) -> [Vec<u8>; 2] {
    let checkpoint = folder.path().join(format!("step-{update:08}"));
    ["model.safetensors", "training.safetensors"].map(|name| fs::read(checkpoint.join(name)).unwrap())
}

/// What twenty updates without a stop end with.
fn straight(recipe: &TrainingRecipe) -> [Vec<u8>; 2] {
    let folder = place();
    run(&mut words(0.3), recipe, folder.path(), false).unwrap();
    bytes(&folder, 20)
}

fn checkpoints(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.filter(|name| name.contains("step-")).collect();
    names.sort();
    names
}

fn link(folder: &TempDir, name: &str) -> String {
    fs::read_link(folder.path().join(name)).unwrap().to_str().unwrap().to_owned()
}

fn logged(folder: &TempDir, kind: &str) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(folder.path().join("log.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|entry| entry["kind"] == kind)
        .collect()
}

#[test]
fn every_optimizer_learns() {
    for (optimizer, updates) in [
        (OptimizerRecipe::Sgd(SgdRecipe { learning_rate: 1.0, momentum: 0.0 }), 300),
        (OptimizerRecipe::Sgd(SgdRecipe { learning_rate: 0.3, momentum: 0.9 }), 150),
        (OptimizerRecipe::Adadelta(AdadeltaRecipe { learning_rate: 20.0, ..AdadeltaRecipe::default() }), 300),
        (OptimizerRecipe::Adam(AdamRecipe { learning_rate: 0.05, ..AdamRecipe::default() }), 120),
        (OptimizerRecipe::AdamW(AdamWRecipe { learning_rate: 0.05, ..AdamWRecipe::default() }), 120),
    ] {
        let folder = place();
        let recipe = TrainingRecipe { optimizer, validate_every: updates, ..recipe(updates) };
        let outcome = run(&mut words(0.0), &recipe, folder.path(), false).unwrap();
        let loss = outcome.best.unwrap().score(Metric::Loss).unwrap();
        assert!(loss < 0.1, "{optimizer:?}: loss {loss}");
        assert_eq!((outcome.stop, outcome.update), (Stop::Updates, updates));
    }
}

#[test]
fn ten_and_ten_updates_equal_twenty_bit_for_bit() {
    let optimizers = [
        OptimizerRecipe::Sgd(SgdRecipe { learning_rate: 0.5, momentum: 0.0 }),
        OptimizerRecipe::Sgd(SgdRecipe { learning_rate: 0.5, momentum: 0.9 }),
        OptimizerRecipe::Adadelta(AdadeltaRecipe::default()),
        OptimizerRecipe::Adam(AdamRecipe::default()),
        OptimizerRecipe::AdamW(AdamWRecipe::default()),
    ];
    let schedules = [
        ScheduleRecipe::Plateau(PlateauRecipe { factor: 0.5, patience: 1, minimum: 0.0 }),
        ScheduleRecipe::Constant(ConstantRecipe { warmup: 15 }),
        ScheduleRecipe::LuongHalving(LuongHalvingRecipe { after: 1, every: 1, unit: HalvingUnit::Epochs }),
        ScheduleRecipe::InverseSquareRoot(InverseSquareRootRecipe { warmup: 5 }),
    ];
    // Six batches an epoch: the tenth update ends in the middle of one, or with the shorter last update of one.
    for (index, optimizer) in optimizers.into_iter().enumerate() {
        for accumulate in [1, 4] {
            let schedule = schedules[index % schedules.len()];
            let validate_every = if index == 0 { 5 } else { 10 };
            let whole = TrainingRecipe { optimizer, schedule, accumulate, validate_every, ..recipe(20) };
            let folder = place();
            run(&mut words(0.3), &TrainingRecipe { updates: Some(10), ..whole.clone() }, folder.path(), false).unwrap();
            let outcome = run(&mut words(0.3), &whole, folder.path(), true).unwrap();
            assert_eq!(outcome.update, 20);
            assert!(bytes(&folder, 20) == straight(&whole), "{optimizer:?}, accumulate {accumulate}");
        }
    }
}

#[test]
fn an_interrupt_saves_and_stops_and_changes_nothing() {
    for (accumulate, batch, update) in [(1, 3, 3), (1, 6, 6), (4, 15, 5), (4, 14, 5)] {
        let whole = TrainingRecipe { accumulate, ..recipe(20) };
        let folder = place();
        // The batches that are tried before would count.
        let mut task = Words { tried: false, ..words(0.3) };
        task.interrupt_in.set(Some(batch));
        let outcome = run(&mut task, &whole, folder.path(), false).unwrap();
        assert_eq!((outcome.stop, outcome.update), (Stop::Interrupted, update), "accumulate {accumulate}");
        assert_eq!(link(&folder, "last"), format!("step-{update:08}"));
        let validations = logged(&folder, "validation").len() as u64;
        assert_eq!(validations, (update - 1) / 5, "an interrupted run does not wait for its validation");
        run(&mut words(0.3), &whole, folder.path(), true).unwrap();
        assert!(bytes(&folder, 20) == straight(&whole), "interrupted in batch {batch}");
    }
    // In a validation, also in the one at the end: it is made up for.
    for updates in [20, 5, 7] {
        let (folder, mut task) = (place(), words(0.3));
        task.interrupt_validation.set(true);
        let outcome = run(&mut task, &recipe(updates), folder.path(), false).unwrap();
        assert_eq!(outcome.update, 5);
        assert!(logged(&folder, "validation").is_empty() && checkpoints(&folder) == ["step-00000005"]);
        run(&mut words(0.3), &recipe(20), folder.path(), true).unwrap();
        assert!(bytes(&folder, 20) == straight(&recipe(20)), "{updates} updates");
        assert_eq!(logged(&folder, "validation").len(), 4);
    }
    // Before the first update there is nothing to save.
    let (folder, mut task) = (place(), words(0.3));
    task.interrupt.raise(Signal::Terminate);
    assert_eq!(run(&mut task, &recipe(20), folder.path(), false).unwrap().update, 0);
    assert!(checkpoints(&folder).is_empty());
}

#[test]
fn dropout_and_order_depend_on_the_seed() {
    let (one, two) = (place(), place());
    run(&mut words(0.3), &recipe(20), one.path(), false).unwrap();
    run_seeded(&mut words(0.3), &recipe(20), SEED + WORDS as u64, two.path(), false).unwrap();
    assert!(bytes(&one, 20) != bytes(&two, 20), "the same order of data, other dropout");
    let error = run_seeded(&mut words(0.3), &recipe(30), SEED + 1, one.path(), true).unwrap_err().to_string();
    assert!(error.contains("was trained with seed 3, the recipe says 4"), "{error}");
    assert_eq!(checkpoints(&one), ["step-00000015", "step-00000020"], "nothing is set aside for that");
}

#[test]
fn the_best_stay_and_patience_ends_the_run() {
    let folder = place();
    let recipe = TrainingRecipe { patience: Some(4), keep_best: 2, keep_last: 1, ..recipe(1000) };
    let mut task = words(0.3);
    task.scores = RefCell::new(vec![3.0, 1.0, 2.0, 1.5, f64::NAN, 2.5, 9.0]);
    let outcome = run(&mut task, &recipe, folder.path(), false).unwrap();
    assert_eq!((outcome.stop, outcome.update), (Stop::Patience, 30));
    assert_eq!(outcome.best.unwrap().update, 10);
    assert_eq!(checkpoints(&folder), ["step-00000010", "step-00000020", "step-00000030"]);
    assert_eq!((link(&folder, "best"), link(&folder, "last")), ("step-00000010".into(), "step-00000030".into()));
    assert!(folder.path().join("heatmaps/step-00000015/0.svg").exists());
    // Resuming remembers the patience; more of it goes on.
    assert_eq!(run(&mut words(0.3), &recipe, folder.path(), true).unwrap().update, 30);
    let more = TrainingRecipe { patience: Some(5), ..recipe };
    let mut task = words(0.3);
    task.scores = RefCell::new(vec![7.0, 9.0]);
    assert_eq!(run(&mut task, &more, folder.path(), true).unwrap().update, 35);
}

#[test]
fn what_is_not_a_number_stops_the_run_and_is_named() {
    for (poison, accumulate, expected) in [
        (Poison::Loss, 1, "update 8, epoch 2, batch 2 (words [10, 15, 20, 1]): the loss is NaN"),
        (Poison::Gradient, 1, "update 8, epoch 2, batch 2 (words [10, 15, 20, 1]): the norm of the gradients is NaN"),
        (Poison::Gradient, 2, "update 4, epoch 2, batch 1 (words [14, 19, 0, 5]), batch 2 (words [10, 15, 20, 1]): the norm"),
    ] {
        let folder = place();
        let first = TrainingRecipe { epochs: Some(1), validate_every: 5, accumulate, ..recipe(100) };
        run(&mut words(0.3), &first, folder.path(), false).unwrap();
        let before = checkpoints(&folder);
        let newest = before.last().unwrap()[5..].parse().unwrap();
        let content = bytes(&folder, newest);
        let mut task = words(0.3);
        task.poisoned = Some((20, poison));
        let error = format!("{:#}", run(&mut task, &TrainingRecipe { epochs: None, ..first }, folder.path(), true).unwrap_err());
        for part in [expected, &format!("step-{newest:08}"), "learning_rate", "--resume"] {
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(checkpoints(&folder), before);
        assert!(bytes(&folder, newest) == content);
    }
}

#[test]
fn a_run_folder_is_not_trained_over() {
    let folder = place();
    // Resuming what never saved anything is starting.
    run(&mut words(0.3), &recipe(5), folder.path(), true).unwrap();
    let error = run(&mut words(0.3), &recipe(5), folder.path(), false).unwrap_err().to_string();
    assert!(error.contains("has checkpoints up to update 5; go on with --resume"), "{error}");
}

#[test]
fn limits_count_over_resumed_parts() {
    let folder = place();
    let limited = TrainingRecipe { epochs: Some(2), updates: None, minutes: Some(10.0), ..recipe(0) };
    let outcome = run(&mut words(0.3), &limited, folder.path(), false).unwrap();
    assert_eq!((outcome.stop, outcome.update), (Stop::Epochs, 12));
    assert_eq!(logged(&folder, "validation").len(), 3, "the end between two validations has one of its own");
    let path = folder.path().join("last/training.json");
    let mut state: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    state["elapsed_seconds"] = json!(600.5);
    fs::write(&path, state.to_string()).unwrap();
    crate::checksum::write_checksums(&folder.path().join("last")).unwrap();
    let outcome = run(&mut words(0.3), &TrainingRecipe { epochs: Some(5), ..limited }, folder.path(), true).unwrap();
    assert_eq!((outcome.stop, outcome.update), (Stop::Minutes, 12));
    assert!(outcome.elapsed_seconds >= 600.5);
}

#[test]
fn a_metric_that_validation_does_not_give_is_an_error_that_costs_nothing() {
    let folder = place();
    let error = run(&mut words(0.3), &TrainingRecipe { metric: Metric::Aer, ..recipe(20) }, folder.path(), false).unwrap_err();
    assert!(error.to_string().contains("training.metric is aer, but validation gives loss"), "{error}");
    run(&mut words(0.3), &recipe(20), folder.path(), true).unwrap();
    assert!(bytes(&folder, 20) == straight(&recipe(20)));
}

#[test]
fn sums_are_divided_by_what_the_recipe_says() {
    // Plain SGD without clipping moves by rate × gradient / divisor; two words are a sequence here.
    for (normalise, accumulate, words_in_a_unit) in
        [(Normalise::Tokens, 1, 1.0), (Normalise::Tokens, 3, 1.0), (Normalise::Sentences, 1, 2.0), (Normalise::Sentences, 3, 2.0)]
    {
        let folder = place();
        let optimizer = OptimizerRecipe::Sgd(SgdRecipe { learning_rate: 0.5, momentum: 0.0 });
        let recipe = TrainingRecipe { optimizer, clip_norm: 0.0, normalise, accumulate, validate_every: 1, ..recipe(1) };
        let mut task = words(0.0);
        let bias = task.parameters["bias"].shallow_clone();
        let before = bias.detach().copy();
        let words = task.epoch(SEED, 0).unwrap()[..accumulate].concat();
        let loss = task.summed_loss(&words, &ForwardContext::evaluation()) / words.len() as f64 * words_in_a_unit;
        let gradient = Tensor::run_backward(&[loss], &[&bias], false, false).remove(0);
        run(&mut task, &recipe, folder.path(), false).unwrap();
        assert!(bias.detach().allclose(&(before - gradient * 0.5), 1e-5, 1e-6, false), "{normalise:?}, accumulate {accumulate}");
    }
}
