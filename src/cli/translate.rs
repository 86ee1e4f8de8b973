//! `targum translate`: lines in, as many lines out.

use std::collections::HashSet;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::attention::{ViewArguments, heatmap_folder, write_grids, write_heatmap};
use super::device::{DeviceArguments, PrecisionArguments};
use super::dictionary::Dictionary;
use super::search::SearchArguments;
use super::text::TextArguments;
use super::unknown::UnknownCount;
use super::verify::VerifyArguments;
use crate::input::{Lines, lines};
use crate::runtime::files::Shown;
use crate::runtime::{Interrupt, Output, message};
use crate::translator::{AllAttention, LongSentence, Splitting, TranslateOptions, Translated, Translation, Translator};

/// How many lines are read before they are translated: enough to fill batches of similar length. Long lines are fewer: so many bytes.
const CHUNK: usize = 1000;
const CHUNK_BYTES: usize = 1 << 20;

/// What a signal is answered while lines are at work; while they are read, it ends the process.
pub(super) const FINISHES_LINES: &str = "the lines at work are finished";

/// Arguments of `targum translate`.
#[derive(Args)]
pub struct Arguments {
    /// A run folder or a checkpoint inside it; several of one vocabulary translate together, as an ensemble.
    #[arg(long, required = true)]
    model: Vec<PathBuf>,
    /// Files to translate; standard input when there are none.
    files: Vec<PathBuf>,
    /// What is printed.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Add word alignments: after a tab in text (Pharaoh, 0-indexed), with all weights in JSON Lines.
    #[arg(long)]
    alignment: bool,
    /// Hypotheses for each line, best first: as many lines (in text; empty ones where there are fewer) or one list (in JSON Lines).
    #[arg(long, default_value_t = 1)]
    n_best: usize,
    /// Draw each translation's attention into this folder, as line-N.svg and line-N.png.
    #[arg(long)]
    heatmaps: Option<PathBuf>,
    /// Put the source's own word where the model knows none; a dictionary (source, tab, target) translates it first.
    #[arg(long, num_args = 0..=1, value_name = "DICTIONARY")]
    replace_unknown: Option<Option<PathBuf>>,
    /// Print pieces of the vocabulary instead of text.
    #[arg(long)]
    pieces: bool,
    #[command(flatten)]
    search: SearchArguments,
    /// Translate each line sentence by sentence and join them with their spacing. One line in is one line out either way; text that was
    /// trained on and is scored line by line needs no splitting.
    #[arg(long, conflicts_with = "all_attention")]
    split_sentences: bool,
    /// Most source pieces that are translated together; the model's own maximum unless given. A longer sentence is cut at punctuation,
    /// else at white space, with a warning.
    #[arg(long)]
    maximum_source_length: Option<usize>,
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
    /// The translation.
    Text,
    /// One JSON object a line: source, hypotheses with scores and log probabilities, and attention with --alignment.
    Jsonl,
}

pub fn run(arguments: Arguments) -> Result<()> {
    arguments.text.apply();
    let dictionary = match &arguments.replace_unknown {
        Some(Some(path)) => Some(Dictionary::read(path)?),
        Some(None) => Some(Dictionary::default()),
        None => None,
    };
    let device = arguments.device.choose()?;
    let mut translator = Translator::load_ensemble(&arguments.model, device, arguments.verify.verify())?;
    arguments.precision.apply(&mut translator);
    let options = options(&arguments, &translator, dictionary)?;
    if let Some(folder) = &arguments.heatmaps {
        heatmap_folder(folder)?;
    }
    let mut output = Output::open();
    // All of them are opened before the first is translated.
    let files = arguments.files.iter().map(|file| lines(Some(file.as_path())));
    let inputs = if arguments.files.is_empty() { vec![lines(None)?] } else { files.collect::<Result<Vec<_>>>()? };
    let typed = arguments.files.is_empty() && std::io::stdin().is_terminal();
    if typed {
        message!("type a line to translate; Ctrl-D ends");
    }
    let most = if typed { 1 } else { CHUNK };
    let interrupt = Interrupt::new();
    let mut progress = Progress { count: 0, cut: 0, first_cut: Vec::new(), unknown: UnknownCount::default() };
    let mut translate = |chunk: &[String]| {
        let work = || translate_chunk(&translator, chunk, &options, &arguments, &mut progress, &mut output);
        interrupt.after(FINISHES_LINES, work)
    };
    let translated = translate_inputs(inputs, most, &mut translate);
    // What came before an error has been translated too.
    progress.tell_cut();
    progress.unknown.tell(&translator);
    translated
}

/// All lines of all inputs, in chunks.
fn translate_inputs(inputs: Vec<Lines>, most: usize, translate: &mut dyn FnMut(&[String]) -> Result<()>) -> Result<()> {
    for input in inputs {
        let (mut chunk, mut bytes) = (Vec::new(), 0);
        for line in input {
            match line {
                Ok(line) => {
                    bytes += line.len();
                    chunk.push(line);
                }
                Err(error) => {
                    // What came before a broken line is translated all the same.
                    translate(&chunk)?;
                    return Err(error);
                }
            }
            if chunk.len() == most || bytes >= CHUNK_BYTES {
                translate(&chunk)?;
                chunk.clear();
                bytes = 0;
            }
        }
        translate(&chunk)?;
    }
    Ok(())
}

/// What was translated so far, over all inputs.
struct Progress {
    /// Lines.
    count: usize,
    /// How many translations the length limit cut short.
    cut: usize,
    /// The first of these, counted from 1.
    first_cut: Vec<usize>,
    unknown: UnknownCount,
}

impl Progress {
    /// How many lines that were cut short are named.
    const NAMED: usize = 5;

    fn cut(&mut self) {
        self.cut += 1;
        if self.first_cut.len() < Self::NAMED {
            self.first_cut.push(self.count);
        }
    }

    /// Says so at the end, where anything was cut off.
    fn tell_cut(&self) {
        if self.cut == 0 {
            return;
        }
        let numbers: Vec<String> = self.first_cut.iter().map(usize::to_string).collect();
        let more = if self.cut > numbers.len() { ", …" } else { "" };
        message!(
            "the length limit cut off {} of {} translations, or what would have been better ones (line{} {}{more}); \
             --maximum-length-ratio and --maximum-length-offset give them more room",
            self.cut,
            self.count,
            if self.cut == 1 { "" } else { "s" },
            numbers.join(", ")
        );
    }
}

fn options(arguments: &Arguments, translator: &Translator, dictionary: Option<Dictionary>) -> Result<TranslateOptions> {
    if arguments.maximum_source_length == Some(0) {
        bail!("--maximum-source-length is 1 or more, found 0");
    }
    let mut options = arguments.search.options(translator, arguments.n_best)?;
    if arguments.view.all_attention && arguments.heatmaps.is_none() && arguments.format == Format::Text {
        bail!("--all-attention stands in JSON Lines or in pictures; give --format jsonl or --heatmaps FOLDER too");
    }
    options.search.attention = arguments.alignment || arguments.heatmaps.is_some() || arguments.view.all_attention;
    options.view = arguments.view.view(translator);
    let wants = options.search.attention || dictionary.is_some() || arguments.search.wants_coverage();
    if wants && !translator.attends() {
        bail!(
            "{}: this model has no attention, so there is nothing for --alignment, --heatmaps, --all-attention, --replace-unknown or \
             --coverage-penalty",
            arguments.model[0].shown()
        );
    }
    options.replace_unknown = dictionary.map(Dictionary::into_map);
    Ok(options)
}

fn translate_chunk(
    translator: &Translator,
    chunk: &[String],
    options: &TranslateOptions,
    arguments: &Arguments,
    progress: &mut Progress,
    output: &mut impl Write,
) -> Result<()> {
    let lines: Vec<&str> = chunk.iter().map(String::as_str).collect();
    let splitting = Splitting { sentences: arguments.split_sentences, maximum_length: arguments.maximum_source_length };
    let (translations, long) = translator.translate_paragraphs(&lines, options, splitting)?;
    let in_parts: HashSet<usize> = long.iter().map(|sentence| progress.count + sentence.line + 1).collect();
    for LongSentence { line, pieces, parts } in long {
        message!(
            "line {}: a sentence of {pieces} pieces is too long for the model; it is translated in {parts} parts",
            progress.count + line + 1
        );
    }
    for translation in translations {
        progress.count += 1;
        progress.unknown.add_source(&translation.unknown);
        if translation.is_cut(options) {
            progress.cut();
        }
        for phrase in translation.hypotheses.first().map_or(&[][..], |best| &best.unmet) {
            message!(
                "line {}: {phrase:?} of the glossary did not fit into the translation; --maximum-length gives it more room",
                progress.count
            );
        }
        let mut all_attention = Vec::new();
        if arguments.view.all_attention {
            if in_parts.contains(&progress.count) {
                message!("line {}: no attention of every layer and head, since it was translated in parts", progress.count);
            } else {
                all_attention = attention_of(translator, &translation)?;
            }
        }
        match arguments.format {
            Format::Text => write_text(&translation, arguments, output)?,
            Format::Jsonl => writeln!(output, "{}", to_json(&translation, &all_attention, arguments)?)?,
        }
        if let (Some(folder), Some(Some(all))) = (&arguments.heatmaps, all_attention.first()) {
            write_grids(all, &folder.join(format!("line-{}", progress.count)))?;
        }
        if let (Some(folder), Some(aligned)) =
            (&arguments.heatmaps, translation.hypotheses.first().and_then(|h| h.aligned.as_ref()))
        {
            write_heatmap(aligned, &folder.join(format!("line-{}", progress.count)))?;
        }
    }
    // Whoever waits at the other end of a pipe gets a chunk when it is done.
    output.flush()?;
    Ok(())
}

fn write_text(translation: &Translation, arguments: &Arguments, output: &mut impl Write) -> Result<()> {
    for hypothesis in &translation.hypotheses {
        if arguments.pieces {
            write!(output, "{}", hypothesis.pieces.join(" "))?;
        } else {
            write!(output, "{}", hypothesis.text)?;
        }
        if let (true, Some(aligned)) = (arguments.alignment, &hypothesis.aligned) {
            write!(output, "\t{}", aligned.links)?;
        }
        writeln!(output)?;
    }
    // Readers count on as many lines for each line, blank ones too.
    for _ in translation.hypotheses.len()..arguments.n_best {
        writeln!(output)?;
    }
    Ok(())
}

/// Every layer and head of each hypothesis; none of a blank one.
fn attention_of(translator: &Translator, translation: &Translation) -> Result<Vec<Option<AllAttention>>> {
    let source = translator.encode_sources(&[&translation.source])?.remove(0);
    let of = |hypothesis: &Translated| translator.all_attention(&source.ids, &hypothesis.tokens);
    Ok(translation.hypotheses.iter().map(of).collect())
}

fn to_json(
    translation: &Translation,
    all_attention: &[Option<AllAttention>],
    arguments: &Arguments,
) -> Result<serde_json::Value> {
    let all_attention = all_attention.iter().map(Option::as_ref).chain(std::iter::repeat(None));
    let hypotheses = translation
        .hypotheses
        .iter()
        .zip(all_attention)
        .map(|(hypothesis, all)| {
            let mut value = hypothesis_to_json(&translation.source, hypothesis, arguments)?;
            if let Some(all) = all {
                value["attention"] = all.record();
            }
            Ok(value)
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(json!({ "source": translation.source, "hypotheses": hypotheses }))
}

fn hypothesis_to_json(source: &str, hypothesis: &Translated, arguments: &Arguments) -> Result<serde_json::Value> {
    let mut value = json!({
        "text": hypothesis.text,
        "score": hypothesis.score,
        "finished": hypothesis.finished,
        "pieces": hypothesis.pieces,
        "log_probabilities": hypothesis.log_probabilities,
    });
    if !hypothesis.unmet.is_empty() {
        value["unmet"] = json!(hypothesis.unmet);
    }
    if let (true, Some(aligned)) = (arguments.alignment, &hypothesis.aligned) {
        value["alignment"] = serde_json::to_value(aligned.record(source, &hypothesis.text, None))?;
    }
    Ok(value)
}
