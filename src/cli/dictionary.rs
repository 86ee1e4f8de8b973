//! The dictionary of `--replace-unknown`.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Result, bail};

use crate::corpus::lines;
use crate::runtime::files::Shown;

/// Source word to target word.
#[derive(Default)]
pub struct Dictionary(HashMap<String, String>);

impl Dictionary {
    /// Reads lines of source, tab, target; the first entry of a word counts.
    pub fn read(path: &Path) -> Result<Self> {
        let mut entries = HashMap::new();
        for (number, line) in lines(Some(path))?.enumerate() {
            let line = line?;
            if line.trim().is_empty() {
                continue;
            }
            let parts: Vec<&str> = line.split('\t').collect();
            let [source, target] = parts[..] else {
                bail!(
                    "{}:{}: expected a dictionary line of source, tab, target, found {} tabs in {line:?}; a file to be translated stands \
                     before --replace-unknown or behind --",
                    path.shown(),
                    number + 1,
                    parts.len() - 1
                );
            };
            entries.entry(source.trim().to_string()).or_insert_with(|| target.trim().to_string());
        }
        Ok(Dictionary(entries))
    }

    pub fn into_map(self) -> HashMap<String, String> {
        self.0
    }
}
