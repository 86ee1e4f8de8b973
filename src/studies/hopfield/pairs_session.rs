//! A bidirectional memory, asked for the name of a bitmap or the bitmap of a name.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tch::Tensor;

use super::SWEEPS;
use super::bitmap::Bitmap;
use super::cue::CueReader;
use super::frames::{energies, shades, shown};
use super::pairs::{NamedBitmaps, filled};
use super::stored::StoredBitmaps;
use crate::memory::hopfield::Patterns;
use crate::report::Strip;
use crate::studies::interactive::{Answer, Interactive};

pub struct PairsSession {
    pairs: NamedBitmaps,
    reader: CueReader,
}

/// What is given of a pair.
enum Cue {
    Bitmap(Bitmap),
    Name(String),
}

/// Both layers after so many rounds.
struct Round {
    bitmap: Vec<f64>,
    name: String,
    energy: f64,
}

/// Opens the memory of a checkpoint.
///
/// # Errors
/// Where it is broken.
pub fn open(folder: &Path) -> Result<Box<dyn Interactive>> {
    let pairs = NamedBitmaps::new(StoredBitmaps::load(folder)?)?;
    let reader = CueReader::new(pairs.stored.size);
    Ok(Box::new(PairsSession { pairs, reader }))
}

impl Interactive for PairsSession {
    fn expects(&self) -> String {
        format!("a name, such as `{}`; or {}", self.pairs.stored.names[0], self.reader.expects())
    }

    fn ask(&mut self, line: &str) -> Result<Option<Answer>> {
        let text = line.trim();
        let is_name = !text.is_empty()
            && !Bitmap::is_row(text)
            && !text.starts_with('{')
            && !text.ends_with(':')
            && !Path::new(text).is_file();
        if is_name {
            return self.recall(&Cue::Name(text.to_owned())).map(Some);
        }
        let cue = self.reader.read(text)?;
        cue.map(|cue| self.recall(&Cue::Bitmap(cue))).transpose()
    }

    fn end(&mut self) -> Result<Option<Answer>> {
        let cue = self.reader.end()?;
        cue.map(|cue| self.recall(&Cue::Bitmap(cue))).transpose()
    }
}

impl PairsSession {
    /// The states after each round, back and forth, until both layers rest.
    fn rounds(&self, cue: &Cue) -> Result<(Vec<Round>, bool)> {
        let NamedBitmaps { memory, code, .. } = &self.pairs;
        let start = match cue {
            Cue::Bitmap(bitmap) => filled(memory, bitmap)?,
            Cue::Name(name) => Patterns::new(&Tensor::from_slice(&code.signs(name)?).unsqueeze(0))?,
        };
        let mut rounds = Vec::new();
        for limit in 0..SWEEPS {
            let recalled = match cue {
                Cue::Bitmap(_) => memory.recall_from_first(&start, limit)?,
                Cue::Name(_) => memory.recall_from_second(&start, limit)?,
            };
            let signs: Vec<f64> = Vec::try_from(recalled.second.tensor().view(-1))?;
            let energy = memory.energy(&recalled.first, &recalled.second)?.double_value(&[0]);
            rounds.push(Round { bitmap: Vec::try_from(recalled.first.tensor().view(-1))?, name: code.name(&signs), energy });
            if recalled.settled == [true] {
                return Ok((rounds, true));
            }
        }
        Ok((rounds, false))
    }

    fn recall(&self, cue: &Cue) -> Result<Answer> {
        let (rounds, settled) = self.rounds(cue)?;
        let Round { bitmap, name, energy } = rounds.last().context("there is a first round")?;
        let stored = &self.pairs.stored;
        let columns = stored.size.columns;
        let overlaps: Vec<f64> = Vec::try_from(stored.patterns.tensor().mv(&Tensor::from_slice(bitmap)) / bitmap.len() as f64)?;
        let nearest = (0..overlaps.len()).max_by(|&a, &b| overlaps[a].total_cmp(&overlaps[b])).unwrap_or(0);
        let mut notes = Vec::new();
        if !stored.names.iter().any(|known| known.to_lowercase() == *name) {
            notes.push("nobody of that name is stored: a mixture of several pairs".to_owned());
        }
        if overlaps[nearest] < 1.0 {
            notes.push(format!("the bitmap is none of those stored, most like that of {}", stored.names[nearest]));
        }
        if !settled {
            notes.push("it had not come to rest when updates ended".to_owned());
        }
        let rows = Bitmap::rows_of(bitmap, columns);
        let count = rounds.len() - 1;
        let text = format!(
            "{}\n{name}: overlap with {} {:.3}, energy {energy:.0} after {count} rounds",
            rows.join("\n"),
            stored.names[nearest],
            overlaps[nearest]
        );
        let frames: Vec<Value> = rounds
            .iter()
            .map(|round| json!({ "name": round.name, "energy": round.energy, "rows": Bitmap::rows_of(&round.bitmap, columns) }))
            .collect();
        let given = match cue {
            Cue::Bitmap(bitmap) => json!(Bitmap::rows_of(&bitmap.dots, columns)),
            Cue::Name(name) => json!(name),
        };
        let record = json!({
            "cue": given,
            "name": name,
            "answer": rows,
            "nearest": stored.names[nearest],
            "overlap": overlaps[nearest],
            "frames": frames,
            "settled": settled,
        });
        let places = shown(rounds.len());
        let mut headings: Vec<String> =
            places.iter().map(|&place| format!("{}: {:.0}", rounds[place].name, rounds[place].energy)).collect();
        let mut pictures: Vec<Vec<f32>> = places.iter().map(|&place| shades(&rounds[place].bitmap)).collect();
        if let Cue::Bitmap(bitmap) = cue {
            headings.insert(0, "cue".to_owned());
            pictures.insert(0, shades(&bitmap.dots));
        }
        let title = format!("{name}; names and energy, round by round");
        let strip = Strip::new(&title, &headings, columns).row("", pictures).drawing()?;
        let trace: Vec<f64> = rounds.iter().map(|round| round.energy).collect();
        Ok(Answer { text, record, notes, pictures: vec![("recall", strip), ("energy", energies(name, &trace)?)] })
    }
}
