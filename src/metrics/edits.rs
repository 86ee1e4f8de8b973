//! The fewest edits and shifts from a hypothesis to a reference, as Tercom searches for them (Snover et al. 2006, section 2).
//!
//! Finding the true minimum is NP-complete. Tercom takes, again and again, the shift that lowers the edit distance most, among
//! those that move a matching sequence of words from a wrong place; its limits and tie-breaks are part of the definition, and
//! those here are the ones of sacreBLEU. Only cells of the edit matrix near its diagonal exist, so that memory grows with the length of a
//! line and not with its square.

/// Longest sequence of words that is moved.
const MAXIMUM_SHIFT_SIZE: usize = 10;
/// Farthest between the place of a sequence in the hypothesis and in the reference.
const MAXIMUM_SHIFT_DISTANCE: usize = 50;
/// Shifts that are tried for one sentence before giving up.
const MAXIMUM_CANDIDATES: usize = 1000;
/// Cells of the edit matrix looked at on either side of its diagonal.
const BEAM_WIDTH: usize = 25;
/// A cost that no path has; with room above it for the additions.
const UNREACHED: u32 = u32::MAX / 2;

/// What leads to a cell of the edit matrix, from the hypothesis's point of view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EditStep {
    Match,
    Substitute,
    /// A reference word that the hypothesis lacks.
    Insert,
    /// A hypothesis word too many.
    Delete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct EditCell {
    cost: u32,
    step: EditStep,
}

/// What is left and right of the beam.
const OUTSIDE: EditCell = EditCell { cost: UNREACHED, step: EditStep::Substitute };

/// The cells of a row of the edit matrix from column `start` on; those before and after are [`OUTSIDE`].
#[derive(Debug, Clone, Default)]
struct Row {
    start: usize,
    cells: Vec<EditCell>,
}

impl Row {
    fn get(&self, column: usize) -> EditCell {
        column.checked_sub(self.start).and_then(|place| self.cells.get(place)).copied().unwrap_or(OUTSIDE)
    }

    /// By how much the costs of `other` are higher, where that is the same in every cell: then so it is in all rows after them.
    fn difference(&self, other: &Row) -> Option<i64> {
        if (self.start, self.cells.len()) != (other.start, other.cells.len()) {
            return None;
        }
        let mut common = None;
        for (one, two) in self.cells.iter().zip(&other.cells) {
            match (one.cost == UNREACHED, two.cost == UNREACHED) {
                (true, true) => {}
                (false, false) => {
                    let difference = i64::from(two.cost) - i64::from(one.cost);
                    if *common.get_or_insert(difference) != difference {
                        return None;
                    }
                }
                _ => return None,
            }
        }
        common
    }
}

/// Number of insertions, deletions, substitutions and shifts.
pub fn translation_edits(hypothesis: &[u32], reference: &[u32]) -> usize {
    if reference.is_empty() {
        return hypothesis.len();
    }
    let mut search = ShiftSearch::new(hypothesis, reference);
    let mut shifts = 0;
    while search.improve() {
        shifts += 1;
    }
    shifts + search.distance() as usize
}

struct ShiftSearch<'a> {
    reference: &'a [u32],
    /// The hypothesis with the shifts made so far.
    words: Vec<u32>,
    /// Edit distances between the first i words and the first j words of the reference.
    rows: Vec<Row>,
    candidates: usize,
}

/// A shift, in the order that Tercom prefers them: by gain, then long, then from early on, then to early on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shift {
    gain: i64,
    length: usize,
    start: usize,
    target: usize,
}

impl Shift {
    fn preference(&self) -> (i64, usize, std::cmp::Reverse<usize>, std::cmp::Reverse<usize>) {
        (self.gain, self.length, std::cmp::Reverse(self.start), std::cmp::Reverse(self.target))
    }
}

impl<'a> ShiftSearch<'a> {
    fn new(hypothesis: &[u32], reference: &'a [u32]) -> Self {
        let cells = (0..=reference.len()).map(|column| EditCell { cost: column as u32, step: EditStep::Insert }).collect();
        let first = Row { start: 0, cells };
        let mut search = Self { reference, words: hypothesis.to_vec(), rows: vec![first], candidates: 0 };
        search.fill();
        search
    }

    fn distance(&self) -> u32 {
        self.rows[self.words.len()].get(self.reference.len()).cost
    }

    /// Makes the best shift. False where none lowers the distance or the limit is reached.
    fn improve(&mut self) -> bool {
        let Some(best) = self.best_shift() else { return false };
        if self.candidates >= MAXIMUM_CANDIDATES || best.gain <= 0 {
            return false;
        }
        let mut shifted = Vec::with_capacity(self.words.len());
        shift_into(&self.words, &best, &mut shifted);
        self.words = shifted;
        self.fill();
        true
    }

    fn fill(&mut self) {
        self.rows.truncate(1);
        for index in 1..=self.words.len() {
            let mut row = Row::default();
            self.next_row(&self.rows[index - 1], self.words[index - 1], index, &mut row);
            self.rows.push(row);
        }
    }

    /// Row `index` of the edit matrix from the row before and the hypothesis word between them. Only the cells near the
    /// pseudo-diagonal are looked at.
    fn next_row(&self, previous: &Row, word: u32, index: usize, row: &mut Row) {
        let (columns, rows) = (self.reference.len() + 1, self.words.len());
        let ratio = self.reference.len() as f64 / rows as f64;
        let diagonal = (index as f64 * ratio).floor() as usize;
        // Where the lengths differ wildly, beams of neighbouring rows would not meet.
        let beam = if (BEAM_WIDTH as f64) < ratio / 2.0 { (ratio / 2.0 + BEAM_WIDTH as f64).ceil() as usize } else { BEAM_WIDTH };
        let end = if index == rows { columns } else { columns.min(diagonal + beam) };
        row.start = diagonal.saturating_sub(beam);
        row.cells.clear();
        let (mut across, mut left) = (row.start.checked_sub(1).map_or(OUTSIDE, |column| previous.get(column)), OUTSIDE);
        for column in row.start..end {
            let above = previous.get(column);
            let delete = EditCell { cost: above.cost + 1, step: EditStep::Delete };
            let mut best = if column == 0 { delete } else { OUTSIDE };
            if column > 0 {
                let (cost, step) =
                    if word == self.reference[column - 1] { (0, EditStep::Match) } else { (1, EditStep::Substitute) };
                let replace = EditCell { cost: across.cost + cost, step };
                let insert = EditCell { cost: left.cost + 1, step: EditStep::Insert };
                // The order decides between equals, and with it which shifts are tried.
                for cell in [replace, delete, insert] {
                    if cell.cost < best.cost {
                        best = cell;
                    }
                }
            }
            row.cells.push(best);
            (across, left) = (above, best);
        }
    }

    fn best_shift(&mut self) -> Option<Shift> {
        let alignment = self.alignment();
        let mut scratch = Scratch::default();
        let mut best: Option<Shift> = None;
        for start in 0..self.words.len() {
            let places =
                start.saturating_sub(MAXIMUM_SHIFT_DISTANCE)..self.reference.len().min(start + MAXIMUM_SHIFT_DISTANCE + 1);
            for place in places {
                let pairs = self.words[start..].iter().zip(&self.reference[place..]);
                let longest = pairs.take(MAXIMUM_SHIFT_SIZE).take_while(|(word, expected)| word == expected).count();
                for length in 1..=longest {
                    if !alignment.wants(start, place, length) {
                        continue;
                    }
                    for target in alignment.targets(place, length) {
                        let shift = Shift { gain: 0, length, start, target };
                        let gain = i64::from(self.distance()) - i64::from(self.shifted_distance(&shift, &mut scratch));
                        let shift = Shift { gain, ..shift };
                        self.candidates += 1;
                        if best.is_none_or(|best| shift.preference() > best.preference()) {
                            best = Some(shift);
                        }
                    }
                    if self.candidates >= MAXIMUM_CANDIDATES {
                        return best;
                    }
                }
            }
        }
        best
    }

    /// The edit distance after a shift. Rows before the first word that changes are those of the present matrix; and where after the last
    /// word that changes a row differs from the present one by the same in every cell, so does the distance.
    fn shifted_distance(&self, shift: &Shift, scratch: &mut Scratch) -> u32 {
        let Scratch { words, previous, row } = scratch;
        shift_into(&self.words, shift, words);
        let same = words.iter().zip(&self.words).take_while(|(shifted, word)| shifted == word).count();
        let alike = words.iter().rev().zip(self.words.iter().rev()).take_while(|(shifted, word)| shifted == word).count();
        previous.clone_from(&self.rows[same]);
        for index in same + 1..=words.len() {
            self.next_row(previous, words[index - 1], index, row);
            std::mem::swap(previous, row);
            if index + alike >= words.len()
                && let Some(difference) = self.rows[index].difference(previous)
            {
                return (i64::from(self.distance()) + difference) as u32;
            }
        }
        previous.get(self.reference.len()).cost
    }

    /// The alignment that the cheapest path through the edit matrix implies.
    fn alignment(&self) -> Alignment {
        let mut alignment = Alignment {
            ends: vec![0; self.reference.len()],
            wrong_words: vec![false; self.words.len()],
            wrong_places: vec![false; self.reference.len()],
        };
        let (mut row, mut column) = (self.words.len(), self.reference.len());
        while row > 0 || column > 0 {
            let step = self.rows[row].get(column).step;
            let end = row;
            if step != EditStep::Insert {
                row -= 1;
                alignment.wrong_words[row] = step != EditStep::Match;
            }
            if step != EditStep::Delete {
                column -= 1;
                alignment.ends[column] = end;
                alignment.wrong_places[column] = step != EditStep::Match;
            }
        }
        alignment
    }
}

#[derive(Default)]
struct Scratch {
    words: Vec<u32>,
    previous: Row,
    row: Row,
}

struct Alignment {
    /// For each reference word, how many hypothesis words lie up to and including the one aligned to it.
    ends: Vec<usize>,
    wrong_words: Vec<bool>,
    wrong_places: Vec<bool>,
}

impl Alignment {
    /// Whether moving the words from `start` to the reference's `place` is worth trying: some of them are wrong where they are,
    /// some of the places are wrong as they are, and the move leaves the sequence itself.
    fn wants(&self, start: usize, place: usize, length: usize) -> bool {
        let within = start + 1..start + 1 + length;
        self.wrong_words[start..start + length].contains(&true)
            && self.wrong_places[place..place + length].contains(&true)
            && !within.contains(&self.ends[place])
    }

    /// Where in the hypothesis the words may go: after what is aligned to the reference word before `place` and to each of the
    /// words from there on, without repetition of neighbours.
    fn targets(&self, place: usize, length: usize) -> Vec<usize> {
        let before = if place == 0 { 0 } else { self.ends[place - 1] };
        let mut targets = vec![before];
        targets.extend(&self.ends[place..place + length]);
        targets.dedup();
        targets
    }
}

/// The words with a sequence of them moved to before `target`, a place counted before the move.
fn shift_into(words: &[u32], shift: &Shift, out: &mut Vec<u32>) {
    let &Shift { start, length, target, .. } = shift;
    let end = start + length;
    // With the target inside the sequence, words move past it by as much as the target lies inside.
    let after = (target + length).min(words.len());
    let parts = if target < start {
        [&words[..target], &words[start..end], &words[target..start], &words[end..]]
    } else if target > end {
        [&words[..start], &words[end..target], &words[start..end], &words[target..]]
    } else {
        [&words[..start], &words[end..after], &words[start..end], &words[after..]]
    };
    out.clear();
    for part in parts {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_moved_phrase_is_one_edit() {
        assert_eq!(translation_edits(&[4, 5, 1, 2, 3], &[1, 2, 3, 4, 5]), 1);
    }

    /// The textbook recurrence, without beam or shifts.
    fn levenshtein(from: &[u32], to: &[u32]) -> usize {
        let mut row: Vec<usize> = (0..=to.len()).collect();
        for (index, word) in from.iter().enumerate() {
            let mut diagonal = std::mem::replace(&mut row[0], index + 1);
            for column in 0..to.len() {
                let substitute = diagonal + usize::from(*word != to[column]);
                diagonal = row[column + 1];
                row[column + 1] = substitute.min(diagonal + 1).min(row[column] + 1);
            }
        }
        row[to.len()]
    }

    proptest! {
        #[test]
        fn shifts_only_help_and_no_edit_is_needed_between_equals(from in vec(0u32..6, 0..14), to in vec(0u32..6, 0..14)) {
            let edits = translation_edits(&from, &to);
            prop_assert!(edits <= levenshtein(&from, &to));
            prop_assert!(edits >= from.len().abs_diff(to.len()));
            prop_assert_eq!(edits == 0, from == to);
        }
    }
}
