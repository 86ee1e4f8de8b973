//! Bitmaps as people write them: lines of `#` and `.`, or images.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::input::{quoted, read_bytes};
use crate::picture;
use crate::runtime::files::Shown;

/// Dots of the largest bitmap: weights between all of them still fit in memory.
const MOST_DOTS: usize = 4096;
/// Bytes of a file with bitmaps.
const MOST_BYTES: u64 = 16 << 20;

/// Dots of a line, and lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub columns: usize,
    pub rows: usize,
}

/// Dots from left to right and from top to bottom: 1 where one is drawn, -1 where none is, 0 where nobody knows.
#[derive(Debug, Clone, PartialEq)]
pub struct Bitmap {
    pub name: String,
    pub size: Size,
    pub dots: Vec<f64>,
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}×{} dots", self.columns, self.rows)
    }
}

impl Size {
    pub fn units(self) -> usize {
        self.columns * self.rows
    }
}

impl Bitmap {
    /// From rows of `#`, `.` and `?`.
    ///
    /// # Errors
    /// No rows, rows of different lengths, other characters, too many dots.
    pub fn of_rows(name: &str, rows: &[String]) -> Result<Self> {
        let columns = rows.first().map_or(0, |row| row.chars().count());
        ensure!(columns > 0, "a bitmap without dots");
        let mut dots = Vec::new();
        for (number, row) in rows.iter().enumerate() {
            let found = row.chars().count();
            ensure!(found == columns, "row {} has {found} dots, the first has {columns}", number + 1);
            for character in row.chars() {
                dots.push(
                    dot(character)
                        .with_context(|| format!("row {}: {character:?} is no dot: expected `#`, `.` or `?`", number + 1))?,
                );
            }
        }
        Self::new(name, Size { columns, rows: rows.len() }, dots)
    }

    fn new(name: &str, size: Size, dots: Vec<f64>) -> Result<Self> {
        ensure!(
            (1..=MOST_DOTS).contains(&size.units()),
            "a bitmap of {size}, expected at most {MOST_DOTS} in all, such as 64×64: scale it down"
        );
        Ok(Bitmap { name: name.to_owned(), size, dots })
    }

    /// Whether a line looks like a row of a bitmap.
    pub fn is_row(line: &str) -> bool {
        !line.is_empty() && line.chars().all(|character| dot(character).is_some())
    }

    /// The bitmaps of a file: a PNG image, which is one, or text with several, blank lines between them. A line `NAME:` names the next one;
    /// without it a bitmap is named after its file, and numbered where that has several.
    ///
    /// # Errors
    /// A file that cannot be read, or has something else in it: the message names file and line.
    pub fn read_all(path: &Path) -> Result<Vec<Self>> {
        let bytes = read_bytes(path, "bitmaps", MOST_BYTES)?;
        let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        if picture::Bitmap::is_png(&bytes) {
            return Ok(vec![of_image(&stem, &bytes).with_context(|| format!("{}: cannot read the image", path.shown()))?]);
        }
        let text = std::str::from_utf8(&bytes).ok().with_context(|| {
            format!("{}: neither a PNG image nor text; expected lines of `#` and `.`, or a PNG file", path.shown())
        })?;
        of_text(text, &stem, &path.shown().to_string())
    }

    /// `#` where a dot is drawn, `.` where none is, `?` in between: a row each.
    pub fn rows_of(dots: &[f64], columns: usize) -> Vec<String> {
        let character = |&dot: &f64| {
            if dot > 0.0 {
                '#'
            } else if dot < 0.0 {
                '.'
            } else {
                '?'
            }
        };
        dots.chunks(columns.max(1)).map(|row| row.iter().map(character).collect()).collect()
    }
}

fn dot(character: char) -> Option<f64> {
    match character {
        '#' => Some(1.0),
        '.' => Some(-1.0),
        '?' => Some(0.0),
        _ => None,
    }
}

/// A dot for each pixel, drawn where it is dark.
fn of_image(name: &str, bytes: &[u8]) -> Result<Bitmap> {
    let image = picture::Bitmap::from_png(bytes)?;
    let dots = image.lightness().into_iter().map(|lightness| if lightness < 0.5 { 1.0 } else { -1.0 });
    Bitmap::new(name, Size { columns: image.width(), rows: image.height() }, dots.collect())
}

fn of_text(text: &str, stem: &str, place: &str) -> Result<Vec<Bitmap>> {
    let mut found: Vec<(Option<String>, usize, Vec<String>)> = Vec::new();
    let (mut name, mut open) = (None, false);
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() {
            open = false;
        } else if let Some(heading) = line.strip_suffix(':') {
            (name, open) = (Some(heading.trim().to_owned()), false);
        } else if !Bitmap::is_row(line) {
            bail!(
                "{place}:{number}: {} is no row of a bitmap; expected `#` and `.`, or a name with a colon behind it",
                quoted(line)
            );
        } else {
            if !open {
                found.push((name.take(), number, Vec::new()));
            }
            open = true;
            found.last_mut().expect("one was just begun").2.push(line.to_owned());
        }
    }
    ensure!(!found.is_empty(), "{place}: has no bitmap; expected lines of `#` and `.`");
    let several = found.len() > 1;
    let bitmap = |(count, (name, line, rows)): (usize, (Option<String>, usize, Vec<String>))| {
        let name = name.unwrap_or_else(|| if several { format!("{stem} {}", count + 1) } else { stem.to_owned() });
        Bitmap::of_rows(&name, &rows).with_context(|| format!("{place}:{line}: the bitmap that begins here"))
    };
    found.into_iter().enumerate().map(bitmap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_bitmaps_with_and_without_names() {
        let bitmaps = of_text("#.\n.#\n\n\nface of Ada:\n##\n..\n", "two", "two.txt").unwrap();
        let names: Vec<&str> = bitmaps.iter().map(|bitmap| bitmap.name.as_str()).collect();
        assert_eq!(names, ["two 1", "face of Ada"]);
        assert_eq!(bitmaps[0].dots, [1.0, -1.0, -1.0, 1.0]);
        assert_eq!(of_text("#?\r\n", "one", "one.txt").unwrap()[0], Bitmap::of_rows("one", &["#?".to_owned()]).unwrap());
        assert_eq!(Bitmap::rows_of(&bitmaps[1].dots, 2), ["##", ".."]);
    }

    #[test]
    fn what_is_no_bitmap_is_named_by_its_line() {
        let error = |text: &str| format!("{:#}", of_text(text, "own", "own.txt").unwrap_err());
        assert!(error("\n#.\n###\n").contains("own.txt:2: the bitmap that begins here: row 2 has 3 dots, the first has 2"));
        assert!(error("#.\nhello\n").contains("own.txt:2: \"hello\" is no row of a bitmap"));
        assert!(error("\n \n").contains("own.txt: has no bitmap"));
        assert!(error(&"#".repeat(5000)).contains("5000×1 dots, expected at most 4096"));
    }
}
