//! Bitmaps and their names in a bidirectional memory (Kosko 1988): either recalls the other. And how many random pairs such memories hold.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::bitmap::Bitmap;
use super::faces::faces;
use super::frames::shades;
use super::growth::{largest, slope};
use super::name_code::NameCode;
use super::stored::StoredBitmaps;
use super::{SWEEPS, keep, mean_overlap, spread};
use crate::memory::hopfield::{BidirectionalMemory, Patterns};
use crate::recipe::HopfieldPairsRecipe;
use crate::report::{Chart, Strip};
use crate::runtime::message;
use crate::studies::{Aim, Finding};
use crate::train::RunFolder;

/// Units of the first layer in the memories of random pairs; the second has as many, or a quarter.
const SIZES: [i64; 5] = [64, 128, 256, 512, 1024];
/// As many pairs are held as leave this mean overlap of the second side.
const OVERLAP: f64 = 0.95;
/// Bitmaps that stand beside each other in a picture.
const MOST_SHOWN: usize = 8;

/// Bitmaps, their names, and the memory of both.
pub struct NamedBitmaps {
    pub stored: StoredBitmaps,
    pub code: NameCode,
    /// [P, M].
    pub names: Patterns,
    pub memory: BidirectionalMemory,
}

impl NamedBitmaps {
    /// # Errors
    /// Names that have no code.
    pub fn new(stored: StoredBitmaps) -> Result<Self> {
        let code = NameCode::new(&stored.names)?;
        let names = code.patterns(&stored.names)?;
        let memory = BidirectionalMemory::learn(&stored.patterns, &names)?;
        Ok(NamedBitmaps { stored, code, names, memory })
    }
}

/// Stores the pairs of the recipe, recalls them from either side, measures the capacity of memories of random pairs, and leaves a checkpoint that
/// can be asked. Pictures: `names` and `capacity`.
///
/// # Errors
/// Files that are no named bitmaps of one size.
pub fn run(recipe: &HopfieldPairsRecipe, seed: u64, folder: &RunFolder) -> Result<Vec<Finding>> {
    let pairs = NamedBitmaps::new(StoredBitmaps::of_files(&recipe.patterns, faces)?)?;
    let (count, units, of_names) = (pairs.stored.count(), pairs.stored.patterns.units(), pairs.names.units());
    message!("{count} pairs of {units} dots and a name in {of_names} signs");
    let few = units.min(of_names);
    if count > few / 10 {
        message!(
            "{count} pairs are more than such a memory holds: about min(N, M) / 10 = {} random ones; some will end in mixtures",
            few / 10
        );
    }
    let mut findings = recalled(&pairs, recipe, seed, folder)?;
    findings.extend(capacity(recipe, seed, folder)?);
    keep(folder, recipe.clone().into(), &pairs.stored)?;
    Ok(findings)
}

/// What of each pair comes back from the other side.
fn recalled(pairs: &NamedBitmaps, recipe: &HopfieldPairsRecipe, seed: u64, folder: &RunFolder) -> Result<Vec<Finding>> {
    let NamedBitmaps { stored, code, names, memory } = pairs;
    let flips = (recipe.flipped * stored.patterns.units() as f64).round() as usize;
    let rows = |count: i64| (0..count).map(|row| row % stored.count());
    let again = |patterns: &Patterns| patterns.select(rows(recipe.cues * stored.count()));
    let (faces, of_faces) = (again(&stored.patterns)?, again(names)?);
    let cues = faces.flipped(flips, seed)?;
    let from_faces = memory.recall_from_first(&cues, SWEEPS)?;
    let from_names = memory.recall_from_second(names, SWEEPS)?;
    let equal = |found: &Patterns, wanted: &Patterns| {
        let equal = found.tensor().eq_tensor(wanted.tensor()).all_dim(1, false); // [B]
        equal.to_kind(Kind::Double).mean(Kind::Double).double_value(&[])
    };
    let named: Vec<Vec<f64>> = Vec::try_from(from_faces.second.tensor())?;
    let read: Vec<String> = named.iter().map(|signs| code.name(signs)).collect();
    let right =
        read.iter().enumerate().filter(|(row, read)| **read == stored.names[row % stored.names.len()].to_lowercase()).count();

    let shown = stored.names.len().min(MOST_SHOWN);
    let columns: Vec<String> = (0..shown).map(|pair| format!("{} → {}", stored.names[pair], read[pair])).collect();
    let pictures = |patterns: &Patterns| -> Result<Vec<Vec<f32>>> {
        let rows: Vec<Vec<f64>> = Vec::try_from(patterns.tensor().narrow(0, 0, shown as i64))?;
        Ok(rows.iter().map(|row| shades(row)).collect())
    };
    let corruption = format!("{:.0} % flipped", recipe.flipped * 100.0);
    Strip::new("Bitmaps and names, each recalled by the other", &columns, stored.size.columns)
        .row("stored", pictures(&stored.patterns)?)
        .row(&corruption, pictures(&cues)?)
        .row("recalled", pictures(&from_faces.first)?)
        .row("from the name", pictures(&from_names.first)?)
        .drawing()?
        .save(&folder.path().join("names"))?;
    let own = !recipe.patterns.is_empty();
    let aim = |finding: Finding| if own { finding } else { finding.aim(Aim::AtLeast(0.95)) };
    let share = right as f64 / read.len() as f64;
    Ok(vec![
        aim(Finding::new(format!("pairs, {corruption}: share of names recalled"), share)),
        aim(Finding::new(format!("pairs, {corruption}: share of bitmaps restored"), equal(&from_faces.first, &faces))),
        Finding::new(format!("pairs, {corruption}: mean overlap with the name"), mean_overlap(&of_faces, &from_faces.second)?),
        aim(Finding::new("pairs, from the name: share of bitmaps recalled", equal(&from_names.first, &stored.patterns))),
    ])
}

/// How many random pairs are held, by the units of the first layer.
fn capacity(recipe: &HopfieldPairsRecipe, seed: u64, folder: &RunFolder) -> Result<Vec<Finding>> {
    let mut chart = Chart::new("Pairs that a bidirectional memory holds", "units of the first layer, N", "pairs, P")
        .logarithmic_x()
        .logarithmic_y();
    let mut findings = Vec::new();
    for (ratio, name) in [(1, "M = N"), (4, "M = N / 4")] {
        for (flipped, cue) in [
            (0.0, "from the pattern itself".to_owned()),
            (recipe.flipped, format!("from {:.0} % flipped", recipe.flipped * 100.0)),
        ] {
            message!("capacity of pairs, {name}, {cue}");
            let held = |&units: &i64| Ok((units as f64, held(units, units / ratio, flipped, recipe.tested, seed)?));
            let points = SIZES.iter().map(held).collect::<Result<Vec<_>>>()?;
            chart = chart.curve(&format!("{name}, {cue}"), &points);
            let &(units, most) = points.last().expect("there are sizes");
            let few = units / ratio as f64;
            findings.push(
                Finding::new(format!("pairs, {name} = {few}, {cue}: P held over min(N, M)"), most / few)
                    .paper("fewer than min(N, M)"),
            );
            if flipped == 0.0 {
                let exponent = slope(points.iter().map(|&(units, count)| (units.ln(), count.ln())));
                findings.push(Finding::new(format!("pairs, {name}: P grows as N to the power of"), exponent));
            }
        }
    }
    chart.drawing()?.save(&folder.path().join("capacity"))?;
    Ok(findings)
}

/// The most pairs of `first` and `second` units whose second side comes back from the first.
fn held(first: i64, second: i64, flipped: f64, tested: i64, seed: u64) -> Result<f64> {
    let random = |count, units, seed| Patterns::random(count, units, seed, Kind::Float);
    largest(|count| {
        let (cues, answers) = (random(count as i64, first, seed)?, random(count as i64, second, seed.wrapping_add(1))?);
        let memory = BidirectionalMemory::learn(&cues, &answers)?;
        let (cues, answers) = (spread(&cues, tested)?, spread(&answers, tested)?);
        let cues = cues.flipped((flipped * first as f64).round() as usize, seed)?;
        Ok(mean_overlap(&answers, &memory.recall_from_first(&cues, SWEEPS)?.second)? >= OVERLAP)
    })
}

/// A bitmap whose unknown dots are filled by what its known ones say, through the names: [1, N].
pub fn filled(memory: &BidirectionalMemory, cue: &Bitmap) -> Result<Patterns> {
    let dots = Tensor::from_slice(&cue.dots).unsqueeze(0); // [1, N]
    let sign = |field: Tensor| field.ge(0.0).to_kind(Kind::Double) * 2.0 - 1.0;
    let names = sign(dots.matmul(memory.weights())); // [1, M]
    let back = sign(names.matmul(&memory.weights().tr())); // [1, N]
    Patterns::new(&back.where_self(&dots.eq(0.0), &dots))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_memories_hold_more_pairs() {
        let of = |first, second, flipped| held(first, second, flipped, 20, 1).unwrap();
        assert!(of(128, 128, 0.0) > 1.5 * of(64, 64, 0.0));
        assert!(of(128, 32, 0.0) < of(128, 128, 0.0));
        assert!(of(128, 128, 0.0) < 128.0);
    }

    #[test]
    fn a_hidden_half_is_filled() {
        let pairs = NamedBitmaps::new(StoredBitmaps::of_files(&[], faces).unwrap()).unwrap();
        let mut cue = faces().unwrap().remove(2);
        cue.dots[72..].fill(0.0);
        let recalled = pairs.memory.recall_from_first(&filled(&pairs.memory, &cue).unwrap(), 20).unwrap();
        let signs: Vec<Vec<f64>> = Vec::try_from(recalled.second.tensor()).unwrap();
        assert_eq!(pairs.code.name(&signs[0]), "cem");
    }
}
