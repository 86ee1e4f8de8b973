//! `targum data`: corpora to begin with, and a look at one's own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};

use super::text::TextArguments;
use super::verify::VerifyArguments;
use crate::checkpoint::Checkpoint;
use crate::corpus::{Filter, LANGUAGES, ParallelText, multi30k};
use crate::recipe::FilterRecipe;
use crate::runtime::files::Shown;
use crate::runtime::{message, print};
use crate::studies::{SceneSet, ScenesOptions, write_scenes};
use crate::synth::{self, NewsOptions, SynthOptions};
use crate::tasks::translation::UnknownPieces;

/// Largest part of the built-in corpus, which is made in memory.
const MOST_PAIRS: i64 = 2_000_000;

/// Most scenes that are drawn.
const MOST_SCENES: i64 = 100_000;

/// How many pairs are read at a time.
const CHUNK: usize = 1000;

/// Arguments of `targum data`.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the built-in English–French corpus, with gold word alignments.
    Synth(SynthArguments),
    /// Make built-in news: paragraphs with their headlines, to learn summaries from.
    News(NewsArguments),
    /// Draw scenes of shapes as PNG pictures, with their captions and the boxes of their objects.
    Scenes(ScenesArguments),
    /// Fetch Multi30k: English, German and French descriptions of pictures. A download that was cut off goes on where it stopped.
    Multi30k(Multi30kArguments),
    /// Read a parallel corpus, and tell its lengths and what filters would leave out.
    Check(CheckArguments),
}

#[derive(Args)]
struct SynthArguments {
    /// The folder to write to.
    #[arg(long, default_value = "data/synth")]
    out: PathBuf,
    /// The same seed and sizes give the same corpus.
    #[arg(long, default_value_t = SynthOptions::default().seed)]
    seed: u64,
    /// Sentence pairs to train on.
    #[arg(long, default_value_t = SynthOptions::default().train as u32, value_parser = clap::value_parser!(u32).range(..=MOST_PAIRS))]
    train: u32,
    /// Sentence pairs to validate on.
    #[arg(long, default_value_t = SynthOptions::default().validation as u32, value_parser = clap::value_parser!(u32).range(..=MOST_PAIRS))]
    validation: u32,
    /// Sentence pairs to test on.
    #[arg(long, default_value_t = SynthOptions::default().test as u32, value_parser = clap::value_parser!(u32).range(..=MOST_PAIRS))]
    test: u32,
}

#[derive(Args)]
struct NewsArguments {
    /// The folder to write to.
    #[arg(long, default_value = "data/news")]
    out: PathBuf,
    /// The same seed and sizes give the same corpus.
    #[arg(long, default_value_t = NewsOptions::default().seed)]
    seed: u64,
    /// Paragraphs to train on.
    #[arg(long, default_value_t = NewsOptions::default().paragraphs[0] as u32, value_parser = clap::value_parser!(u32).range(..=MOST_PAIRS))]
    train: u32,
    /// Paragraphs to validate on.
    #[arg(long, default_value_t = NewsOptions::default().paragraphs[1] as u32, value_parser = clap::value_parser!(u32).range(..=MOST_PAIRS))]
    validation: u32,
    /// Paragraphs to test on.
    #[arg(long, default_value_t = NewsOptions::default().paragraphs[2] as u32, value_parser = clap::value_parser!(u32).range(..=MOST_PAIRS))]
    test: u32,
}

#[derive(Args)]
struct ScenesArguments {
    /// The folder to write to, which must not be there: scene-N.png, and scenes.jsonl.
    #[arg(long)]
    out: PathBuf,
    /// How many.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=MOST_SCENES))]
    count: u32,
    /// The same seed gives the same scenes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Which scenes of those that models are trained and tested on.
    #[arg(long, value_enum, default_value = "test")]
    set: SceneSet,
}

#[derive(Args)]
struct Multi30kArguments {
    /// The folder to write to.
    #[arg(long, default_value = "data/multi30k")]
    out: PathBuf,
    /// Take the files from this folder instead of the net.
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Languages, divided by commas.
    #[arg(long, value_delimiter = ',', default_values = LANGUAGES, value_parser = PossibleValuesParser::new(LANGUAGES))]
    languages: Vec<String>,
}

#[derive(Args)]
struct CheckArguments {
    /// Source lines; plain, .gz or .zst.
    #[arg(long, requires = "target", required_unless_present = "tsv")]
    source: Option<PathBuf>,
    /// Their translations, line by line.
    #[arg(long, requires = "source")]
    target: Option<PathBuf>,
    /// Instead of these, one file of source, tab, target.
    #[arg(long, conflicts_with_all = ["source", "target"])]
    tsv: Option<PathBuf>,
    /// Tell how much of either side the vocabularies of this run folder or checkpoint lack.
    #[arg(long)]
    model: Option<PathBuf>,
    #[command(flatten)]
    verify: VerifyArguments,
    #[command(flatten)]
    text: TextArguments,
    // Last: a heading holds for all options behind it.
    #[command(
        flatten,
        next_help_heading = "Filters (lengths in words; recipes count pieces of the vocabulary, of which there are more)"
    )]
    filters: FilterRecipe,
}

pub fn run(arguments: Arguments) -> Result<()> {
    match arguments.command {
        Command::Synth(SynthArguments { out, seed, train, validation, test }) => {
            let [train, validation, test] = [train, validation, test].map(|pairs| pairs as usize);
            let summary = synth::write(&SynthOptions { seed, train, validation, test }, &out)?;
            message!("{}:\n{summary}", out.shown());
        }
        Command::News(NewsArguments { out, seed, train, validation, test }) => {
            let paragraphs = [train, validation, test].map(|paragraphs| paragraphs as usize);
            synth::write_news(&NewsOptions { seed, paragraphs }, &out)?;
            message!("{}: paragraphs with their headlines: train {train}, validation {validation}, test {test}", out.shown());
        }
        Command::Scenes(ScenesArguments { out, count, seed, set }) => {
            write_scenes(&ScenesOptions { seed, count: count as usize, set }, &out)?;
            message!("{}: {count} scenes, and scenes.jsonl", out.shown());
        }
        Command::Multi30k(Multi30kArguments { out, from, languages }) => {
            let languages: Vec<&str> = languages.iter().map(String::as_str).collect();
            message!("{}", multi30k(&out, from.as_deref(), &languages)?);
        }
        Command::Check(arguments) => check(arguments)?,
    }
    Ok(())
}

fn check(arguments: CheckArguments) -> Result<()> {
    arguments.text.apply();
    let text = match (arguments.source, arguments.target, arguments.tsv) {
        (Some(source), Some(target), None) => ParallelText::files(source, target),
        (None, None, Some(file)) => ParallelText::tsv(file),
        _ => bail!("expected --source and --target, or --tsv"),
    };
    let ratio = arguments.filters.maximum_ratio;
    ensure!(ratio >= 1.0, "--maximum-ratio is {ratio}, expected 1 or more: it is of the longer side to the shorter");
    let mut filter = Filter::new(arguments.filters);
    let tokenizers =
        arguments.model.as_deref().map(|model| Checkpoint::open(model, arguments.verify.verify())?.tokenizers()).transpose()?;
    let mut unknown = UnknownPieces::default();
    let mut lengths = [Lengths::default(), Lengths::default()];
    let mut line = 0;
    for chunk in text.chunks(CHUNK)? {
        let chunk = chunk?;
        for (source, target) in &chunk {
            line += 1;
            let words = [source, target].map(|side| side.split_whitespace().count());
            for (side, words) in lengths.iter_mut().zip(words) {
                side.add(words, line);
            }
            filter.keep(source, target, words[0], words[1]);
        }
        if let Some(tokenizers) = &tokenizers {
            unknown.add(tokenizers, chunk.iter().map(|(source, target)| (source.as_str(), target.as_str())));
        }
    }
    if line == 0 {
        // Names the files.
        text.check()?;
    }
    let [source, target] = lengths.map(|side| side.summary());
    let mut report = format!("{line} pairs\nsource: {source}\ntarget: {target}\n");
    if let Some(model) = &arguments.model {
        for (name, side) in [("source", unknown.source), ("target", unknown.target)] {
            report += &format!("{name} pieces unknown to {}: {side}{}\n", model.shown(), side.examples());
        }
    }
    report += &format!("filters, in words: {}\n", filter.into_report());
    Ok(print(&report)?)
}

/// Lengths of one side in words.
#[derive(Default)]
struct Lengths {
    /// How many lines have each length, and the first of them.
    lines: BTreeMap<usize, (usize, usize)>,
}

impl Lengths {
    fn add(&mut self, words: usize, line: usize) {
        self.lines.entry(words).or_insert((0, line)).0 += 1;
    }

    fn summary(&self) -> String {
        let count: usize = self.lines.values().map(|(count, _)| count).sum();
        let words: usize = self.lines.iter().map(|(length, (count, _))| length * count).sum();
        let (longest, line) = self.lines.last_key_value().map_or((0, 0), |(&length, &(_, line))| (length, line));
        format!(
            "{words} words, {:.1} a line, half of all lines up to {}, 99 of 100 up to {}, the longest {longest} (line {line})",
            words as f64 / count.max(1) as f64,
            self.quantile(count.div_ceil(2)),
            self.quantile((count * 99).div_ceil(100)),
        )
    }

    /// Length of the line at this rank, from 1, when the shortest comes first.
    fn quantile(&self, rank: usize) -> usize {
        let mut below = 0;
        let found = self.lines.iter().find(|(_, (count, _))| {
            below += count;
            below >= rank
        });
        found.map_or(0, |(&length, _)| length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_the_sorted_lines() {
        let mut lengths = Lengths::default();
        for (line, words) in [7, 1, 3, 3, 90, 90].into_iter().enumerate() {
            lengths.add(words, line + 1);
        }
        assert_eq!([1, 2, 3, 4, 5, 6].map(|rank| lengths.quantile(rank)), [1, 3, 3, 7, 90, 90]);
        let summary = lengths.summary();
        assert_eq!(summary, "194 words, 32.3 a line, half of all lines up to 3, 99 of 100 up to 90, the longest 90 (line 5)");
    }
}
