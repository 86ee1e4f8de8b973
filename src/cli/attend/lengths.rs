//! `targum attend lengths`: what layers cost against the length, each measurement in a process of its own, so that its peak of memory is
//! its own.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::json;

use super::{Format, save};
use crate::attention::calculator::lengths::{Cost, Layer, Widths, measure, pictures};
use crate::cli::table::{number, table};
use crate::report::ensure_memory;
use crate::runtime::{Output, message, processor_name, set_threads};

#[derive(Args)]
pub struct Arguments {
    /// Positions of a sequence.
    #[arg(long, value_delimiter = ',', default_value = "64,128,256,512,1024,2048,4096")]
    lengths: Vec<i64>,
    /// Numbers of a position.
    #[arg(long, default_value_t = 256)]
    width: i64,
    /// Heads of self-attention.
    #[arg(long, default_value_t = 4)]
    heads: i64,
    /// Positions that the convolution sees at once.
    #[arg(long, default_value_t = 3)]
    kernel: i64,
    /// Milliseconds of every measurement; each layer runs at least three times nevertheless.
    #[arg(long, default_value_t = 500)]
    milliseconds: u32,
    /// Threads inside an operation.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,
    /// What is printed.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Draw time and memory as charts: PATH-time.svg and PATH-memory.svg, and PNG.
    #[arg(long, value_name = "PATH")]
    picture: Option<PathBuf>,
    /// Measure this layer at the first length, and nothing else.
    #[arg(long, hide = true)]
    one: Option<String>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let widths = Widths { width: arguments.width, heads: arguments.heads, kernel: arguments.kernel };
    widths.check()?;
    set_threads(Some(arguments.threads.into()));
    ensure!(!arguments.lengths.is_empty(), "there is no length to measure: give --lengths 64,128");
    for &length in &arguments.lengths {
        ensure!((1..=1 << 20).contains(&length), "found a sequence of {length} positions: give --lengths from 1 to 1048576");
    }
    let mut output = Output::open();
    if let Some(layer) = &arguments.one {
        let layer = serde_json::from_value(json!(layer)).context("--one")?;
        let cost = measure(layer, arguments.lengths[0], &widths, Duration::from_millis(arguments.milliseconds.into()))?;
        writeln!(output, "{}", serde_json::to_string(&cost)?)?;
        return Ok(output.finish()?);
    }
    let longest = arguments.lengths.iter().copied().max().unwrap_or(1);
    ensure_memory(&format!("the weights of self-attention over {longest} positions need"), widths.bytes_of_weights(longest))?;
    let processor = processor_name().unwrap_or_else(|| "unknown processor".to_owned());
    let mut costs = Vec::new();
    for layer in Layer::ALL {
        message!("{}", layer.name());
        for &length in &arguments.lengths {
            costs.push(arguments.apart(layer, length)?);
        }
    }
    let setting = format!("width {}, batch of 1, {} on {processor}", widths.width, threads(arguments.threads));
    match arguments.format {
        Format::Json => {
            let told = json!({ "processor": processor, "threads": arguments.threads, "widths": widths, "found": costs });
            writeln!(output, "{}", serde_json::to_string_pretty(&told)?)?;
        }
        Format::Text => write!(output, "{setting}\n\n{}\n{}", found(&costs, &widths), orders(&widths, longest))?,
    }
    output.finish()?;
    if let Some(path) = &arguments.picture {
        for (drawing, name) in pictures(&costs, &setting)?.into_iter().zip(["time", "memory"]) {
            let stem = path.with_extension("");
            let file = stem.file_name().with_context(|| "--picture: expected a path that ends in a name")?;
            let mut file = file.to_owned();
            file.push(format!("-{name}"));
            match drawing {
                Some(drawing) => save(&drawing, &stem.with_file_name(file))?,
                None => message!("no chart of {name}: the kernel of this machine does not tell it"),
            }
        }
    }
    Ok(())
}

fn threads(count: u16) -> String {
    if count == 1 { "1 thread".to_owned() } else { format!("{count} threads") }
}

impl Arguments {
    /// One measurement by a process of its own.
    fn apart(&self, layer: Layer, length: i64) -> Result<Cost> {
        let name = serde_json::to_value(layer)?;
        let program = std::env::current_exe().context("cannot find the program's own file")?;
        let output = Command::new(program)
            .args(["attend", "lengths", "--one", name.as_str().unwrap_or_default(), "--lengths", &length.to_string()])
            .args(["--width", &self.width.to_string(), "--heads", &self.heads.to_string(), "--kernel", &self.kernel.to_string()])
            .args(["--threads", &self.threads.to_string(), "--milliseconds", &self.milliseconds.to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .context("cannot start a measurement")?;
        ensure!(
            output.status.success(),
            "{} over {length} positions: the measurement ended with {}; give shorter --lengths if memory was short",
            layer.name(),
            output.status
        );
        serde_json::from_slice(&output.stdout).context("a measurement did not tell what it found")
    }
}

/// What was measured; how it grew since the length before is the exponent of the length.
fn found(costs: &[Cost], widths: &Widths) -> String {
    let head = ["layer", "n", "forward, ms", "training, ms", "grew as n to the", "memory, MB", "multiplications"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let mut before: Option<&Cost> = None;
    for cost in costs {
        let growth = before
            .filter(|before| before.layer == cost.layer && before.length != cost.length)
            .map(|before| (cost.training / before.training).ln() / (cost.length as f64 / before.length as f64).ln());
        before = Some(cost);
        rows.push(vec![
            cost.layer.name().to_owned(),
            cost.length.to_string(),
            format!("{:.3}", cost.forward * 1e3),
            format!("{:.3}", cost.training * 1e3),
            growth.map_or(String::new(), |growth| format!("{growth:.2}")),
            cost.memory.map_or("too little to tell".to_owned(), |bytes| format!("{:.1}", bytes as f64 / 1e6)),
            number(cost.layer.multiplications(cost.length, widths)),
        ]);
    }
    table(&rows)
}

/// Table 1 of Vaswani et al. 2017, and its numbers at one length.
fn orders(widths: &Widths, length: i64) -> String {
    let n = format!("at n = {length}");
    let head = ["layer", "operations", "sequential", &n, "longest path", &n];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for layer in Layer::ALL {
        let [operations, sequential, path] = layer.orders().map(str::to_owned);
        let (steps, layers) = (layer.sequential(length).to_string(), layer.path(length, widths).to_string());
        rows.push(vec![layer.name().to_owned(), operations, sequential, steps, path, layers]);
    }
    table(&rows)
}
