//! `targum align`: word alignments of given translations, by forced decoding.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use super::attention::{ViewArguments, heatmap, heatmap_folder, write_grids, write_heatmap};
use super::device::{DeviceArguments, PrecisionArguments};
use super::long_pair;
use super::text::TextArguments;
use super::translate::FINISHES_LINES;
use super::unknown::UnknownCount;
use super::verify::VerifyArguments;
use crate::alignment::{AlignmentRecord, Symmetrisation, TerminalColour};
use crate::corpus::ParallelText;
use crate::runtime::files::Shown;
use crate::runtime::{Interrupt, Output, message};
use crate::translator::{Aligned, AllAttention, EncodedPair, LongPair, Pair, Translator};
use serde::Serialize;
use serde_json::Value;

/// How many pairs are read before they are aligned: enough to fill batches of similar length.
const CHUNK: usize = 1000;

/// Arguments of `targum align`.
#[derive(Args)]
pub struct Arguments {
    /// A run folder or a checkpoint inside it.
    #[arg(long)]
    model: PathBuf,
    /// Source lines.
    #[arg(long)]
    source: PathBuf,
    /// Their translations, line by line.
    #[arg(long)]
    target: PathBuf,
    /// What is printed.
    #[arg(long, value_enum, default_value = "pharaoh")]
    format: Format,
    /// Draw each pair's attention into this folder, as line-N.svg and line-N.png.
    #[arg(long)]
    heatmaps: Option<PathBuf>,
    /// A model of the opposite direction: links of both are joined.
    #[arg(long)]
    reverse_model: Option<PathBuf>,
    /// How two directions are joined: intersection, union, grow-diag, grow-diag-final or grow-diag-final-and.
    #[arg(long, default_value = "grow-diag-final-and", requires = "reverse_model")]
    symmetrisation: String,
    /// Padded pieces of a batch.
    #[arg(long, default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=1 << 24))]
    batch_tokens: u32,
    #[command(flatten)]
    text: TextArguments,
    #[command(flatten)]
    view: ViewArguments,
    #[command(flatten)]
    device: DeviceArguments,
    #[command(flatten)]
    precision: PrecisionArguments,
    #[command(flatten)]
    verify: VerifyArguments,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// `i-j` links: source word, target word, counted from 0.
    Pharaoh,
    /// One JSON object a line: words, weights, links and the translation's log probability.
    Jsonl,
    /// A picture in blocks for each pair.
    Terminal,
}

/// A line of JSON.
#[derive(Serialize)]
struct Record {
    #[serde(flatten)]
    record: AlignmentRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    attention: Option<Value>,
}

pub fn run(arguments: Arguments) -> Result<()> {
    arguments.text.apply();
    if arguments.view.all_attention && arguments.heatmaps.is_none() && arguments.format != Format::Jsonl {
        bail!("--all-attention stands in JSON Lines or in pictures; give --format jsonl or --heatmaps FOLDER too");
    }
    let symmetrisation: Symmetrisation = arguments.symmetrisation.parse()?;
    let text = ParallelText::files(&arguments.source, &arguments.target);
    text.check()?;
    let device = arguments.device.choose()?;
    let load = |path: &PathBuf| {
        let mut translator = Translator::load_with(path, device, arguments.verify.verify())?;
        arguments.precision.apply(&mut translator);
        if !translator.model.attends() {
            bail!("{}: this model has no attention, so it has no alignments", path.shown());
        }
        Ok(translator)
    };
    let forward = load(&arguments.model)?;
    let backward = arguments.reverse_model.as_ref().map(load).transpose()?;
    if let Some(backward) = &backward {
        let [one, other] = [&forward, backward].map(|translator| (&translator.config.source, &translator.config.target));
        if one == other && one.0 != one.1 {
            message!(
                "warning: --reverse-model translates {} to {} as --model does, expected a model of the opposite direction",
                other.0,
                other.1
            );
        }
    }
    if let Some(folder) = &arguments.heatmaps {
        heatmap_folder(folder)?;
    }
    let mut output = Output::open();
    let interrupt = Interrupt::new();
    let mut count = 0;
    let mut unknown = UnknownCount::default();
    for chunk in text.chunks(CHUNK)? {
        let chunk = chunk?;
        let pairs: Vec<(&str, &str)> = chunk.iter().map(|(source, target)| (source.as_str(), target.as_str())).collect();
        let before = count;
        let backward = backward.as_ref().map(|model| (model, symmetrisation));
        interrupt.after(FINISHES_LINES, || {
            let pairs = forward.encode_pairs(&pairs)?;
            unknown.add_pairs(&pairs);
            let (results, long) = long_pair::up_to(&pairs, |pairs| align(&forward, backward, pairs, &arguments))?;
            for (encoded, (pair, aligned)) in pairs.iter().zip(results) {
                count += 1;
                let all = arguments
                    .view
                    .all_attention
                    .then(|| forward.all_attention(&encoded.source.ids, &encoded.target.ids))
                    .flatten();
                write_pair(encoded, &pair, &aligned, all.as_ref(), arguments.format, &mut output)?;
                if let Some(folder) = &arguments.heatmaps {
                    let path = folder.join(format!("line-{count}"));
                    write_heatmap(&aligned, &path)?;
                    all.map_or(Ok(()), |all| write_grids(&all, &path))?;
                }
            }
            output.flush()?;
            match long {
                Some(long) => Err(long_pair::error(long, before, &arguments.source, &arguments.target)),
                None => Ok(()),
            }
        })?;
    }
    unknown.tell(&forward);
    Ok(())
}

/// Forced decoding in one direction, and in the other too when there is a model of it.
fn align(
    forward: &Translator,
    backward: Option<(&Translator, Symmetrisation)>,
    pairs: &[EncodedPair],
    arguments: &Arguments,
) -> Result<Vec<(Pair, Aligned)>> {
    let view = arguments.view.view(forward);
    let mut results = Vec::with_capacity(pairs.len());
    for pair in forward.force(pairs, arguments.batch_tokens as usize, view)? {
        let aligned = pair.aligned.clone().context("the model gave no attention")?;
        results.push((pair, aligned));
    }
    if let Some((model, symmetrisation)) = backward {
        let turned: Vec<(&str, &str)> = pairs.iter().map(|pair| (pair.target_line, pair.source_line)).collect();
        let forced = model.force(&model.encode_pairs(&turned)?, arguments.batch_tokens as usize, arguments.view.view(model));
        let forced = forced.map_err(|error| match error.downcast::<LongPair>() {
            Ok(long) => long.turned().into(),
            Err(error) => error,
        })?;
        for ((_, aligned), other) in results.iter_mut().zip(forced) {
            let other = other.aligned.context("the reverse model gave no attention")?;
            aligned.links = symmetrisation.join(&aligned.links, &other.links.transposed());
        }
    }
    Ok(results)
}

fn write_pair(
    encoded: &EncodedPair,
    pair: &Pair,
    aligned: &Aligned,
    all: Option<&AllAttention>,
    format: Format,
    output: &mut impl Write,
) -> Result<()> {
    let EncodedPair { source_line: source, target_line: target, .. } = *encoded;
    match format {
        Format::Pharaoh => writeln!(output, "{}", aligned.links)?,
        Format::Jsonl => {
            // Not `sum`, which makes -0 of nothing.
            let score = pair.log_probabilities.iter().fold(0.0, |sum, &p| sum + f64::from(p));
            let record = aligned.record(source, target, Some(score));
            let line = Record { record, attention: all.map(AllAttention::record) };
            writeln!(output, "{}", serde_json::to_string(&line)?)?;
        }
        Format::Terminal => {
            let colour = if std::io::stdout().is_terminal() { TerminalColour::Palette } else { TerminalColour::None };
            writeln!(output, "{source}\n{target}\n{}", heatmap(aligned)?.terminal(colour))?;
        }
    }
    Ok(())
}
