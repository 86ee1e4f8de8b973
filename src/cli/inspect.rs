//! `targum inspect`: what a checkpoint is.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use tch::Device;

use super::verify::VerifyArguments;
use crate::checkpoint::Checkpoint;
use crate::checksum::Verify;
use crate::report::HumanCount;
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
    // All of it was compared.
    let translator = Translator::load_with(folder, Device::Cpu, Verify::No)?;
    let config = &translator.config;
    println!("checkpoint   {}", std::fs::canonicalize(folder).unwrap_or(folder.to_path_buf()).display());
    println!("written by   Targum {}", config.targum);
    println!("languages    {} to {}", config.source, config.target);
    println!("vocabulary   {} source, {} target pieces", config.source_vocabulary, config.target_vocabulary);
    match translator.attention_size() {
        Some((1, 1)) => println!("attention    yes"),
        Some((layers, heads)) => {
            println!("attention    {layers} layers of {heads} heads; shown and linked: {}", config.alignment);
        }
        None => println!("attention    none: there is nothing to show"),
    }
    println!("\n{}", serde_json::to_string_pretty(&config.model)?);
    parameters(&translator, arguments.parameters);
    // An imported or shipped model has no history.
    if folder.join("training.json").exists() {
        history(&TrainingState::read(folder)?);
    }
    Ok(())
}

fn parameters(translator: &Translator, each: bool) {
    let parameters = translator.model.parameters();
    let mut parts: BTreeMap<String, u64> = BTreeMap::new();
    for (name, tensor) in &parameters {
        let part = name.split('.').take(if name.starts_with("decoder.") { 2 } else { 1 }).collect::<Vec<_>>().join(".");
        *parts.entry(part).or_default() += tensor.numel() as u64;
    }
    let total: u64 = parts.values().sum();
    println!("\nparameters   {}", HumanCount(total));
    for (part, count) in &parts {
        println!("  {part:<24} {:>12}", HumanCount(*count).to_string());
    }
    if each {
        println!();
        for (name, tensor) in &parameters {
            println!("  {name:<44} {:?}", tensor.size());
        }
    }
}

fn history(state: &TrainingState) {
    println!("\ntraining     {} updates in {} epochs", HumanCount(state.update), state.epoch);
    for entry in state.history.entries() {
        let scores: Vec<String> =
            entry.scores.iter().filter_map(|(name, value)| value.map(|value| format!("{name} {value:.3}"))).collect();
        println!("  update {:>8}   {}", HumanCount(entry.update).to_string(), scores.join("   "));
    }
}
