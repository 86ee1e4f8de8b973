//! `targum attend`: a calculator of attention, and the exercises on its scores, its cost and its positions.

mod input;
mod lengths;
mod positions;
mod saturation;
mod scores;

use std::path::Path;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};

use crate::picture::Drawing;
use crate::runtime::files::Shown;
use crate::runtime::message;

/// Arguments of `targum attend`.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Score keys against queries, by every score: weights, context, the hard choice, entropy, and what is left of the gradient.
    Scores(Box<scores::Arguments>),
    /// Measure how dot products saturate the softmax as their dimension grows, with and without scaling.
    Saturation(saturation::Arguments),
    /// Measure time and memory of recurrent, convolutional and self-attention layers against the length.
    Lengths(lengths::Arguments),
    /// Show positional encodings, and how alike two positions are.
    Positions(positions::Arguments),
}

/// What is printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table.
    Text,
    /// One JSON object.
    Json,
}

pub fn run(arguments: Arguments) -> Result<()> {
    match arguments.command {
        Command::Scores(arguments) => scores::run(*arguments),
        Command::Saturation(arguments) => saturation::run(&arguments),
        Command::Lengths(arguments) => lengths::run(&arguments),
        Command::Positions(arguments) => positions::run(&arguments),
    }
}

/// Writes `PATH.svg` and `PATH.png`, and says so; `path` may end in either.
fn save(drawing: &Drawing, path: &Path) -> Result<()> {
    let path = path.with_extension("");
    drawing.save(&path)?;
    message!("drew {0}.svg and {0}.png", path.shown());
    Ok(())
}
