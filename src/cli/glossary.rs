//! The file of `--glossary`.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::corpus::lines;
use crate::runtime::files::Shown;
use crate::search::SearchOptions;
use crate::translator::{Glossary, Translator};

/// Reads lines of source phrase, tab, target phrase. Every target phrase must be one that this model can produce.
pub fn read(path: &Path, translator: &Translator, search: &SearchOptions) -> Result<Glossary> {
    let mut glossary = Glossary::new(translator.config.lowercase);
    let continuations = translator.continuations();
    for (number, line) in lines(Some(path))?.enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let place = || format!("{}:{}", path.shown(), number + 1);
        let parts: Vec<&str> = line.split('\t').collect();
        let [source, target] = parts[..] else {
            bail!("{}: expected source phrase, tab, target phrase, found {} tabs in {line:?}", place(), parts.len() - 1);
        };
        if source.trim().is_empty() {
            bail!("{}: the source phrase is blank in {line:?}", place());
        }
        let constraint = translator.constraint(target, &continuations, search).with_context(place)?;
        if let Some(other) = glossary.insert(source, target.trim(), constraint) {
            bail!("{}: {source:?} has a translation already, {other:?}; a phrase has one", place());
        }
    }
    Ok(glossary)
}
