//! `targum attend positions`: positional encodings.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use serde_json::json;
use tch::{Device, Kind};

use super::{Format, save};
use crate::attention::calculator::positions::{AtDistance, by_distance, picture, products};
use crate::cli::table::{number, table};
use crate::cli::verify::VerifyArguments;
use crate::nn::{Sinusoids, sinusoids};
use crate::runtime::{Output, set_threads};
use crate::translator::{Side, Translator};

#[derive(Args)]
pub struct Arguments {
    /// Numbers of a position, D: an even number.
    #[arg(long, default_value_t = 512, conflicts_with = "model")]
    size: i64,
    /// Positions, from 0.
    #[arg(long, default_value_t = 100)]
    length: i64,
    /// How sines and cosines are laid out.
    #[arg(long, value_enum, default_value = "interleaved", conflicts_with = "model")]
    layout: Layout,
    /// The positions of a Transformer, fixed or learned: a run folder or a checkpoint inside it.
    #[arg(long)]
    model: Option<PathBuf>,
    /// Whose positions, where a model has learned them.
    #[arg(long, value_enum, default_value = "source")]
    side: Side,
    /// What is printed.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Draw the table, and the products of its rows: PATH.svg and PATH-products.svg, and PNG.
    #[arg(long, value_name = "PATH")]
    heatmap: Option<PathBuf>,
    #[command(flatten)]
    verify: VerifyArguments,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Layout {
    /// Sine and cosine of one frequency beside each other (Vaswani et al. 2017).
    Interleaved,
    /// All sines before all cosines (tensor2tensor, Marian).
    Halves,
}

/// Distances that a table shows.
const SHOWN: usize = 16;

pub fn run(arguments: &Arguments) -> Result<()> {
    set_threads(None);
    let length = arguments.length;
    ensure!((1..=2000).contains(&length), "found {length} positions: give --length 1 to 2000");
    let table_of_positions = match &arguments.model {
        Some(model) => Translator::load_with(model, Device::Cpu, arguments.verify.verify())?.positions(arguments.side, length)?,
        None => {
            let size = arguments.size;
            ensure!(
                (2..=8192).contains(&size) && size % 2 == 0,
                "found a size of {size}: give --size an even number from 2 to 8192, a sine and a cosine for each frequency"
            );
            let layout = match arguments.layout {
                Layout::Interleaved => Sinusoids::Interleaved,
                Layout::Halves => Sinusoids::Halves,
            };
            sinusoids(length, size, layout)
        }
    };
    let table_of_positions = table_of_positions.to_kind(Kind::Double);
    let products = products(&table_of_positions);
    let found = by_distance(&products);
    let mut output = Output::open();
    match arguments.format {
        Format::Text => write!(output, "{}", text(&found))?,
        Format::Json => {
            let rows: Vec<Vec<f64>> =
                (0..length).map(|row| Vec::try_from(table_of_positions.get(row))).collect::<Result<_, _>>()?;
            writeln!(output, "{}", serde_json::to_string(&json!({ "positions": rows, "products": found }))?)?;
        }
    }
    output.finish()?;
    if let Some(path) = &arguments.heatmap {
        let size = table_of_positions.size()[1];
        let rows = format!("positions 0 to {}", length - 1);
        let drawing = picture("Positional encodings", &format!("numbers 0 to {}", size - 1), &rows, &table_of_positions)?;
        save(&drawing, path)?;
        let path = path.with_extension("");
        let mut name = path.file_name().context("--heatmap: expected a path that ends in a name")?.to_owned();
        name.push("-products");
        save(&picture("Products of two positions", &rows, &rows, &products)?, &path.with_file_name(name))?;
    }
    Ok(())
}

/// Distances in about equal ratios, and the last.
fn text(found: &[AtDistance]) -> String {
    let mut rows = vec![["distance", "mean product", "smallest", "largest"].map(str::to_owned).to_vec()];
    let last = found.len() - 1;
    let shown =
        (0..SHOWN).map(|step| if step < 4 { step } else { 1 << (step - 2) }).filter(|&distance| distance < last).chain([last]);
    for at in shown.filter_map(|distance| found.get(distance)) {
        rows.push(vec![at.distance.to_string(), number(at.mean), number(at.smallest), number(at.largest)]);
    }
    table(&rows)
}
