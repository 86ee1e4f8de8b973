//! `targum import`: a model of another program as a checkpoint.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use crate::interop::import;
use crate::runtime::files::Shown;
use crate::runtime::{message, print};

/// Arguments of `targum import`.
#[derive(Args)]
pub struct Arguments {
    /// A Hugging Face folder of a Marian model: config.json, model.safetensors or pytorch_model.bin, source.spm, target.spm, vocab.json.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The folder to write to. Default checkpoints/ and the name of DIR, with the language where there is one.
    #[arg(long, value_name = "RUN")]
    out: Option<PathBuf>,
    /// The language to translate into, for a model of several: fra for the tag >>fra<<.
    #[arg(long, value_name = "TAG")]
    to: Option<String>,
}

pub fn run(arguments: Arguments) -> Result<()> {
    let imported = import(&arguments.folder, arguments.to.as_deref())?;
    let out = match arguments.out {
        Some(out) => out,
        None => default_out(&arguments.folder, arguments.to.as_deref())?,
    };
    imported.save(&out)?;
    for note in &imported.notes {
        message!("note: {note}");
    }
    let parameters: usize = imported.weights.iter().map(|(_, tensor)| tensor.numel()).sum();
    message!("{parameters} parameters; try: echo \"...\" | targum translate --model {}", out.shown());
    Ok(print(&format!("{}\n", out.shown()))?)
}

fn default_out(folder: &Path, to: Option<&str>) -> Result<PathBuf> {
    let whole = std::fs::canonicalize(folder).with_context(|| format!("{}: cannot read", folder.shown()))?;
    let name = whole.file_name().with_context(|| format!("{}: has no name; give --out", folder.shown()))?;
    let name = name.to_string_lossy();
    Ok(Path::new("checkpoints").join(to.map_or(name.to_string(), |code| format!("{name}-{code}"))))
}
