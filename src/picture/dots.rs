//! Letters of GNU Unifont, which are 16 dots high, as outlines: for scripts that no other font has.

use std::sync::LazyLock;

use regex::Regex;
use skrifa::outline::OutlinePen;
use unicode_normalization::UnicodeNormalization;

use super::fonts::is_drawn;

type Bitmap = &'static unifont::Glyph;

/// Side of a dot where the height of letters is 1: capitals are then as high as those of other fonts.
pub const SIDE: f64 = 1.0 / 13.0;
const ROWS: isize = 16;
/// Rows below the baseline.
const BELOW: isize = 2;
/// Signs of vowels whose ink has its middle on one side of this column belong on that side of their letter.
const MIDDLE: isize = 8;

/// A letter and what stands on and around it, in dots.
pub struct Letter {
    /// Left ends and glyphs.
    pub glyphs: Vec<(isize, Bitmap)>,
    pub width: isize,
}

impl Letter {
    /// Lays out a base character and its marks.
    ///
    /// Unifont draws marks where they belong over a letter of their own width. Signs of vowels that would run into a wide letter
    /// move beside it.
    pub fn new(cluster: &str) -> Self {
        let mut seen = cluster.chars().filter(|&character| is_drawn(character));
        let base = seen.next();
        // Signs around a letter are taken apart.
        let parts: Vec<char> = base.into_iter().chain(seen.flat_map(|mark| std::iter::once(mark).nfd())).collect();
        let mut letter = Self { glyphs: Vec::new(), width: 0 };
        let (mut first, mut last) = (0, 0);
        for character in parts {
            let Some(glyph) = unifont::get_glyph(character) else { continue };
            let width = glyph_width(glyph);
            let inked: Vec<isize> = (0..width).filter(|&x| (0..ROWS).any(|y| is_black(glyph, x, y))).collect();
            let (left, right) = (inked.first().copied().unwrap_or(0), inked.last().copied().unwrap_or(0));
            let mut at = ((letter.width - width) / 2).max(0);
            if letter.glyphs.is_empty() {
                (first, last) = (left, right);
            } else if has_room(character) && letter.touches(at, glyph) {
                if left + right < 2 * MIDDLE {
                    let room = right + 2 - first;
                    letter.glyphs.iter_mut().for_each(|(at, _)| *at += room);
                    (at, first, last, letter.width) = (0, left, last + room, letter.width + room);
                } else {
                    at = last + 2 - left;
                    last = at + right;
                }
            }
            letter.width = letter.width.max(at + width);
            letter.glyphs.push((at, glyph));
        }
        letter
    }

    /// Whether the dots of a glyph there would be beside or on others. Lines above all letters of a script may meet.
    fn touches(&self, at: isize, glyph: Bitmap) -> bool {
        let inked = |glyph, y| (0..glyph_width(glyph)).filter(move |&x| is_black(glyph, x, y));
        let meets = |&(other_at, other): &(isize, Bitmap), y| {
            let is_line = inked(other, y).count() as isize > glyph_width(other) - 3;
            !is_line && inked(glyph, y).any(|x| (-1..=1).any(|side| is_black(other, at + x - other_at + side, y)))
        };
        self.glyphs.iter().any(|other| (0..ROWS).any(|y| meets(other, y)))
    }
}

/// Whether a mark has a place of its own in the line, as signs of vowels have that are not above or below.
fn has_room(mark: char) -> bool {
    static SPACING: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\p{Mc}").expect("this is a regular expression"));
    SPACING.is_match(mark.encode_utf8(&mut [0; 4]))
}

fn glyph_width(glyph: Bitmap) -> isize {
    glyph.get_width() as isize
}

/// Dots outside are white.
fn is_black(glyph: Bitmap, x: isize, y: isize) -> bool {
    // Negative numbers become huge ones.
    glyph.get_pixel(x as usize, y as usize)
}

/// Draws the lines that dots stand for: rows and columns of dots as bars, steps as slanted bars. The height of letters is 1, y
/// goes up from the baseline.
pub fn strokes(glyph: Bitmap, pen: &mut impl OutlinePen) {
    /// Of a slanted bar, along each axis: together as thick as an upright one.
    const HALF: f64 = std::f64::consts::FRAC_1_SQRT_2 / 2.0;
    const CORNER: f64 = 0.3;
    let black = |x, y| is_black(glyph, x, y);
    // All outlines turn the same way, or they would cut holes into each other.
    let mut outline = |corners: &[(f64, f64)]| {
        let place = |&(x, y): &(f64, f64)| ((x * SIDE) as f32, (((ROWS - BELOW) as f64 - y) * SIDE) as f32);
        let mut corners = corners.iter().map(place);
        if let Some((x, y)) = corners.next() {
            pen.move_to(x, y);
            corners.for_each(|(x, y)| pen.line_to(x, y));
            pen.close();
        }
    };
    for y in 0..ROWS {
        for x in (0..glyph_width(glyph)).filter(|&x| black(x, y)) {
            let (left, top) = (x as f64, y as f64);
            let (beside, above) = (black(x - 1, y) || black(x + 1, y), black(x, y - 1) || black(x, y + 1));
            if beside && !black(x - 1, y) {
                let right = left + (x..).take_while(|&x| black(x, y)).count() as f64;
                outline(&[(left, top), (right, top), (right, top + 1.0), (left, top + 1.0)]);
            }
            if above && !black(x, y - 1) {
                let bottom = top + (y..).take_while(|&y| black(x, y)).count() as f64;
                outline(&[(left, top), (left + 1.0, top), (left + 1.0, bottom), (left, bottom)]);
            }
            if !beside && !above {
                let [low, high] = [CORNER, 1.0 - CORNER];
                let corners =
                    [(low, 0.0), (high, 0.0), (1.0, low), (1.0, high), (high, 1.0), (low, 1.0), (0.0, high), (0.0, low)];
                outline(&corners.map(|(x, y)| (left + x, top + y)));
            }
            let (x0, y0) = (left + 0.5, top + 0.5);
            if black(x + 1, y + 1) && !black(x + 1, y) && !black(x, y + 1) {
                let corners = [(HALF, -HALF), (1.0 + HALF, 1.0 - HALF), (1.0 - HALF, 1.0 + HALF), (-HALF, HALF)];
                outline(&corners.map(|(x, y)| (x0 + x, y0 + y)));
            }
            if black(x - 1, y + 1) && !black(x - 1, y) && !black(x, y + 1) {
                let corners = [(-1.0 - HALF, 1.0 - HALF), (-HALF, -HALF), (HALF, HALF), (-1.0 + HALF, 1.0 + HALF)];
                outline(&corners.map(|(x, y)| (x0 + x, y0 + y)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(cluster: &str) -> Letter {
        Letter::new(cluster)
    }

    /// Dots that two glyphs of a letter share.
    fn shared(letter: &Letter) -> usize {
        let black = |&(at, glyph): &(isize, Bitmap), x: isize, y: isize| x >= at && is_black(glyph, x - at, y);
        let twice = |x, y| letter.glyphs.iter().filter(|glyph| black(glyph, x, y)).count() > 1;
        (0..letter.width).flat_map(|x| (0..ROWS).map(move |y| (x, y))).filter(|&(x, y)| twice(x, y)).count()
    }

    #[test]
    fn wide_scripts_take_wide_cells() {
        assert_eq!((letter("a").width, letter("好").width, letter("").width), (8, 16, 0));
    }

    #[test]
    fn marks_stand_on_their_letters() {
        for (bare, marked) in [("e", "e\u{301}"), ("ท", "ที่")] {
            let (bare, marked) = (letter(bare), letter(marked));
            assert_eq!(bare.width, marked.width);
            assert!(marked.glyphs.len() > bare.glyphs.len() && marked.glyphs.iter().all(|(at, _)| *at == 0));
        }
    }

    #[test]
    fn signs_of_vowels_keep_beside_wide_letters() {
        let place = |letter: &Letter, number: usize| letter.glyphs[number].0;
        // ை is spoken after its letter and stands before it, ா after it, ொ on both sides.
        let (before, after, around) = (letter("னை"), letter("னா"), letter("னொ"));
        assert!(place(&before, 0) > place(&before, 1) && place(&after, 0) < place(&after, 1));
        assert_eq!(around.glyphs.len(), 3);
        assert_eq!([before, after, around].map(|letter| shared(&letter)), [0; 3]);
    }
}
