//! The command line: one file a subcommand, each arguments → checked settings → one call.

mod align;
mod attend;
mod attention;
mod average;
mod data;
mod device;
mod dictionary;
mod doctor;
mod evaluate;
mod export;
mod glossary;
mod import;
mod inspect;
mod long_pair;
mod score;
mod search;
mod start;
mod study;
mod table;
mod text;
mod train;
mod train_arguments;
mod translate;
mod try_model;
mod turing;
mod unknown;
mod verify;

use std::any::Any;
use std::io::ErrorKind;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::runtime::{self, Interrupted, message};

/// Translation models that show what they attend to.
#[derive(Parser)]
#[command(name = "targum", version, propagate_version = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
    /// More detail on errors: libtorch's own trace.
    #[arg(short, long, global = true)]
    verbose: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Make or fetch corpora, and check your own.
    Data(data::Arguments),
    /// Train a model by a recipe.
    Train(train_arguments::TrainArguments),
    /// Translate lines.
    Translate(Box<translate::Arguments>),
    /// Ask a trained model of any kind on input of one's own: a story and a question, numbers, a document, a sequence.
    Try(try_model::Arguments),
    /// Compute attention by hand: scores of one's own vectors, saturation, cost, positions.
    Attend(attend::Arguments),
    /// Run a Turing machine, and draw its tape step by step.
    Turing(turing::Arguments),
    /// Average the weights of several checkpoints into one.
    Average(average::Arguments),
    /// Align the words of given translations.
    Align(align::Arguments),
    /// Tell how likely given translations are.
    Score(score::Arguments),
    /// Score translations or alignments.
    Evaluate(evaluate::Arguments),
    /// Read a pretrained model: a Hugging Face folder of a Marian model (OPUS-MT) becomes a checkpoint.
    Import(import::Arguments),
    /// Write a model for another program: Hugging Face's transformers, and CTranslate2 from there.
    Export(export::Arguments),
    /// Tell what a checkpoint is.
    Inspect(inspect::Arguments),
    /// Tell what this machine offers, what is missing, and what mends it.
    Doctor(doctor::Arguments),
}

/// Runs the program. Exit codes: 0 good, 1 failed, 2 wrong usage; 129, 130 and 143 ended by SIGHUP, SIGINT and SIGTERM.
pub fn main() -> ExitCode {
    runtime::keep_memory();
    runtime::watch_signals();
    let command_line = match CommandLine::try_parse() {
        Ok(command_line) => command_line,
        Err(answer) => return print_answer(&answer),
    };
    // Before anything else of libtorch: see there.
    runtime::libtorch();
    let verbose = command_line.verbose;
    if !verbose {
        quiet_panics();
    }
    match std::panic::catch_unwind(AssertUnwindSafe(|| run(command_line.command))) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => match error.downcast_ref() {
            Some(Interrupted(signal)) => ExitCode::from(signal.exit_status()),
            None => fail(&error, verbose),
        },
        Err(_) => ExitCode::FAILURE,
    }
}

fn fail(error: &anyhow::Error, verbose: bool) -> ExitCode {
    if is_broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    message!("targum: {}", describe(error, verbose));
    ExitCode::FAILURE
}

/// Help and versions go to standard output, wrong usage to standard error.
fn print_answer(answer: &clap::Error) -> ExitCode {
    match answer.print() {
        Err(error) if !answer.use_stderr() => fail(&anyhow::Error::new(error).context("standard output: cannot write"), false),
        _ => ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(2)),
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Data(arguments) => data::run(arguments),
        Command::Train(arguments) => train::run(arguments),
        Command::Translate(arguments) => translate::run(*arguments),
        Command::Try(arguments) => try_model::run(arguments),
        Command::Attend(arguments) => attend::run(arguments),
        Command::Turing(arguments) => turing::run(&arguments),
        Command::Average(arguments) => average::run(arguments),
        Command::Align(arguments) => align::run(arguments),
        Command::Score(arguments) => score::run(arguments),
        Command::Evaluate(arguments) => evaluate::run(arguments),
        Command::Import(arguments) => import::run(arguments),
        Command::Export(arguments) => export::run(arguments),
        Command::Inspect(arguments) => inspect::run(arguments),
        Command::Doctor(arguments) => doctor::run(arguments),
    }
}

/// The error with its causes on a line each. libtorch's messages end where its C++ trace begins, unless asked for more.
fn describe(error: &anyhow::Error, verbose: bool) -> String {
    let chain: Vec<String> = error.chain().map(|cause| cut_trace(&cause.to_string(), verbose)).collect();
    chain.join("\n  caused by: ")
}

fn cut_trace(message: &str, verbose: bool) -> String {
    if verbose {
        return message.trim_end().to_string();
    }
    // A message that was printed for programmers has its line breaks as two characters.
    let starts = ["Exception raised from", "\nframe #", "\\nframe #"];
    let end = starts.iter().filter_map(|start| message.find(start)).min();
    let mut kept = message[..end.unwrap_or(message.len())].trim_end();
    while end.is_some()
        && let Some(shorter) = kept.strip_suffix("\\n")
    {
        kept = shorter.trim_end();
    }
    kept.to_string()
}

/// Whoever reads standard output may stop early, as `head` does: that is no failure.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe))
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default()
}

/// A panic is a mistake of ours or an error inside libtorch: one line, without the trace.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = cut_trace(panic_message(panic.payload()), false);
        let place = panic.location().map(|place| format!("{}:{}", place.file(), place.line())).unwrap_or_default();
        message!("targum: internal error at {place}: {message} (-v shows more)");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind, Tensor};

    #[test]
    fn traces_are_cut_in_messages_printed_for_programmers_too() {
        for error in [
            Tensor::f_ones([1 << 30, 1 << 30], (Kind::Float, Device::Cpu)).unwrap_err(),
            Tensor::f_ones([2], (Kind::Float, Device::Cpu))
                .unwrap()
                .f_add(&Tensor::f_ones([3], (Kind::Float, Device::Cpu)).unwrap())
                .unwrap_err(),
        ] {
            let message = format!("called `Result::unwrap()` on an `Err` value: {error:?}");
            assert!(message.contains("\\nframe #"), "{message}");
            let short = cut_trace(&message, false);
            assert!(short.contains("Err") && !short.contains("frame #") && !short.contains("Exception raised"), "{short}");
            assert!(!short.ends_with("\\n"), "{short}");
        }
        assert_eq!(cut_trace("a path\\n", false), "a path\\n");
    }

    #[test]
    fn what_a_file_says_reaches_no_terminal_as_it_is() {
        let error = anyhow::anyhow!("a\u{1b}[31m\tname\n{}", "x".repeat(4 << 20)).context("one\ntwo");
        let shown = runtime::printable(&describe(&error, true)).into_owned();
        assert!(shown.starts_with("one\ntwo\n  caused by: a\\u{1b}[31m\tname\nxxx") && shown.len() < 10_000, "{shown}");
        let error = anyhow::anyhow!("{}", "line\n".repeat(100_000));
        let shown = runtime::printable(&describe(&error, true)).into_owned();
        assert!(shown.len() < 10_000 && shown.ends_with("more lines"), "{shown}");
    }

    #[test]
    fn errors_of_libtorch_end_before_its_trace_unless_verbose() {
        // libtorch has two ways to raise an error; of memory that no machine has, and of shapes.
        let ones = |size: &[i64]| Tensor::f_ones(size, (Kind::Float, Device::Cpu));
        let memory = ones(&[1 << 30, 1 << 30]).unwrap_err();
        let shapes = ones(&[2]).unwrap().f_add(&ones(&[3]).unwrap()).unwrap_err();
        for (error, part) in [(memory, "can't allocate memory"), (shapes, "size of tensor a (2) must match")] {
            let error = anyhow::Error::new(error).context("the outer word");
            let short = describe(&error, false);
            assert!(short.starts_with("the outer word\n  caused by: ") && short.contains(part), "{short}");
            assert!(!short.contains("Exception raised") && !short.contains("frame #"), "{short}");
            let long = describe(&error, true);
            assert!(long.contains(part) && long.contains("frame #"), "{long}");
        }
    }
}
