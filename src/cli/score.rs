//! `targum score`: how likely given translations are.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::device::{DeviceArguments, PrecisionArguments};
use super::long_pair;
use super::text::TextArguments;
use super::translate::FINISHES_LINES;
use super::unknown::UnknownCount;
use super::verify::VerifyArguments;
use crate::corpus::ParallelText;
use crate::runtime::{Interrupt, Output};
use crate::translator::{PairScore, Translator};

/// How many pairs are read before they are scored: enough to fill batches of similar length.
const CHUNK: usize = 1000;

/// Arguments of `targum score`.
#[derive(Args)]
pub struct Arguments {
    /// A run folder or a checkpoint inside it; several of one vocabulary score as an ensemble.
    #[arg(long, required = true)]
    model: Vec<PathBuf>,
    /// Source lines.
    #[arg(long)]
    source: PathBuf,
    /// Their translations, line by line.
    #[arg(long)]
    target: PathBuf,
    /// What is printed.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// What the sum of natural-log probabilities is divided by, in text.
    #[arg(long, value_enum, default_value = "none")]
    normalise: Normalise,
    /// Padded pieces of a batch.
    #[arg(long, default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=1 << 24))]
    batch_tokens: u32,
    #[command(flatten)]
    text: TextArguments,
    #[command(flatten)]
    device: DeviceArguments,
    #[command(flatten)]
    precision: PrecisionArguments,
    #[command(flatten)]
    verify: VerifyArguments,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One number a line: the natural-log probability of the translation, its end included, normalised as --normalise says. -inf for a
    /// blank line that translates one with words, and the other way about.
    Text,
    /// One JSON object a line: pieces with their natural-log probabilities, words, the sum and its normalised forms.
    Jsonl,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Normalise {
    /// Nothing: the plain sum.
    None,
    /// The number of target pieces, the end of sentence counted.
    Piece,
    /// The number of target words.
    Word,
}

pub fn run(arguments: Arguments) -> Result<()> {
    arguments.text.apply();
    let text = ParallelText::files(&arguments.source, &arguments.target);
    text.check()?;
    let device = arguments.device.choose()?;
    let mut translator = Translator::load_ensemble(&arguments.model, device, arguments.verify.verify())?;
    arguments.precision.apply(&mut translator);
    let mut output = Output::open();
    let interrupt = Interrupt::new();
    let mut unknown = UnknownCount::default();
    let mut before = 0;
    for chunk in text.chunks(CHUNK)? {
        let chunk = chunk?;
        interrupt.after(FINISHES_LINES, || {
            let lines: Vec<(&str, &str)> = chunk.iter().map(|(source, target)| (source.as_str(), target.as_str())).collect();
            let pairs = translator.encode_pairs(&lines)?;
            unknown.add_pairs(&pairs);
            let (scores, long) = long_pair::up_to(&pairs, |pairs| translator.score(pairs, arguments.batch_tokens as usize))?;
            for (&(source, target), score) in lines.iter().zip(scores) {
                match arguments.format {
                    Format::Text => writeln!(output, "{}", normalised(score.as_ref(), arguments.normalise))?,
                    Format::Jsonl => writeln!(output, "{}", to_json(source, target, score.as_ref()))?,
                }
            }
            output.flush()?;
            match long {
                Some(long) => Err(long_pair::error(long, before, &arguments.source, &arguments.target)),
                None => Ok(()),
            }
        })?;
        before += chunk.len();
    }
    unknown.tell(&translator);
    Ok(())
}

fn normalised(score: Option<&PairScore>, normalise: Normalise) -> f64 {
    let Some(score) = score else { return f64::NEG_INFINITY };
    let count = match normalise {
        Normalise::None => 1,
        Normalise::Piece => score.log_probabilities.len(),
        Normalise::Word => score.words.len(),
    };
    score.log_probability / count.max(1) as f64
}

fn to_json(source: &str, target: &str, score: Option<&PairScore>) -> Value {
    let Some(found) = score else { return json!({ "source": source, "target": target, "log_probability": null }) };
    let words = found.words.iter().map(|(word, log_probability)| json!({ "word": word, "log_probability": log_probability }));
    json!({
        "source": source,
        "target": target,
        "base": "e",
        "log_probability": found.log_probability,
        "per_piece": normalised(score, Normalise::Piece),
        "per_word": normalised(score, Normalise::Word),
        "pieces": found.pieces,
        "log_probabilities": found.log_probabilities,
        "words": words.collect::<Vec<_>>(),
    })
}
