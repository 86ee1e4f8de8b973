//! `targum train`: a recipe becomes a run folder.

use std::path::Path;

use anyhow::{Context, Result};
use tch::Device;

use super::start::{RECIPE, START_UP, ensure_apart, ensure_same_model, keep_recipe, open, started};
use super::study;
use super::train_arguments::{TrainArguments, machine};
use crate::checkpoint::{Checkpoint, Tokenizers, locate};
use crate::checksum::Verify;
use crate::input::set_maximum_line_bytes;
use crate::recipe::{Origin, Recipe, RecipeText};
use crate::report::{Display, HumanCount};
use crate::runtime::files::{self, Shown};
use crate::runtime::{Interrupt, end_on_signal, message, print};
use crate::tasks::translation::{Evaluation, HeldOut, TranslationTask};
use crate::train::{Outcome, RunFolder, Task, TrainOptions, train};
use crate::translator::Translator;

pub fn run(arguments: TrainArguments) -> Result<()> {
    let of_run = arguments.recipe.is_dir();
    let file = if of_run { arguments.recipe.join(RECIPE) } else { arguments.recipe.clone() };
    let text = RecipeText::read(&file)?;
    if text.is_of_study() {
        return study::run(&arguments, &text);
    }
    let verify = arguments.verify.verify();
    let mut settings = arguments.set.clone();
    if let Some(init) = &arguments.init {
        let name = init.to_str().with_context(|| {
            format!("--init: {} is no UTF-8, and the run's recipe has to name it; name it by a link", init.shown())
        })?;
        settings.push(format!("init={}", toml::Value::from(name)));
    }
    // A run's own recipe has its model in full, wherever that came from.
    let init = if of_run && arguments.init.is_none() { None } else { text.init(&settings) };
    let mut recipe = match init {
        Some(init) => Recipe::of_text(&text, &settings, Some(&origin(&init, verify)?))?,
        None => Recipe::of_text(&text, &settings, None)?,
    };
    if arguments.print_recipe {
        return Ok(print(&recipe.to_toml()?)?);
    }
    let out = arguments.run_folder(&recipe.name);
    if arguments.resume {
        recipe = started(recipe, &file, &out, !arguments.set.is_empty(), |file| Recipe::load(file, &arguments.set))?;
    }
    recipe.check_paths(&file)?;
    ensure_apart(&recipe, &out)?;
    let _ends = end_on_signal(START_UP);
    set_maximum_line_bytes(recipe.data.maximum_line_bytes);
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
    if resume {
        ensure_same_model(&recipe, &out)?;
    }
    let folder = folder.verifying(verify);
    let interrupt = Interrupt::new();
    let begun = keep_recipe(recipe.to_toml()?, &folder, resume)?;
    let options = TrainOptions { resume, interrupt: &interrupt, display: Display::detect(), begun: &begun };
    train_model(&recipe, &folder, device, options)?;
    interrupt.check()?;
    let _ends = end_on_signal("the trained model is saved; --resume tests it");
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
        name: checkpoint.folder().shown(),
        model: config.model,
        lowercase: config.lowercase,
        joint: matches!(tokenizers, Tokenizers::Joint(_)),
        vocabularies: (tokenizers.source().size(), tokenizers.target().size()),
        source_prefix: config.source_prefix,
    })
}

fn train_model(recipe: &Recipe, folder: &RunFolder, device: Device, options: TrainOptions) -> Result<Outcome> {
    let resume = options.resume;
    let mut task = TranslationTask::prepare(recipe, folder.path(), resume, device)?;
    introduce(recipe, &task, device);
    if let (Some(init), false) = (&recipe.init, resume) {
        message!("weights, tokenizers and model from {}", init.shown());
    }
    train(&mut task, &recipe.training, recipe.seed, folder, options)
}

fn introduce(recipe: &Recipe, task: &TranslationTask, device: Device) {
    let parameters: usize = task.parameters().iter().map(|parameter| parameter.tensor.numel()).sum();
    message!("{}", machine(device, recipe.seed));
    message!("{} parameters; {}", HumanCount(parameters as u64), task.summary());
}

/// Scores the best checkpoint on the test set, and says what to try next.
fn conclude(recipe: &Recipe, test: Option<&HeldOut>, folder: &RunFolder, device: Device) -> Result<()> {
    let translator = Translator::load_with(folder.path(), device, folder.verify())?;
    let folder = folder.path();
    if let Some(test) = test {
        let evaluation = test.evaluate(&translator, &translator.translate_options(), None)?;
        files::write(&folder.join("test.json"), serde_json::to_string_pretty(&evaluation)? + "\n")?;
        let lines: String = evaluation.hypotheses.iter().map(|line| format!("{line}\n")).collect();
        files::write(&folder.join(format!("test.{}", recipe.data.target)), lines)?;
        tell_counts(&evaluation);
        message!("{}: {} sentences of the test set", locate(folder)?.shown(), evaluation.hypotheses.len());
        // Whoever reads on or not: the files are written.
        print(&scores(&evaluation))?;
    }
    let model = folder.shown();
    let program = std::env::args_os().next().map_or_else(|| "targum".to_owned(), |program| Path::new(&program).shown());
    let shown = if translator.model.attends() { " --alignment --heatmaps heatmaps" } else { "" };
    message!("\nNext: echo 'a sentence' | {program} translate --model {model}{shown}");
    if translator.model.attends() {
        message!("Attention while it formed: {model}/heatmaps");
    }
    Ok(())
}

fn scores(evaluation: &Evaluation) -> String {
    let Evaluation { bleu, chrf, ter, perplexity, aer, .. } = evaluation;
    let aer = aer.map_or_else(String::new, |aer| format!("AER = {aer:.4}\n"));
    format!("{bleu}\n{chrf}\n{ter}\nperplexity = {perplexity:.3}\n{aer}")
}

/// What the scores do not show.
fn tell_counts(evaluation: &Evaluation) {
    if evaluation.cut_lines > 0 {
        let (cut, all) = (evaluation.cut_lines, evaluation.hypotheses.len());
        message!("the length limit cut off {cut} of {all} translations of the test set, or what would have been better ones");
    }
    if evaluation.long_pairs > 0 {
        message!(
            "{} pairs of the test set are longer than the model is made for: translated in parts, left out of perplexity and AER",
            evaluation.long_pairs
        );
    }
}
