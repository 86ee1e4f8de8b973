//! A memory of bitmaps, asked about bitmaps of one's own.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};
use tch::Tensor;

use super::bitmap::Bitmap;
use super::cue::CueReader;
use super::frames::{energies, shown, strip};
use super::network::{End, Network, overload};
use super::stored::StoredBitmaps;
use crate::recipe::HopfieldRecallRecipe;
use crate::studies::interactive::{Answer, Interactive};

/// Draws the order of updates.
const SEED: u64 = 1;
/// What people take for equal.
const SAME: f64 = 1.0 - 1e-6;

pub struct BitmapSession {
    stored: StoredBitmaps,
    network: Network,
    /// What should be known before the first answer.
    notes: Vec<String>,
    reader: CueReader,
}

/// Opens the memory of a checkpoint.
///
/// # Errors
/// Where it is broken.
pub fn open(recipe: &HopfieldRecallRecipe, folder: &Path) -> Result<Box<dyn Interactive>> {
    let stored = StoredBitmaps::load(folder)?;
    let network = Network::of_recipe(recipe, &stored.patterns)?;
    let notes = overload(recipe.rule, stored.count(), stored.patterns.units()).into_iter().collect();
    let reader = CueReader::new(stored.size);
    Ok(Box::new(BitmapSession { stored, network, notes, reader }))
}

impl Interactive for BitmapSession {
    fn expects(&self) -> String {
        self.reader.expects()
    }

    fn ask(&mut self, line: &str) -> Result<Option<Answer>> {
        let cue = self.reader.read(line)?;
        cue.map(|cue| self.recall(&cue)).transpose()
    }

    fn end(&mut self) -> Result<Option<Answer>> {
        let cue = self.reader.end()?;
        cue.map(|cue| self.recall(&cue)).transpose()
    }
}

impl BitmapSession {
    fn recall(&mut self, cue: &Bitmap) -> Result<Answer> {
        let columns = self.stored.size.columns;
        let path = self.network.path(&Tensor::from_slice(&cue.dots).unsqueeze(0), SEED)?;
        let changes = path.energies.len() - 1;
        let (end, energy) = (&path.states[changes], path.energies[changes]);
        // A graded unit is taken by its sign.
        let signs: Vec<f64> = end.iter().map(|dot| dot.signum()).collect();
        let overlaps = self.overlaps(&signs)?;
        let best =
            |sign: f64| (0..overlaps.len()).max_by(|&a, &b| (sign * overlaps[a]).total_cmp(&(sign * overlaps[b]))).unwrap_or(0);
        let (nearest, mirrored) = (best(1.0), best(-1.0));
        let (name, overlap) = (&self.stored.names[nearest], overlaps[nearest]);
        let mut notes = std::mem::take(&mut self.notes);
        if overlaps[mirrored] <= -SAME {
            notes.push(format!("this is {} with every dot reversed, a valley as deep as its own", self.stored.names[mirrored]));
        } else if overlap < SAME && -overlaps[mirrored] > overlap {
            notes.push(format!(
                "this is none of the stored bitmaps: a mixture, most like {} with its dots reversed (overlap {:.3})",
                self.stored.names[mirrored], overlaps[mirrored]
            ));
        } else if overlap < SAME {
            notes.push(format!("this is none of the stored bitmaps: a mixture, most like {name}"));
        }
        match path.end {
            End::Rests => {}
            End::TakesTurns => notes
                .push("it never rests: from here on two states take turns, all of whose units are updated at once".to_owned()),
            End::Fluctuates => {
                notes.push("at its temperature it never rests: this is where it was when updates ended".to_owned())
            }
            End::Unsettled => notes.push("it had not come to rest when updates ended".to_owned()),
        }
        let rows = Bitmap::rows_of(end, columns);
        let text = format!("{}\n{name}: overlap {overlap:.3}, energy {energy:.3} after {changes} changes", rows.join("\n"));
        let names = self.stored.names.iter().zip(&overlaps);
        let named: Vec<Value> = names.map(|(name, overlap)| json!({ "name": name, "overlap": overlap })).collect();
        let frame = |place: usize| json!({ "changes": place, "energy": path.energies[place], "rows": Bitmap::rows_of(&path.states[place], columns) });
        let record = json!({
            "cue": Bitmap::rows_of(&cue.dots, columns),
            "answer": rows,
            "name": name,
            "overlap": overlap,
            "overlaps": named,
            "energies": path.energies,
            "frames": shown(path.states.len()).into_iter().map(frame).collect::<Vec<Value>>(),
            "settled": path.end == End::Rests,
        });
        let title = format!("{name}: overlap {overlap:.3}");
        let pictures =
            vec![("recall", strip(&title, &path.states, &path.energies, cue)?), ("energy", energies(&title, &path.energies)?)];
        Ok(Answer { text, record, notes, pictures })
    }

    /// With each stored bitmap.
    fn overlaps(&self, state: &[f64]) -> Result<Vec<f64>> {
        let products = self.stored.patterns.tensor().mv(&Tensor::from_slice(state)); // [P]
        Ok(Vec::try_from(products / state.len() as f64)?)
    }
}
