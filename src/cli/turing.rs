//! `targum turing`: a Turing machine of seven parts, run and drawn.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::attention::{MOST_WORDS, heatmap_folder};
use crate::alignment::{AttentionMatrix, Figure, Heatmap, Links};
use crate::input::read_text;
use crate::memory::turing::{A_TO_B, Configuration, Outcome, Run, TuringMachine};
use crate::runtime::files::Shown;
use crate::runtime::{Output, message};

/// Arguments of `targum turing`.
#[derive(Args)]
pub struct Arguments {
    /// What stands on the tape at first.
    #[arg(long, default_value = "aaab")]
    input: String,
    /// A TOML file with the machine's parts: states, input_alphabet, tape_alphabet, blank, start, accept, reject and transitions, each of which is
    /// "STATE SYMBOL -> STATE SYMBOL L" or "… R". The machine that turns every a into b where there is none.
    #[arg(long)]
    machine: Option<PathBuf>,
    /// Most steps that it runs for.
    #[arg(long, default_value_t = 1000)]
    steps: usize,
    /// What is printed.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Draw the run into this folder, as turing.svg and .png: where the head wrote and read and what was on the tape, a step a column.
    #[arg(long)]
    heatmaps: Option<PathBuf>,
    /// Print the parts of the machine that turns a into b, as a file to start from.
    #[arg(long)]
    print_machine: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line a step: number, state, and the tape with the symbol under the head in brackets.
    Text,
    /// One JSON object with all of it.
    Jsonl,
}

/// Most steps that are kept: each with its tape.
const MOST_STEPS: usize = 10_000;
/// Largest file of a machine.
const LARGEST: u64 = 1 << 20;

pub fn run(arguments: &Arguments) -> Result<()> {
    let mut output = Output::open();
    if arguments.print_machine {
        write!(output, "{A_TO_B}")?;
        return Ok(output.finish()?);
    }
    ensure!(arguments.steps <= MOST_STEPS, "--steps: is {}, expected {MOST_STEPS} at most", arguments.steps);
    let machine = match &arguments.machine {
        Some(path) => {
            TuringMachine::of_toml(&read_text(path, "the machine", LARGEST)?).with_context(|| path.shown().to_string())?
        }
        None => TuringMachine::of_toml(A_TO_B)?,
    };
    let cells = arguments.input.chars().count();
    ensure!(cells <= MOST_STEPS, "--input: has {cells} symbols, expected {MOST_STEPS} at most");
    let run = machine.run(&arguments.input, arguments.steps)?;
    let steps = run.configurations.len() - 1;
    match arguments.format {
        Format::Text => {
            for (number, now) in run.configurations.iter().enumerate() {
                writeln!(output, "{number}\t{}\t{}", now.state, marked(now))?;
            }
        }
        Format::Jsonl => {
            let text = |tape: &[char]| tape.iter().collect::<String>();
            let configurations: Vec<_> = run
                .configurations
                .iter()
                .map(|now| json!({ "state": now.state, "tape": text(&now.tape), "head": now.head, "written": now.written }))
                .collect();
            let outcome = match run.outcome {
                Outcome::Accepted => "accepted",
                Outcome::Rejected => "rejected",
                Outcome::Running => "running",
            };
            let record = json!({
                "input": arguments.input, "outcome": outcome, "steps": steps, "output": machine.output(&run),
                "configurations": configurations,
            });
            writeln!(output, "{record}")?;
        }
    }
    output.finish()?;
    match run.outcome {
        Outcome::Accepted => message!("accepted after {steps} steps, with {:?} on the tape", machine.output(&run)),
        Outcome::Rejected => message!("rejected after {steps} steps, with {:?} on the tape", machine.output(&run)),
        Outcome::Running => message!("had not halted after {steps} steps; --steps gives it more"),
    }
    if let Some(folder) = &arguments.heatmaps {
        heatmap_folder(folder)?;
        let widest = run.configurations.iter().map(|now| now.tape.len()).max().unwrap_or(0);
        if steps < MOST_WORDS && widest <= MOST_WORDS {
            figure(&run, widest)?.drawing().save(&folder.join("turing"))?;
        } else {
            message!("no picture of {steps} steps over {widest} cells: at most {MOST_WORDS} of each can be seen");
        }
    }
    Ok(())
}

/// The tape with the symbol under the head in brackets.
fn marked(now: &Configuration) -> String {
    let cell = |(place, symbol): (usize, &char)| if place == now.head { format!("[{symbol}]") } else { symbol.to_string() };
    now.tape.iter().enumerate().map(cell).collect()
}

/// The panels of a Neural Turing Machine's heads, cells for slots: where was written and read at each step, weights being one or nothing; and what
/// stood on the tape, a panel a symbol, the head marked by a dot.
fn figure(run: &Run, cells: usize) -> Result<Figure> {
    let steps = &run.configurations;
    let columns: Vec<String> = steps.iter().map(|now| format!("{} {}", now.state, now.tape[now.head])).collect();
    let rows: Vec<String> = (0..cells).map(|cell| format!("cell {cell}")).collect();
    let panel = |title: &str, is: &dyn Fn(&Configuration, usize) -> bool| {
        let weight = |cell: usize, now: &Configuration| if is(now, cell) { 1.0 } else { 0.0 };
        let numbers = (0..cells).flat_map(|cell| steps.iter().map(move |now| weight(cell, now))).collect();
        Heatmap::new(title, &rows, &columns, AttentionMatrix::new(cells, steps.len(), numbers)?)
    };
    let heads: Links = steps.iter().enumerate().map(|(step, now)| (step, now.head)).collect();
    let mut panels = vec![
        panel("written to", &|now, cell| now.written.is_some() && now.head == cell)?,
        panel("read from", &|now, cell| now.head == cell)?,
    ];
    let symbols: BTreeSet<char> = steps.iter().flat_map(|now| now.tape.iter().copied()).collect();
    for symbol in symbols {
        let holds = |now: &Configuration, cell: usize| now.tape.get(cell) == Some(&symbol);
        panels.push(panel(&format!("cells with {symbol}"), &holds)?.with_links(heads.clone())?);
    }
    Ok(Figure::new("", panels).across(1))
}
