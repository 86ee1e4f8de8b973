//! `targum try`: whatever was trained, asked on input of one's own.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::attention::{MOST_WORDS, grids, heatmap, heatmap_folder};
use super::device::DeviceArguments;
use super::text::TextArguments;
use super::verify::VerifyArguments;
use crate::checkpoint::Checkpoint;
use crate::checksum::Verify;
use crate::input::{lines, plain};
use crate::runtime::files::Shown;
use crate::runtime::{Output, message};
use crate::studies::{self, Answer, Interactive};
use crate::translator::{Splitting, Translator};

/// Arguments of `targum try`.
#[derive(Args)]
pub struct Arguments {
    /// A run folder or a checkpoint inside it, of a translation model or of a study.
    #[arg(long)]
    model: PathBuf,
    /// Files of input, a line each; standard input when there are none.
    files: Vec<PathBuf>,
    /// What is printed.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Draw what the model attended to into this folder, as line-N-NAME.svg and .png.
    #[arg(long)]
    heatmaps: Option<PathBuf>,
    #[command(flatten)]
    text: TextArguments,
    #[command(flatten)]
    device: DeviceArguments,
    #[command(flatten)]
    verify: VerifyArguments,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The answer, a line for each line that asks for one.
    Text,
    /// One JSON object a line: the input, the answer, and the attention that led to it.
    Jsonl,
}

pub fn run(arguments: Arguments) -> Result<()> {
    arguments.text.apply();
    let checkpoint = Checkpoint::open(&arguments.model, arguments.verify.verify())?;
    checkpoint.check_all()?;
    let device = arguments.device.choose()?;
    let mut model: Box<dyn Interactive> = match checkpoint.is_study()? {
        true => studies::open(checkpoint.folder(), device)?,
        // All of it was compared.
        false => Box::new(TranslationSession { translator: Translator::load_with(checkpoint.folder(), device, Verify::No)? }),
    };
    if let Some(folder) = &arguments.heatmaps {
        heatmap_folder(folder)?;
    }
    let mut output = Output::open();
    let inputs = match arguments.files.as_slice() {
        [] => vec![("line ".to_owned(), lines(None)?)],
        files => files.iter().map(|file| Ok((format!("{}:", file.shown()), lines(Some(file))?))).collect::<Result<_>>()?,
    };
    let typed = arguments.files.is_empty() && std::io::stdin().is_terminal();
    if typed {
        message!("type {}; Ctrl-D ends", model.expects());
    }
    let mut count = 0;
    let mut tell = |place: &str, count: usize, answer: Answer| -> Result<()> {
        answer.notes.iter().for_each(|note| message!("{place}: {note}"));
        match arguments.format {
            Format::Text => writeln!(output, "{}", answer.text)?,
            Format::Jsonl => writeln!(output, "{}", answer.record)?,
        }
        // Whoever types reads the answer before the next line.
        output.flush()?;
        if let Some(folder) = &arguments.heatmaps {
            for (picture, drawing) in &answer.pictures {
                drawing.save(&folder.join(format!("line-{count}-{picture}")))?;
            }
        }
        Ok(())
    };
    for (name, lines) in inputs {
        // After the last line of a file comes what the model makes of its end.
        let asked = lines.map(Some).chain([None]);
        for (number, line) in (1..).zip(asked) {
            let ends = line.is_none();
            let (place, answer) = match line {
                Some(line) => {
                    count += 1;
                    (format!("{name}{number}"), model.ask(&line?))
                }
                None => (format!("{name}{}", number - 1), model.end()),
            };
            match answer {
                Ok(Some(answer)) => tell(&place, count, answer)?,
                Ok(None) => {}
                Err(error) if typed && !ends => message!("{error:#}"),
                Err(error) => bail!("{place}: {error:#}\n  this model takes {}", model.expects()),
            }
        }
    }
    Ok(output.finish()?)
}

/// A translation model, asked a line at a time.
struct TranslationSession {
    translator: Translator,
}

impl Interactive for TranslationSession {
    fn expects(&self) -> String {
        let config = &self.translator.config;
        format!("a line of text to be translated, {} to {}", plain(&config.source), plain(&config.target))
    }

    fn ask(&mut self, line: &str) -> Result<Option<Answer>> {
        let mut options = self.translator.translate_options();
        options.search.attention = self.translator.attends();
        let (mut translations, _) = self.translator.translate_paragraphs(&[line], &options, Splitting::default())?;
        let translation = translations.remove(0);
        let Some(best) = translation.hypotheses.into_iter().next() else { return Ok(None) };
        let mut notes = Vec::new();
        if translation.unknown.unknown > 0 {
            notes.push(format!(
                "{} of its pieces are unknown to the model{}",
                translation.unknown,
                translation.unknown.examples()
            ));
        }
        let mut record = json!({ "source": line, "answer": best.text, "score": best.score });
        let mut pictures = Vec::new();
        if let Some(aligned) = best.aligned.filter(|aligned| !aligned.target_words.is_empty()) {
            let words = aligned.target_words.len().max(aligned.source_words.len());
            record["alignment"] = serde_json::to_value(aligned.record(line, &best.text, None))?;
            if words <= MOST_WORDS {
                pictures.push(("attention", heatmap(&aligned)?.drawing()));
            } else {
                notes.push(format!("no picture of {words} words: at most {MOST_WORDS} can be seen"));
            }
        }
        let source = self.translator.encode_sources(&[line])?.remove(0);
        if let Some(all) = self.translator.all_attention(&source.ids, &best.tokens) {
            record["attention"] = all.record();
            pictures.extend(grids(&all, &mut notes)?);
        }
        Ok(Some(Answer { text: best.text, record, notes, pictures }))
    }
}
