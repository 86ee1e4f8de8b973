//! Tokenizers of a run: trained once on the training data, kept in the run folder.

use std::path::Path;

use anyhow::Result;

use crate::checkpoint::Tokenizers;
use crate::corpus::ParallelText;
use crate::recipe::{Recipe, TokenizerKind, TokenizerRecipe};
use crate::text::{Kind, Tokenizer, TokenizerOptions};

/// Loads the run's tokenizers, or trains and saves them.
pub fn load_or_train(recipe: &Recipe, text: &ParallelText, run_folder: &Path) -> Result<Tokenizers> {
    if run_folder.join("tokenizer.json").exists() || run_folder.join("source.tokenizer.json").exists() {
        return Tokenizers::load(run_folder);
    }
    let mut sources = Vec::new();
    let mut targets = Vec::new();
    for pair in text.pairs()? {
        let (source, target) = pair?;
        sources.push(source);
        targets.push(target);
    }
    let options = &recipe.tokenizer;
    let tokenizers = if options.joint {
        Tokenizers::Joint(train(options, options.size, sources.iter().chain(&targets), "joint")?)
    } else {
        Tokenizers::Separate {
            source: train(options, options.source_size.unwrap_or(options.size), sources.iter(), &recipe.data.source)?,
            target: train(options, options.target_size.unwrap_or(options.size), targets.iter(), &recipe.data.target)?,
        }
    };
    tokenizers.save(run_folder)?;
    Ok(tokenizers)
}

fn train<'a>(
    recipe: &TokenizerRecipe,
    size: usize,
    lines: impl Iterator<Item = &'a String> + Send,
    side: &str,
) -> Result<Tokenizer> {
    let options = TokenizerOptions {
        kind: match recipe.kind {
            TokenizerKind::Bpe => Kind::Bpe,
            TokenizerKind::Unigram => Kind::Unigram,
            TokenizerKind::Word => Kind::Word,
            TokenizerKind::Character => Kind::Character,
        },
        size,
        minimum_frequency: u32::try_from(recipe.minimum_frequency).unwrap_or(u32::MAX),
        lowercase: recipe.lowercase,
        byte_fallback: recipe.byte_fallback,
    };
    let (tokenizer, report) = Tokenizer::train(&options, lines.map(String::as_str))?;
    if report.got < report.asked {
        eprintln!("{side} vocabulary: {} pieces, {} asked for: the data supports no more", report.got, report.asked);
    } else {
        eprintln!("{side} vocabulary: {} pieces", report.got);
    }
    Ok(tokenizer)
}
