//! Text as dots, for pictures that need no font on the machine: GNU Unifont's bitmaps, put in order as each script wants it.

use ar_reshaper::{ArabicReshaper, ReshaperConfig};
use unicode_bidi::{BidiInfo, Level};

use super::label::{clusters, is_mark};

/// Height of every line in dots.
pub const LINE: usize = 16;

/// A line of text as black and white dots, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Dots {
    pub width: usize,
    pub height: usize,
    pub black: Vec<bool>,
}

impl Dots {
    fn new(width: usize, height: usize) -> Self {
        Self { width, height, black: vec![false; width * height] }
    }

    /// Dots outside are white.
    pub fn get(&self, x: isize, y: isize) -> bool {
        // Negative numbers become huge ones.
        let (x, y) = (x as usize, y as usize);
        x < self.width && y < self.height && self.black[y * self.width + x]
    }

    /// Twice the size with steps smoothed (the Scale2x rule: a quarter takes the colour of two equal neighbours it lies between).
    pub fn doubled(&self) -> Self {
        let mut large = Self::new(self.width * 2, self.height * 2);
        for y in 0..self.height as isize {
            for x in 0..self.width as isize {
                let (up, down, left, right) = (self.get(x, y - 1), self.get(x, y + 1), self.get(x - 1, y), self.get(x + 1, y));
                let dot = self.get(x, y);
                let corner = |vertical: bool, horizontal: bool| {
                    if up != down && left != right && vertical == horizontal { vertical } else { dot }
                };
                let at = y as usize * 2 * large.width + x as usize * 2;
                large.black[at] = corner(up, left);
                large.black[at + 1] = corner(up, right);
                large.black[at + large.width] = corner(down, left);
                large.black[at + large.width + 1] = corner(down, right);
            }
        }
        large
    }
}

/// Width in dots of what [`write`] draws.
pub fn width(text: &str) -> usize {
    visual_order(text).iter().map(|cluster| cluster_width(cluster)).sum()
}

/// Draws one line of clean text: Arabic letters joined, right-to-left runs turned round, marks on their letters. What the font
/// does not have becomes a box with the character's number in it.
pub fn write(text: &str) -> Dots {
    let order = visual_order(text);
    let mut dots = Dots::new(order.iter().map(|cluster| cluster_width(cluster)).sum(), LINE);
    let mut left = 0;
    for cluster in &order {
        let width = cluster_width(cluster);
        for character in drawn(cluster) {
            let glyph = Glyph::of(character);
            // The font draws marks, vowel signs too, where they belong over a letter of their own width.
            let inset = (width - glyph.width()) / 2;
            for y in 0..LINE {
                for x in (0..glyph.width()).filter(|&x| glyph.get(x, y)) {
                    dots.black[y * dots.width + left + inset + x] = true;
                }
            }
        }
        left += width;
    }
    dots
}

/// Joiners, direction marks and variation selectors shape their neighbours and have no look of their own.
fn is_drawn(character: char) -> bool {
    !matches!(character, '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{61c}')
        && !('\u{e0000}'..='\u{e0fff}').contains(&character)
}

/// The base and its marks; of an emoji sequence the first character.
fn drawn(cluster: &str) -> impl Iterator<Item = char> + '_ {
    let mut looks = cluster.chars().filter(|character| is_drawn(*character));
    let base = looks.next();
    base.into_iter().chain(looks.take_while(|character| is_mark(*character)))
}

fn cluster_width(cluster: &str) -> usize {
    drawn(cluster).map(|character| Glyph::of(character).width()).max().unwrap_or(0)
}

/// Clusters from left to right as they are read off the page.
fn visual_order(text: &str) -> Vec<String> {
    let reshaper = ArabicReshaper::new(ReshaperConfig::default());
    let shaped = reshaper.reshape(text);
    let bidi = BidiInfo::new(&shaped, None);
    let Some(paragraph) = bidi.paragraphs.first() else { return Vec::new() };
    let levels = bidi.reordered_levels(paragraph, paragraph.range.clone());
    let clusters: Vec<_> = clusters(&shaped);
    let mut at = 0;
    let mut cluster_levels: Vec<Level> = Vec::with_capacity(clusters.len());
    for cluster in &clusters {
        cluster_levels.push(levels[at]);
        at += cluster.len();
    }
    let order = BidiInfo::reorder_visual(&cluster_levels);
    order.into_iter().map(|index| arrange(clusters[index], cluster_levels[index])).collect()
}

/// A bracket in a right-to-left run shows its mirror image.
fn arrange(cluster: &str, level: Level) -> String {
    let mirror = |character: char| match character {
        '(' => ')',
        ')' => '(',
        '[' => ']',
        ']' => '[',
        '{' => '}',
        '}' => '{',
        '<' => '>',
        '>' => '<',
        '«' => '»',
        '»' => '«',
        other => other,
    };
    if level.is_rtl() { cluster.chars().map(mirror).collect() } else { cluster.to_owned() }
}

/// A letter of the font, or the number of a character that the font does not have.
enum Glyph {
    Letter(&'static unifont::Glyph),
    Number(u32),
}

impl Glyph {
    fn of(character: char) -> Self {
        unifont::get_glyph(character).map_or(Self::Number(character as u32), Self::Letter)
    }

    fn width(&self) -> usize {
        match self {
            Self::Letter(glyph) => glyph.get_width(),
            Self::Number(_) => 16,
        }
    }

    fn get(&self, x: usize, y: usize) -> bool {
        match self {
            Self::Letter(glyph) => glyph.get_pixel(x, y),
            Self::Number(number) => boxed_number(*number, x, y),
        }
    }
}

/// Six hexadecimal digits of 3×5 dots in two rows, in a frame.
fn boxed_number(number: u32, x: usize, y: usize) -> bool {
    /// Rows of three dots from top to bottom, most significant bit first.
    const DIGITS: [u16; 16] = [
        0b111_101_101_101_111,
        0b010_110_010_010_111,
        0b111_001_111_100_111,
        0b111_001_011_001_111,
        0b101_101_111_001_001,
        0b111_100_111_001_111,
        0b111_100_111_101_111,
        0b111_001_010_010_010,
        0b111_101_111_101_111,
        0b111_101_111_001_111,
        0b010_101_111_101_101,
        0b110_101_110_101_110,
        0b011_100_100_100_011,
        0b110_101_101_101_110,
        0b111_100_110_100_111,
        0b111_100_110_100_100,
    ];
    let outline = (x == 0 || x == 14) && y < 16 || (y == 0 || y == 15) && x < 15;
    let digit = |x: usize, y: usize, place: usize| {
        let digit = DIGITS[(number >> (4 * place) & 0xf) as usize];
        x % 4 < 3 && digit >> (14 - (y * 3 + x % 4)) & 1 == 1
    };
    let inside = (2..13).contains(&x)
        && match y {
            2..7 => digit(x - 2, y - 2, 5 - (x - 2) / 4),
            9..14 => digit(x - 2, y - 9, 2 - (x - 2) / 4),
            _ => false,
        };
    outline || inside
}

#[cfg(test)]
mod tests {
    use super::super::label::clean;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_drawn_in_the_width_it_said(text in any::<String>(), arabic in "[\u{600}-\u{6ff} \u{fe70}-\u{feff}(a]{0,12}") {
            for text in [clean(&text), clean(&arabic)] {
                let dots = write(&text);
                prop_assert_eq!((dots.width, dots.height), (width(&text), LINE));
            }
        }
    }

    fn art(dots: &Dots) -> String {
        let rows = dots.black.chunks(dots.width).map(|row| row.iter().map(|&black| if black { '#' } else { '.' }).collect());
        rows.collect::<Vec<String>>().join("\n")
    }

    #[test]
    fn wide_scripts_take_wide_cells() {
        assert_eq!(width("ab"), 16);
        assert_eq!(width("好ab"), 32);
        assert_eq!(write("好").black.len(), 16 * LINE);
        assert_eq!(width(""), 0);
        assert_eq!(write("").black.len(), 0);
    }

    #[test]
    fn arabic_is_joined_and_runs_from_the_right() {
        // Beh, teh: the word starts at the right with an initial beh.
        let word = write("بت");
        let (teh, beh) = (write("\u{fe96}"), write("\u{fe91}"));
        let half = |from: usize, width: usize| -> Vec<bool> {
            (0..LINE)
                .flat_map(|y| (from..from + width).map(move |x| (x, y)))
                .map(|(x, y)| word.get(x as isize, y as isize))
                .collect()
        };
        assert_eq!(half(0, teh.width), teh.black, "{}", art(&word));
        assert_eq!(half(teh.width, beh.width), beh.black, "{}", art(&word));
    }

    #[test]
    fn brackets_turn_with_hebrew() {
        assert_eq!(visual_order("אב(ג)"), ["(", "ג", ")", "ב", "א"]);
        assert_eq!(visual_order("a(b)"), ["a", "(", "b", ")"]);
    }

    #[test]
    fn marks_stand_on_their_letters() {
        for (bare, marked) in [("e", "e\u{301}"), ("ह", "हि"), ("द", "दी")] {
            let (bare, marked) = (write(bare), write(marked));
            assert_eq!(bare.width, marked.width);
            assert!(bare.black.iter().zip(&marked.black).all(|(bare, marked)| !bare || *marked));
            assert_ne!(bare, marked);
        }
    }

    #[test]
    fn unknown_characters_differ_in_their_numbers() {
        let (one, other) = (write("😀"), write("😁"));
        assert_eq!((one.width, one.height), (16, LINE));
        assert_ne!(one, other);
        assert_eq!(
            art(&one),
            "###############.\n#.............#.\n#.###..#..###.#.\n#.#.#.##..#...#.\n#.#.#..#..##..#.\n#.#.#..#..#...#.\n#.###.###.#...#.\n\
             #.............#.\n#.............#.\n#.###.###.###.#.\n#.#...#.#.#.#.#.\n#.###.#.#.#.#.#.\n#.#.#.#.#.#.#.#.\n#.###.###.###.#.\n\
             #.............#.\n###############."
        );
    }

    #[test]
    fn doubling_keeps_flat_shapes_and_smooths_steps() {
        let full = Dots { width: 2, height: 2, black: vec![true; 4] };
        assert_eq!(full.doubled().black.iter().filter(|black| **black).count(), 12, "corners round off");
        let diagonal = Dots { width: 2, height: 2, black: vec![true, false, false, true] };
        assert!(diagonal.doubled().black.iter().filter(|black| **black).count() >= 8);
    }
}
