//! `make bench`: training tokens/s and translation sentences/s of every recurrent model, each in a process of its own so that its peak
//! memory is its own. On Multi30k where data/multi30k is, else on the built-in corpus. Untrained weights: what is measured is work, not
//! quality, and translations run to the references' lengths.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use targum::nn::ForwardContext;
use targum::recipe::{LengthLimit, Recipe, SearchRecipe};
use targum::report::{HumanBytes, peak_memory};
use targum::search::SearchOptions;
use targum::tasks::translation::{HeldOut, TranslationTask};
use targum::train::{FlatParameters, Optimizer, Task, clip};
use tch::Device;

// As the program does.
targum::answer_mkl!();

/// Models by name, as settings over the recipe of Luong's.
const MODELS: &[(&str, &[&str])] = &[
    ("no attention", &["model.recurrent.decoder.kind=none"]),
    ("Bahdanau GRU", &["cell=gru", "model.recurrent.decoder.kind=bahdanau", "model.recurrent.attention.score=additive"]),
    ("Luong global, input feeding", &["model.recurrent.decoder.input_feeding=true"]),
    ("Luong global", &[]),
    ("Luong local-m", &["model.recurrent.attention.choice=local-m"]),
    ("Luong local-p", &["model.recurrent.attention.choice=local-p"]),
    ("Luong concat", &["model.recurrent.attention.score=concat"]),
    ("Luong location", &["model.recurrent.attention.score=location"]),
];

const WARM_UP: usize = 3;

fn main() -> Result<()> {
    targum::runtime::keep_memory();
    targum::runtime::libtorch();
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.first().map(String::as_str) {
        Some("--one") => measure(&arguments[1], arguments[2].parse()?, arguments[3].parse()?),
        Some(updates) => compare(updates.parse().context("expected: make bench, or the number of updates to measure")?),
        None => compare(20),
    }
}

fn compare(updates: usize) -> Result<()> {
    println!(
        "| model | threads | parameters | training, source + target tokens/s | greedy sentences/s | beam 5 sentences/s | peak memory |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for threads in [1, targum::runtime::core_count()] {
        for (name, _) in MODELS {
            let status = Command::new(std::env::current_exe()?)
                .args(["--one", name, &updates.to_string(), &threads.to_string()])
                .status()?;
            if !status.success() {
                bail!("{name}: the measurement ended with {status}");
            }
        }
    }
    Ok(())
}

fn recipe(name: &str) -> Result<Recipe> {
    let (_, settings) = MODELS.iter().find(|(model, _)| *model == name).with_context(|| format!("no model {name}"))?;
    let multi30k = std::path::Path::new("data/multi30k/train.de").exists();
    let (folder, target, test) =
        if multi30k { ("data/multi30k", "de", "test_2016_flickr") } else { ("data/synth", "fr", "test") };
    let attends = !settings.iter().any(|setting| setting.ends_with("kind=none"));
    let attention = if attends { "[model.recurrent.attention]\nscore = \"general\"\n" } else { "" };
    let text = format!(
        "name = \"bench\"\n[data]\nsource = \"en\"\ntarget = \"{target}\"\ntrain = \"{folder}/train\"\n\
         validation = \"{folder}/validation\"\ntest = \"{folder}/{test}\"\n[tokenizer]\nsize = 8000\nlowercase = true\n\
         [model.recurrent]\nembedding = 256\nhidden = 256\ndropout = 0.3\n[model.recurrent.decoder]\nkind = \"luong\"\nhidden = 512\n\
         {attention}[training]\nepochs = 1\nbatch_tokens = 4096\n"
    );
    let file = tempfile::Builder::new().suffix(".toml").tempfile()?;
    std::fs::write(file.path(), text)?;
    let settings: Vec<String> = settings.iter().map(|setting| setting.replace("cell=", "model.recurrent.cell=")).collect();
    Recipe::load(file.path(), &settings)
}

fn measure(name: &str, updates: usize, threads: usize) -> Result<()> {
    targum::runtime::set_threads(Some(threads));
    let recipe = recipe(name)?;
    let folder = tempfile::tempdir()?;
    let mut task = TranslationTask::prepare(&recipe, folder.path(), false, Device::Cpu)?;
    let parameters = FlatParameters::new(task.parameters())?;
    let mut optimizer = Optimizer::new(recipe.training.optimizer, &parameters);
    let batches = task.epoch(1, 0)?;
    let (mut source, mut target) = (0, 0);
    let mut start = Instant::now();
    for (update, batch) in batches.iter().cycle().take(WARM_UP + updates).enumerate() {
        if update == WARM_UP {
            (source, target, start) = (0, 0, Instant::now());
        }
        let loss = task.loss(batch, &ForwardContext::training(1, update as u64, 0))?;
        loss.backward.backward();
        let clipped = clip(&parameters.gradients(), loss.sums.counts.terms as f64, recipe.training.clip_norm);
        optimizer.step(&parameters, clipped.scale, 1e-4, update as u64 + 1);
        source += loss.sums.counts.source_tokens;
        target += loss.sums.counts.target_tokens;
    }
    let seconds = start.elapsed().as_secs_f64();

    let test = recipe.data.test.as_ref().context("the bench recipe has a test set")?;
    let held_out = HeldOut::read(&recipe.data, test, Some(200))?;
    let sources: Vec<&str> = held_out.sources.iter().map(String::as_str).collect();
    let speed = |beam: usize| -> Result<f64> {
        let mut options = task.translator.translate_options();
        // An untrained model would stop at once or never: every translation gets as long as its source.
        options.search = SearchOptions {
            suppressed: vec![3],
            length_limit: LengthLimit { ratio: 1.0, offset: 0 },
            recipe: SearchRecipe { beam, ..options.search.recipe.clone() },
            ..options.search
        };
        let start = Instant::now();
        task.translator.translate(&sources, &options)?;
        Ok(sources.len() as f64 / start.elapsed().as_secs_f64())
    };
    println!(
        "| {name} | {threads} | {:.1}M | {:.0} + {:.0} | {:.0} | {:.0} | {} |",
        parameters.count() as f64 / 1e6,
        source as f64 / seconds,
        target as f64 / seconds,
        speed(1)?,
        speed(5)?,
        HumanBytes(peak_memory().unwrap_or_default())
    );
    Ok(())
}
