//! Bitmaps of one size as people give them to a memory: row by row, as the path of a file, or in JSON.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::bitmap::{Bitmap, Size};
use crate::input::quoted;

/// Takes lines until they are a bitmap.
pub struct CueReader {
    size: Size,
    /// The rows of a bitmap that is not whole yet.
    rows: Vec<String>,
}

/// A cue in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    /// Row by row: 1 drawn, -1 not, 0 unknown.
    pattern: Option<Vec<f64>>,
    /// `#`, `.` and `?`.
    rows: Option<Vec<String>>,
}

impl CueReader {
    pub fn new(size: Size) -> Self {
        CueReader { size, rows: Vec::new() }
    }

    /// What lines hold.
    pub fn expects(&self) -> String {
        format!(
            "a bitmap of {}, row by row, `#` drawn, `.` not, `?` unknown; or the path of a PNG or text file with one; or {{\"rows\": [\"#.?\", …]}} or \
             {{\"pattern\": [1, -1, 0, …]}}",
            self.size
        )
    }

    /// A bitmap where this line ends one, by its last row or as a blank line, or is one.
    ///
    /// # Errors
    /// A bitmap of another size; a line that is no part of one.
    pub fn read(&mut self, line: &str) -> Result<Option<Bitmap>> {
        let line = line.trim();
        if Bitmap::is_row(line) {
            let found = line.chars().count();
            if found != self.size.columns {
                let row = self.rows.len() + 1;
                self.rows.clear();
                bail!("row {row} of the bitmap has {found} dots, but this memory holds bitmaps of {}", self.size);
            }
            self.rows.push(line.to_owned());
            return if self.rows.len() == self.size.rows { self.end() } else { Ok(None) };
        }
        if line.is_empty() {
            return self.end();
        }
        let begun = std::mem::take(&mut self.rows).len();
        ensure!(begun == 0, "the bitmap before this line has {begun} rows, but this memory holds bitmaps of {}", self.size);
        // The name of a bitmap in a file of several.
        if line.ends_with(':') {
            return Ok(None);
        }
        let bitmap = if line.starts_with('{') { self.of_json(line)? } else { of_file(line)? };
        self.whole(bitmap).map(Some)
    }

    /// What was begun, which nothing follows.
    ///
    /// # Errors
    /// Where it is not whole.
    pub fn end(&mut self) -> Result<Option<Bitmap>> {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() { Ok(None) } else { self.whole(Bitmap::of_rows("", &rows)?).map(Some) }
    }

    fn whole(&self, bitmap: Bitmap) -> Result<Bitmap> {
        ensure!(bitmap.size == self.size, "a bitmap of {}, but this memory holds bitmaps of {}", bitmap.size, self.size);
        Ok(bitmap)
    }

    fn of_json(&self, line: &str) -> Result<Bitmap> {
        let input: Input = serde_json::from_str(line).context("not the JSON that was expected")?;
        match (input.pattern, input.rows) {
            (None, Some(rows)) => Bitmap::of_rows("", &rows),
            (Some(dots), None) => {
                let (size, found) = (self.size, dots.len());
                ensure!(
                    found == size.units(),
                    "`pattern` has {found} numbers, but this memory holds bitmaps of {size}, {} numbers",
                    size.units()
                );
                let wrong = dots.iter().position(|&dot| dot != 1.0 && dot != -1.0 && dot != 0.0);
                if let Some(place) = wrong {
                    bail!(
                        "number {} of `pattern` is {}, expected 1 (drawn), -1 (not drawn) or 0 (unknown)",
                        place + 1,
                        dots[place]
                    );
                }
                Ok(Bitmap { name: String::new(), size, dots })
            }
            _ => bail!("expected either `rows` or `pattern`"),
        }
    }
}

/// The bitmap of a file.
fn of_file(line: &str) -> Result<Bitmap> {
    let path = Path::new(line);
    ensure!(path.is_file(), "{} is neither a row of a bitmap (`#`, `.` and `?`) nor a file", quoted(line));
    let mut bitmaps = Bitmap::read_all(path)?;
    ensure!(
        bitmaps.len() == 1,
        "{} has {} bitmaps, expected one: name it as a file of lines instead",
        quoted(line),
        bitmaps.len()
    );
    Ok(bitmaps.remove(0))
}
