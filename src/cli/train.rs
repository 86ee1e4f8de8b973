//! `targum train`: a recipe becomes a run folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use tch::Device;

use super::device::DeviceArguments;
use super::start::{RECIPE, open, started, with_recipe};
use super::study;
use super::verify::VerifyArguments;
use crate::checkpoint::{Checkpoint, Tokenizers};
use crate::checksum::Verify;
use crate::recipe::{Origin, Recipe, StudyRecipe};
use crate::report::{Display, HumanCount};
use crate::runtime::{core_count, libtorch};
use crate::tasks::translation::{Evaluation, HeldOut, TranslationTask};
use crate::train::{Outcome, RunFolder, Stop, Task, TrainOptions, install_interrupt_handler, train};
use crate::translator::Translator;

/// Arguments of `targum train`.
#[derive(Args)]
pub struct Arguments {
    /// A recipe (TOML), or a run folder to go on with.
    recipe: PathBuf,
    /// The run folder; checkpoints/NAME unless given.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Overrides a key of the recipe, such as training.batch_tokens=2048; again for each further one.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
    /// Start from the weights, the tokenizers and the model of this checkpoint or run folder (fine-tuning).
    #[arg(long, value_name = "MODEL", conflicts_with = "resume")]
    pub(super) init: Option<PathBuf>,
    /// Go on from the newest checkpoint of the run folder.
    #[arg(long)]
    pub(super) resume: bool,
    /// Print the recipe with all its defaults, and stop.
    #[arg(long)]
    pub(super) print_recipe: bool,
    #[command(flatten)]
    pub(super) device: DeviceArguments,
    #[command(flatten)]
    pub(super) verify: VerifyArguments,
}

impl Arguments {
    /// The run folder of a recipe of this name.
    pub(super) fn out(&self, name: &str) -> PathBuf {
        match &self.out {
            Some(out) => out.clone(),
            None if self.recipe.is_dir() => self.recipe.clone(),
            None => Path::new("checkpoints").join(name),
        }
    }
}

pub fn run(arguments: Arguments) -> Result<()> {
    let of_run = arguments.recipe.is_dir();
    let file = if of_run { arguments.recipe.join(RECIPE) } else { arguments.recipe.clone() };
    if StudyRecipe::is_in(&file) {
        return study::run(&arguments, &file);
    }
    let verify = arguments.verify.verify();
    let mut settings = arguments.set.clone();
    settings.extend(arguments.init.as_ref().map(|init| format!("init={}", toml::Value::from(init.display().to_string()))));
    // A run's own recipe has its model in full, wherever that came from.
    let init = if of_run && arguments.init.is_none() { None } else { Recipe::init_of(&file, &settings) };
    let mut recipe = match init {
        Some(init) => Recipe::load_with_origin(&file, &settings, &origin(&init, verify)?)?,
        None => Recipe::load(&file, &settings)?,
    };
    if arguments.print_recipe {
        print!("{}", recipe.to_toml()?);
        return Ok(());
    }
    let out = arguments.out(&recipe.name);
    if arguments.resume {
        recipe = started(recipe, &file, &out, |file| Recipe::load(file, &arguments.set))?;
    }
    recipe.check_paths(&file)?;
    let device = arguments.device.choose()?;
    // What is broken in it must not come up when training is over.
    let test = recipe.data.test.as_ref().map(|test| HeldOut::read(&recipe.data, test, None)).transpose()?;
    // Before the folder is made; what is gone on with, if anything, is known only after that.
    if !arguments.resume {
        compare_origin(&recipe, verify)?;
    }
    let (folder, resume) = open(&out, arguments.resume)?;
    if arguments.resume && !resume {
        compare_origin(&recipe, verify)?;
    }
    let folder = folder.verifying(verify);
    let outcome = with_recipe(&recipe.to_toml()?, &folder, resume, || train_model(&recipe, &folder, resume, device))?;
    if outcome.stop == Stop::Interrupted {
        return Ok(());
    }
    conclude(&recipe, test.as_ref(), &folder, device)
}

/// Whether the checkpoint that a run starts from is as it was written: what is taken from it is read where it is needed.
fn compare_origin(recipe: &Recipe, verify: Verify) -> Result<()> {
    let Some(init) = &recipe.init else { return Ok(()) };
    let origin = Checkpoint::open(init, verify)?;
    origin.described().and_then(|_| origin.weights()).map(drop)
}

/// What a checkpoint fixes for a run that starts from it.
fn origin(init: &Path, verify: Verify) -> Result<Origin> {
    let checkpoint = Checkpoint::open(init, verify)?;
    let (config, tokenizers) = checkpoint.described()?;
    Ok(Origin {
        name: checkpoint.folder().display().to_string(),
        model: config.model,
        lowercase: config.lowercase,
        joint: matches!(tokenizers, Tokenizers::Joint(_)),
        vocabularies: (tokenizers.source().size(), tokenizers.target().size()),
        source_prefix: config.source_prefix,
    })
}

fn train_model(recipe: &Recipe, folder: &RunFolder, resume: bool, device: Device) -> Result<Outcome> {
    let mut task = TranslationTask::prepare(recipe, folder.path(), resume, device)?;
    introduce(recipe, &task, device);
    if let (Some(init), false) = (&recipe.init, resume) {
        eprintln!("weights, tokenizers and model from {}", init.display());
    }
    let interrupt = install_interrupt_handler()?;
    let options = TrainOptions { resume, interrupt: &interrupt, display: Display::detect() };
    train(&mut task, &recipe.training, recipe.seed, folder, options)
}

fn introduce(recipe: &Recipe, task: &TranslationTask, device: Device) {
    let parameters: usize = task.parameters().iter().map(|parameter| parameter.tensor.numel()).sum();
    eprintln!("{}", machine(device, recipe.seed));
    eprintln!("{} parameters; {}", HumanCount(parameters as u64), task.summary());
}

/// "Targum 0.1.0, libtorch 2.11.0, Cpu, 2 threads of 2 cores, seed 1".
pub(super) fn machine(device: Device, seed: u64) -> String {
    format!(
        "Targum {}, libtorch {}, {device:?}, {} threads of {} cores, seed {seed}",
        env!("CARGO_PKG_VERSION"),
        libtorch().version.as_deref().unwrap_or("unknown"),
        tch::get_num_threads(),
        core_count(),
    )
}

/// Scores the best checkpoint on the test set, and says what to try next.
fn conclude(recipe: &Recipe, test: Option<&HeldOut>, folder: &RunFolder, device: Device) -> Result<()> {
    let translator = Translator::load_with(folder.path(), device, folder.verify())?;
    let folder = folder.path();
    if let Some(test) = test {
        let evaluation = test.evaluate(&translator, &translator.translate_options(), None)?;
        print_scores(&evaluation);
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            std::fs::write(&path, text).with_context(|| format!("{}: cannot write", path.display()))
        };
        write("test.json", serde_json::to_string_pretty(&evaluation)? + "\n")?;
        write(&format!("test.{}", recipe.data.target), evaluation.hypotheses.iter().map(|line| format!("{line}\n")).collect())?;
    }
    let model = folder.display();
    let program = std::env::args().next().unwrap_or_else(|| "targum".into());
    let shown = if translator.model.attends() { " --alignment --heatmaps heatmaps" } else { "" };
    eprintln!("\nNext: echo 'a sentence' | {program} translate --model {model}{shown}");
    if translator.model.attends() {
        eprintln!("Attention while it formed: {model}/heatmaps");
    }
    Ok(())
}

fn print_scores(evaluation: &Evaluation) {
    println!("{}\n{}\n{}", evaluation.bleu, evaluation.chrf, evaluation.ter);
    println!("perplexity = {:.3}", evaluation.perplexity);
    if let Some(aer) = evaluation.aer {
        println!("AER = {aer:.4}");
    }
}
