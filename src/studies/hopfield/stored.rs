//! The bitmaps that a memory holds: read from files of one's own, and kept in a checkpoint.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::bitmap::{Bitmap, Size};
use crate::memory::hopfield::Patterns;
use crate::nn::{WEIGHTS_FILE, read_weights, save_weights};
use crate::runtime::files::Shown;

/// Names and size, beside the patterns in `model.safetensors`.
const DESCRIPTION: &str = "bitmaps.json";
/// The tensor [P, N].
const PATTERNS: &str = "patterns";

/// Named bitmaps of one size.
pub struct StoredBitmaps {
    pub names: Vec<String>,
    pub size: Size,
    /// [P, N] in double precision.
    pub patterns: Patterns,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    columns: usize,
    rows: usize,
    names: Vec<String>,
}

impl StoredBitmaps {
    /// Those of files, in their order; built-in ones where there are none.
    ///
    /// # Errors
    /// As [`Bitmap::read_all`]; bitmaps of different sizes, and unknown dots.
    pub fn of_files(files: &[PathBuf], built_in: fn() -> Result<Vec<Bitmap>>) -> Result<Self> {
        if files.is_empty() {
            return Self::new(built_in()?);
        }
        let mut all: Vec<Bitmap> = Vec::new();
        for file in files {
            for bitmap in Bitmap::read_all(file)? {
                let first = all.first().map_or(bitmap.size, |first| first.size);
                ensure!(
                    bitmap.size == first,
                    "{}: {:?} is a bitmap of {}, but those before it are of {first}: all that a memory stores must be of one size",
                    file.shown(),
                    bitmap.name,
                    bitmap.size
                );
                ensure!(
                    bitmap.dots.iter().all(|&dot| dot != 0.0),
                    "{}: {:?} has unknown dots (`?`), which only cues may have: expected `#` and `.`",
                    file.shown(),
                    bitmap.name
                );
                all.push(bitmap);
            }
        }
        Self::new(all)
    }

    fn new(bitmaps: Vec<Bitmap>) -> Result<Self> {
        let size = bitmaps.first().context("no bitmaps to store")?.size;
        let dots: Vec<f64> = bitmaps.iter().flat_map(|bitmap| bitmap.dots.iter().copied()).collect();
        let patterns = Patterns::new(&Tensor::from_slice(&dots).reshape([bitmaps.len() as i64, -1]))?;
        Ok(StoredBitmaps { names: bitmaps.into_iter().map(|bitmap| bitmap.name).collect(), size, patterns })
    }

    /// Writes them into the folder of a checkpoint.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let Size { columns, rows } = self.size;
        let description = Description { columns, rows, names: self.names.clone() };
        let path = folder.join(DESCRIPTION);
        let text = serde_json::to_string_pretty(&description)? + "\n";
        std::fs::write(&path, text).with_context(|| format!("{}: cannot write", path.shown()))?;
        save_weights(&[(PATTERNS.to_owned(), self.patterns.tensor().shallow_clone())], folder)
    }

    /// Reads them back.
    ///
    /// # Errors
    /// Files that are broken, or not of each other.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = folder.join(DESCRIPTION);
        let text = std::fs::read(&path).with_context(|| format!("{}: cannot read", path.shown()))?;
        let Description { columns, rows, names } =
            serde_json::from_slice(&text).with_context(|| format!("{}: no description of bitmaps", path.shown()))?;
        let weights = folder.join(WEIGHTS_FILE);
        let patterns = read_weights(&weights)?.remove(PATTERNS);
        let patterns = patterns.with_context(|| format!("{}: has no tensor `{PATTERNS}`", weights.shown()))?;
        let expected = [names.len() as i64, columns.saturating_mul(rows) as i64];
        ensure!(
            patterns.size() == expected,
            "{}: `{PATTERNS}` has the shape {:?}, but {DESCRIPTION} tells of {expected:?}",
            weights.shown(),
            patterns.size()
        );
        let patterns = Patterns::new(&patterns.to_kind(Kind::Double).to_device(Device::Cpu));
        let patterns = patterns.with_context(|| weights.shown().to_string())?;
        Ok(StoredBitmaps { names, size: Size { columns, rows }, patterns })
    }

    /// P.
    pub fn count(&self) -> i64 {
        self.patterns.count()
    }
}

#[cfg(test)]
mod tests {
    use super::super::letters::letters;
    use super::*;

    #[test]
    fn what_was_stored_is_read_back() {
        let place = tempfile::tempdir().unwrap();
        let letters = StoredBitmaps::of_files(&[], letters).unwrap();
        letters.save(place.path()).unwrap();
        let again = StoredBitmaps::load(place.path()).unwrap();
        assert_eq!((&again.names, again.size), (&letters.names, letters.size));
        assert!(again.patterns.tensor().equal(letters.patterns.tensor()));
        let path = place.path().join(DESCRIPTION);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"rows\": 12", "\"rows\": 13")).unwrap();
        let error = StoredBitmaps::load(place.path()).err().unwrap().to_string();
        assert!(error.contains("has the shape [10, 144], but bitmaps.json tells of [10, 156]"), "{error}");
    }
}
