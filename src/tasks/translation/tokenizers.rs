//! Tokenizers of a run: trained once on the training data, kept in the run folder.

use std::path::Path;

use anyhow::{Context, Result};

use crate::checkpoint::{Tokenizers, locate, steps};
use crate::corpus::ParallelText;
use crate::recipe::{Recipe, TokenizerRecipe};
use crate::runtime::files::Shown;
use crate::runtime::message;
use crate::text::{Tokenizer, WordCounts};

/// Pairs whose words are counted at a time: the text as a whole is never in memory.
const CHUNK: usize = 1 << 14;

/// Files that tokenizers are kept in: one for both sides, or one each.
const FILES: [&str; 3] = ["tokenizer.json", "source.tokenizer.json", "target.tokenizer.json"];

/// Saves the tokenizers of another checkpoint or run in the run's folder.
pub fn take_over(init: &Path, run_folder: &Path) -> Result<Tokenizers> {
    let tokenizers = Tokenizers::load(&locate(init)?)?;
    clear(run_folder)?;
    tokenizers.save(run_folder)?;
    Ok(tokenizers)
}

/// The tokenizers of a run that goes on: those of its folder, or of its newest checkpoint where somebody took those away.
pub fn of_run(run_folder: &Path) -> Result<Tokenizers> {
    let present = FILES.iter().any(|name| run_folder.join(name).exists());
    match steps(run_folder).first().filter(|_| !present) {
        Some(newest) => {
            message!("{}: its tokenizers are gone; those of {} take their place", run_folder.shown(), newest.shown());
            take_over(newest, run_folder)
        }
        None => Tokenizers::load(run_folder),
    }
}

/// What an earlier start left in the folder may be of another shape.
fn clear(run_folder: &Path) -> Result<()> {
    for name in FILES {
        let path = run_folder.join(name);
        if path.exists() {
            std::fs::remove_file(&path).with_context(|| format!("{}: cannot remove", path.shown()))?;
        }
    }
    Ok(())
}

/// Trains the run's tokenizers and saves them in its folder.
pub fn train(recipe: &Recipe, text: &ParallelText, run_folder: &Path) -> Result<Tokenizers> {
    clear(run_folder)?;
    let options = &recipe.tokenizer;
    let mut words = [WordCounts::default(), WordCounts::default()];
    let mut empty = true;
    for chunk in text.chunks(CHUNK)? {
        let (sources, targets): (Vec<String>, Vec<String>) = chunk?.into_iter().unzip();
        words[0].add(&sources);
        words[usize::from(!options.joint)].add(&targets);
        empty = false;
    }
    if empty {
        // Names the files.
        text.check()?;
    }
    let [sources, targets] = words;
    let tokenizers = if options.joint {
        Tokenizers::Joint(Box::new(train_side(options, options.size, sources, "joint")?))
    } else {
        Tokenizers::Separate {
            source: Box::new(train_side(options, options.source_size.unwrap_or(options.size), sources, &recipe.data.source)?),
            target: Box::new(train_side(options, options.target_size.unwrap_or(options.size), targets, &recipe.data.target)?),
        }
    };
    tokenizers.save(run_folder)?;
    Ok(tokenizers)
}

fn train_side(recipe: &TokenizerRecipe, size: usize, words: WordCounts, side: &str) -> Result<Tokenizer> {
    let options = TokenizerRecipe { size, ..recipe.clone() };
    let (tokenizer, report) = Tokenizer::train_on(&options, words)?;
    if report.got < report.asked {
        message!("{side} vocabulary: {} pieces, {} asked for: the data supports no more", report.got, report.asked);
    } else {
        message!("{side} vocabulary: {} pieces", report.got);
    }
    Ok(tokenizer)
}

/// The bytes of the run's tokenizer files: what tells its token index apart from others.
pub fn fingerprint(run_folder: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for name in FILES {
        let path = run_folder.join(name);
        if path.exists() {
            bytes.extend(std::fs::read(&path).with_context(|| format!("{}: cannot read", path.shown()))?);
        }
    }
    Ok(bytes)
}
