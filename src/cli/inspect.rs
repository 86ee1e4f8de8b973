//! `targum inspect`: what a checkpoint is.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use tch::{Device, Tensor};

use super::verify::VerifyArguments;
use crate::checkpoint::Checkpoint;
use crate::checksum::Verify;
use crate::input::plain;
use crate::nn::{WEIGHTS_FILE, read_weights};
use crate::report::HumanCount;
use crate::runtime::Output;
use crate::runtime::files::Shown;
use crate::studies::{open, read_task};
use crate::train::TrainingState;
use crate::translator::Translator;

/// Arguments of `targum inspect`.
#[derive(Args)]
pub struct Arguments {
    /// A run folder or a checkpoint inside it.
    model: PathBuf,
    /// Print the parameters one by one.
    #[arg(long)]
    parameters: bool,
    #[command(flatten)]
    verify: VerifyArguments,
}

pub fn run(arguments: Arguments) -> Result<()> {
    let checkpoint = Checkpoint::open(&arguments.model, arguments.verify.verify())?;
    checkpoint.check_all()?;
    let folder = checkpoint.folder();
    let mut output = Output::open();
    if checkpoint.is_study()? {
        study(folder, arguments.parameters, &mut output)?;
    } else {
        translation(folder, arguments.parameters, &mut output)?;
    }
    // An imported or shipped model has no history.
    if folder.join("training.json").exists() {
        history(&TrainingState::read(folder)?, &mut output)?;
    }
    Ok(output.finish()?)
}

/// After all of it was read: a checkpoint that is refused prints nothing.
fn write_path(folder: &Path, output: &mut Output) -> Result<()> {
    Ok(writeln!(output, "checkpoint   {}", std::fs::canonicalize(folder).unwrap_or(folder.to_path_buf()).shown())?)
}

fn study(folder: &Path, each: bool, output: &mut Output) -> Result<()> {
    let (task, model) = (read_task(folder)?, open(folder, Device::Cpu)?);
    write_path(folder, output)?;
    writeln!(output, "study        {}", task.family())?;
    writeln!(output, "takes        {}", model.expects())?;
    writeln!(output, "\n{}", serde_json::to_string_pretty(&task)?)?;
    let weights: Vec<(String, Tensor)> = read_weights(&folder.join(WEIGHTS_FILE))?.into_iter().collect();
    parameters(&weights, each, output)
}

fn translation(folder: &Path, each: bool, output: &mut Output) -> Result<()> {
    // All of it was compared.
    let translator = Translator::load_with(folder, Device::Cpu, Verify::No)?;
    let config = &translator.config;
    write_path(folder, output)?;
    writeln!(output, "written by   Targum {}", plain(&config.targum))?;
    writeln!(output, "languages    {} to {}", plain(&config.source), plain(&config.target))?;
    writeln!(output, "vocabulary   {} source, {} target pieces", config.source_vocabulary, config.target_vocabulary)?;
    let limit = config.search.length_limit(config.length_limit.unwrap_or_default());
    writeln!(output, "translations at most {:?} × source pieces + {} pieces", limit.ratio, limit.offset)?;
    match translator.attention_size() {
        Some((1, 1)) => writeln!(output, "attention    yes")?,
        Some((layers, heads)) => {
            writeln!(output, "attention    {layers} layers of {heads} heads; shown and linked: {}", config.alignment)?;
        }
        None => writeln!(output, "attention    none: there is nothing to show")?,
    }
    writeln!(output, "\n{}", serde_json::to_string_pretty(&config.model)?)?;
    parameters(&translator.model.parameters(), each, output)
}

fn parameters(parameters: &[(String, Tensor)], each: bool, output: &mut Output) -> Result<()> {
    let mut parts: BTreeMap<String, u64> = BTreeMap::new();
    for (name, tensor) in parameters {
        let part = name.split('.').take(if name.starts_with("decoder.") { 2 } else { 1 }).collect::<Vec<_>>().join(".");
        *parts.entry(part).or_default() += tensor.numel() as u64;
    }
    let total: u64 = parts.values().sum();
    writeln!(output, "\nparameters   {}", HumanCount(total))?;
    for (part, count) in &parts {
        writeln!(output, "  {part:<24} {:>12}", HumanCount(*count).to_string())?;
    }
    if each {
        writeln!(output)?;
        for (name, tensor) in parameters {
            writeln!(output, "  {name:<44} {:?}", tensor.size())?;
        }
    }
    Ok(())
}

fn history(state: &TrainingState, output: &mut Output) -> Result<()> {
    writeln!(output, "\ntraining     {} updates in {} epochs", HumanCount(state.update), state.epoch)?;
    for entry in state.history.entries() {
        let scores: Vec<String> =
            entry.scores.iter().filter_map(|(name, value)| value.map(|value| format!("{} {value:.3}", plain(name)))).collect();
        let of_others = if entry.superseded > 0 { "   (of other validation data or settings)" } else { "" };
        writeln!(output, "  update {:>8}   {}{of_others}", HumanCount(entry.update).to_string(), scores.join("   "))?;
    }
    Ok(())
}
