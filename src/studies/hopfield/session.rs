//! A memory of bitmaps, asked about bitmaps of one's own.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use tch::Tensor;

use super::bitmap::{Bitmap, Size};
use super::network::{self, Network, overload};
use super::stored::StoredBitmaps;
use crate::input::quoted;
use crate::picture::Drawing;
use crate::recipe::HopfieldRecallRecipe;
use crate::report::{Chart, Strip};
use crate::studies::interactive::{Answer, Interactive};

/// Draws the order of updates.
const SEED: u64 = 1;
/// States on the way that are shown, evenly spread.
const MOST_FRAMES: usize = 12;
/// What people take for equal.
const SAME: f64 = 1.0 - 1e-6;

pub struct BitmapSession {
    stored: StoredBitmaps,
    network: Network,
    /// What should be known before the first answer.
    notes: Vec<String>,
    /// The rows of a bitmap that is not whole yet.
    rows: Vec<String>,
}

/// A cue as it is given in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    /// Row by row: 1 drawn, -1 not, 0 unknown.
    pattern: Option<Vec<f64>>,
    /// `#`, `.` and `?`.
    rows: Option<Vec<String>>,
}

/// Opens the memory of a checkpoint.
///
/// # Errors
/// Where it is broken.
pub fn open(recipe: &HopfieldRecallRecipe, folder: &Path) -> Result<Box<dyn Interactive>> {
    let stored = StoredBitmaps::load(folder)?;
    let network = Network::learn(recipe.rule, &stored.patterns, recipe.beta)?;
    let notes = overload(recipe.rule, stored.count(), stored.patterns.units()).into_iter().collect();
    Ok(Box::new(BitmapSession { stored, network, notes, rows: Vec::new() }))
}

impl Interactive for BitmapSession {
    fn expects(&self) -> String {
        format!(
            "a bitmap of {}, row by row, `#` drawn, `.` not, `?` unknown; or the path of a PNG or text file with one; or {{\"rows\": [\"#.?\", …]}} or \
             {{\"pattern\": [1, -1, 0, …]}}",
            self.stored.size
        )
    }

    fn ask(&mut self, line: &str) -> Result<Option<Answer>> {
        let line = line.trim();
        if Bitmap::is_row(line) {
            let (found, Size { columns, rows }) = (line.chars().count(), self.stored.size);
            if found != columns {
                let row = self.rows.len() + 1;
                self.rows.clear();
                bail!("row {row} of the bitmap has {found} dots, but this memory holds bitmaps of {}", self.stored.size);
            }
            self.rows.push(line.to_owned());
            return if self.rows.len() == rows { self.end() } else { Ok(None) };
        }
        if line.is_empty() {
            return self.end();
        }
        let begun = std::mem::take(&mut self.rows).len();
        ensure!(
            begun == 0,
            "the bitmap before this line has {begun} rows, but this memory holds bitmaps of {}",
            self.stored.size
        );
        // The name of a bitmap in a file of several.
        if line.ends_with(':') {
            return Ok(None);
        }
        let cue = if line.starts_with('{') { self.of_json(line)? } else { of_file(line)? };
        self.recall(&cue).map(Some)
    }

    fn end(&mut self) -> Result<Option<Answer>> {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() { Ok(None) } else { self.recall(&Bitmap::of_rows("", &rows)?).map(Some) }
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

impl BitmapSession {
    fn of_json(&self, line: &str) -> Result<Bitmap> {
        let input: Input = serde_json::from_str(line).context("not the JSON that was expected")?;
        match (input.pattern, input.rows) {
            (None, Some(rows)) => Bitmap::of_rows("", &rows),
            (Some(dots), None) => {
                let (size, found) = (self.stored.size, dots.len());
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

    fn recall(&mut self, cue: &Bitmap) -> Result<Answer> {
        let size = self.stored.size;
        ensure!(cue.size == size, "a bitmap of {}, but this memory holds bitmaps of {size}", cue.size);
        let path = self.network.path(&Tensor::from_slice(&cue.dots).unsqueeze(0), SEED)?;
        let changes = path.energies.len() - 1;
        let (end, energy) = (&path.states[changes], path.energies[changes]);
        let overlaps = self.overlaps(end)?;
        let best = (0..overlaps.len()).max_by(|&a, &b| overlaps[a].total_cmp(&overlaps[b])).unwrap_or(0);
        let (name, overlap) = (&self.stored.names[best], overlaps[best]);
        let mut notes = std::mem::take(&mut self.notes);
        if let Some(mirrored) = overlaps.iter().position(|&overlap| overlap <= -SAME) {
            notes.push(format!("this is {} with every dot reversed, a valley as deep as its own", self.stored.names[mirrored]));
        } else if overlap < SAME {
            notes.push("this is none of the stored bitmaps: a mixture of several, or of its own making".to_owned());
        }
        if !path.settled {
            notes.push("it had not come to rest when updates ended".to_owned());
        }
        let frames = frames(&path, size);
        let rows = Bitmap::rows_of(end, size.columns);
        let text = format!("{}\n{name}: overlap {overlap:.3}, energy {energy:.3} after {changes} changes", rows.join("\n"));
        let named: Vec<Value> =
            self.stored.names.iter().zip(&overlaps).map(|(name, overlap)| json!({ "name": name, "overlap": overlap })).collect();
        let record = json!({
            "cue": Bitmap::rows_of(&cue.dots, size.columns),
            "answer": rows,
            "name": name,
            "overlap": overlap,
            "overlaps": named,
            "energies": path.energies,
            "frames": frames,
            "settled": path.settled,
        });
        let title = format!("{name}: overlap {overlap:.3}");
        let pictures = vec![("recall", strip(&title, &path, cue)?), ("energy", energies(&title, &path)?)];
        Ok(Answer { text, record, notes, pictures })
    }

    /// With each stored bitmap.
    fn overlaps(&self, state: &[f64]) -> Result<Vec<f64>> {
        let products = self.stored.patterns.tensor().mv(&Tensor::from_slice(state)); // [P]
        Ok(Vec::try_from(products / state.len() as f64)?)
    }
}

/// Places in a path, the first and the last among them.
fn shown(path: &network::Path) -> Vec<usize> {
    let last = path.states.len() - 1;
    let steps = last.min(MOST_FRAMES - 1);
    (0..=steps).map(|step| if steps == 0 { 0 } else { step * last / steps }).collect()
}

fn frames(path: &network::Path, size: Size) -> Vec<Value> {
    let frame = |place: usize| json!({ "changes": place, "energy": path.energies[place], "rows": Bitmap::rows_of(&path.states[place], size.columns) });
    shown(path).into_iter().map(frame).collect()
}

/// The cue and the states after it, each under the number of changes so far and its energy.
fn strip(title: &str, path: &network::Path, cue: &Bitmap) -> Result<Drawing> {
    let places = shown(path);
    let headings = places.iter().map(|&place| format!("{place}: {:.2}", path.energies[place]));
    let columns: Vec<String> = std::iter::once("cue".to_owned()).chain(headings).collect();
    let shades = |state: &[f64]| state.iter().map(|&dot| ((dot + 1.0) / 2.0) as f32).collect::<Vec<f32>>();
    let states = places.iter().map(|&place| shades(&path.states[place]));
    let pictures = std::iter::once(shades(&cue.dots)).chain(states).collect();
    Strip::new(&format!("{title}, changes and energy"), &columns, cue.size.columns).row("", pictures).drawing()
}

fn energies(title: &str, path: &network::Path) -> Result<Drawing> {
    let points: Vec<(f64, f64)> = path.energies.iter().enumerate().map(|(place, &energy)| (place as f64, energy)).collect();
    Chart::new(title, "changes so far", "energy").curve("energy", &points).drawing()
}
