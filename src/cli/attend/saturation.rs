//! `targum attend saturation`: why dot products are scaled.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::{Format, save};
use crate::attention::calculator::saturation::{Sample, measure, picture};
use crate::cli::table::{number, table};
use crate::runtime::{Output, set_threads};

#[derive(Args)]
pub struct Arguments {
    /// Dimensions of queries and keys.
    #[arg(long, value_delimiter = ',', default_value = "1,2,4,8,16,32,64,128,256,512,1024")]
    dimensions: Vec<i64>,
    /// Random queries of each dimension, each with keys of its own.
    #[arg(long, default_value_t = 1000)]
    queries: i64,
    /// Keys of a query.
    #[arg(long, default_value_t = 16)]
    keys: i64,
    /// The same seed gives the same queries and keys.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What is printed.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Draw it as a chart: PATH.svg and PATH.png.
    #[arg(long, value_name = "PATH")]
    picture: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    set_threads(None);
    let sample = Sample { queries: arguments.queries, keys: arguments.keys, seed: arguments.seed };
    let measured = measure(&arguments.dimensions, &sample)?;
    let mut output = Output::open();
    match arguments.format {
        Format::Json => writeln!(output, "{}", serde_json::to_string_pretty(&json!({ "sample": sample, "found": measured }))?)?,
        Format::Text => {
            let mut rows = vec![
                ["dimension", "score", "variance", "largest weight", "entropy / ln keys", "norm of the Jacobian"]
                    .map(str::to_owned)
                    .to_vec(),
            ];
            rows.extend(measured.iter().map(|found| {
                let score = if found.scaled { "q·k / √D" } else { "q·k" };
                let numbers = [found.variance, found.largest_weight, found.entropy, found.jacobian_norm].map(number);
                [found.dimension.to_string(), score.to_owned()].into_iter().chain(numbers).collect()
            }));
            write!(output, "{}", table(&rows))?;
        }
    }
    output.finish()?;
    arguments.picture.as_ref().map_or(Ok(()), |path| save(&picture(&measured)?, path))
}
