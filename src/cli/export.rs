//! `targum export`: a checkpoint for another program.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::verify::VerifyArguments;
use crate::interop::export_huggingface;
use crate::runtime::files::Shown;
use crate::runtime::{message, print};

/// Arguments of `targum export`.
#[derive(Args)]
pub struct Arguments {
    /// What to write.
    #[arg(long, value_enum, default_value_t = Format::Huggingface)]
    format: Format,
    /// A run folder or a checkpoint inside it.
    #[arg(long, value_name = "RUN")]
    model: PathBuf,
    /// The folder to write to; it must not be there yet.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    verify: VerifyArguments,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// A folder for MarianMTModel and MarianTokenizer of transformers; CTranslate2's ct2-transformers-converter reads it too.
    Huggingface,
}

pub fn run(arguments: Arguments) -> Result<()> {
    let notes = match arguments.format {
        Format::Huggingface => export_huggingface(&arguments.model, &arguments.out, arguments.verify.verify())?,
    };
    for note in notes {
        message!("note: {note}");
    }
    Ok(print(&format!("{}\n", arguments.out.shown()))?)
}
