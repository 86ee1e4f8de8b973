//! The corpus as files.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::news::{NewsOptions, Report, news};
use super::{Example, SynthOptions, generate, words};
use crate::runtime::files::{self, Shown, clear_partials};

/// What was written, for printing.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Sentence pairs in train, validation and test.
    pub sentences: [usize; 3],
    /// Distinct word forms over all splits, English and French, case folded.
    pub forms: [usize; 2],
    /// Mean number of whitespace-separated words per sentence, English and French.
    pub mean_lengths: [f64; 2],
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([train, validation, test], [english, french], lengths) = (self.sentences, self.forms, self.mean_lengths);
        writeln!(formatter, "sentence pairs: train {train}, validation {validation}, test {test}")?;
        writeln!(formatter, "word forms: English {english}, French {french}")?;
        write!(formatter, "mean length in words: English {:.1}, French {:.1}", lengths[0], lengths[1])
    }
}

const NAMES: [&str; 3] = ["train", "validation", "test"];

/// Writes `{train,validation,test}.{en,fr,gold}` and `README.txt` into `directory`, which is created if needed.
///
/// Each file appears whole or not at all. Line `n` of the three files of a split belong together; `.gold` has links in Pharaoh notation,
/// `i-j` sure and `ipj` possible, English to French, words numbered from 0.
///
/// # Errors
/// Where the directory or a file cannot be written, or one of these names is that of another file: then nothing is written.
pub fn write(options: &SynthOptions, directory: &Path) -> Result<Summary> {
    let splits = generate(options);
    let sets = [&splits.train, &splits.validation, &splits.test];
    let mut texts = Vec::new();
    for (name, examples) in NAMES.iter().zip(sets) {
        let lines = |line: fn(&Example) -> String| examples.iter().map(|example| line(example) + "\n").collect::<String>();
        texts.push((format!("{name}.en"), lines(|example| example.source.clone())));
        texts.push((format!("{name}.fr"), lines(|example| example.target.clone())));
        texts.push((format!("{name}.gold"), lines(Example::gold)));
    }
    let summary = summarize(sets);
    texts.push(("README.txt".to_owned(), readme(options, &summary)));

    write_files(texts, directory)?;
    Ok(summary)
}

/// Writes `{train,validation,test}.{article,headline}` and `README.txt` into `directory`, as [`write`] does.
///
/// # Errors
/// Those of [`write`].
pub fn write_news(options: &NewsOptions, directory: &Path) -> Result<()> {
    let mut texts = Vec::new();
    for (name, reports) in NAMES.iter().zip(news(options)) {
        let lines = |line: fn(&Report) -> &str| reports.iter().map(|report| line(report).to_owned() + "\n").collect::<String>();
        texts.push((format!("{name}.article"), lines(|report| &report.article)));
        texts.push((format!("{name}.headline"), lines(|report| &report.headline)));
    }
    let [train, validation, test] = options.paragraphs;
    texts.push((
        "README.txt".to_owned(),
        format!(
            "Targum's built-in news\n\n\
             This is generated text: paragraphs (.article) and their headlines (.headline), line by line. A program made all of it; nobody\n\
             wrote any, and nothing in it happened. No name of validation and test is in the training part.\n\n\
             Seed {}. Paragraphs: train {train}, validation {validation}, test {test}.\n",
            options.seed
        ),
    ));
    write_files(texts, directory)
}

/// Files by name into `directory`, which is created if needed. Each appears whole or not at all.
fn write_files(texts: Vec<(String, String)>, directory: &Path) -> Result<()> {
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot create the directory {} for the built-in corpus", directory.shown()))?;
    clear_partials(directory);
    let mut missing: Vec<(PathBuf, String)> = Vec::new();
    let mut others = Vec::new();
    for (name, text) in texts {
        let path = directory.join(&name);
        match there(&path, &text).with_context(|| format!("{}: cannot read", path.shown()))? {
            None => missing.push((path, text)),
            Some(true) => {}
            Some(false) => others.push(name),
        }
    }
    if !others.is_empty() {
        bail!(
            "{}: holds other files named {}, which are left as they are; name another folder with --out, or remove them",
            directory.shown(),
            others.join(", ")
        );
    }
    missing.iter().try_for_each(|(path, text)| files::write(path, text))
}

/// Whether the file at `path` holds this text; nothing where there is no file.
fn there(path: &Path, text: &str) -> std::io::Result<Option<bool>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound && fs::symlink_metadata(path).is_err() => Ok(None),
        // A link to nowhere is somebody's all the same.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Some(false)),
        Err(error) => Err(error),
        Ok(found) if !found.is_file() || found.len() != text.len() as u64 => Ok(Some(false)),
        Ok(_) => Ok(Some(fs::read(path)? == text.as_bytes())),
    }
}

fn summarize(sets: [&Vec<Example>; 3]) -> Summary {
    let all = || sets.into_iter().flatten();
    let forms: BTreeSet<String> = all().flat_map(words).collect();
    let english = forms.iter().filter(|form| form.starts_with('e')).count();
    let mean = |side: fn(&Example) -> &str| {
        let words: usize = all().map(|example| side(example).split(' ').count()).sum();
        words as f64 / all().count().max(1) as f64
    };
    Summary {
        sentences: sets.map(Vec::len),
        forms: [english, forms.len() - english],
        mean_lengths: [mean(|example| &example.source), mean(|example| &example.target)],
    }
}

fn readme(options: &SynthOptions, summary: &Summary) -> String {
    format!(
        "Targum's built-in English-French corpus\n\
         \n\
         This is generated text. A program made every sentence from a small grammar; nobody wrote or said any of it, and what a model\n\
         scores on it says nothing about real translation. It is there so that a first run works offline and alignments can be scored.\n\
         \n\
         Seed {}. {summary}.\n\
         \n\
         train, validation, test: .en English, .fr French, .gold word alignments, line by line.\n\
         Alignments: i-j is a sure link, ipj a possible one; i is the English word and j the French word, numbered from 0 over\n\
         words separated by spaces.\n\
         Validation and test hold out combinations of words: each of their sentences joins two words in a way no training sentence does.\n",
        options.seed
    )
}
