//! Heatmaps in a terminal: two columns a cell, source words written downwards above them.

use std::fmt::Write;

use unicode_bidi::BidiInfo;
use unicode_width::UnicodeWidthStr;

use super::Heatmap;
use super::colour;
use crate::picture::Rgb;
use crate::picture::label::{clean, clusters, elide};

/// How a terminal shows weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TerminalColour {
    /// Shade characters only: for files, pipes and terminals without colour.
    #[default]
    None,
    /// The 256 colours nearly every terminal has.
    Palette,
    /// 24-bit colour.
    True,
}

/// Longest row label, and longest column label written downwards, in terminal columns.
const ROW_LABEL: usize = 20;
const COLUMN_LABEL: usize = 14;
/// Longest column label in the list below the grid.
const LISTED_LABEL: usize = 40;
const CELL: usize = 2;

pub fn draw(map: &Heatmap, colour: TerminalColour) -> String {
    let rows: Vec<_> = map.row_labels.iter().map(|label| elide(&clean(label), ROW_LABEL)).collect();
    let gutter = rows.iter().map(|label| label.width()).max().unwrap_or(0);
    let mut out = String::new();
    if !map.title.is_empty() {
        out = format!("{}\n", clean(&map.title));
    }
    let (header, list) = column_labels(map);
    for line in header {
        let _ = writeln!(out, "{:gutter$} {line}", "");
    }
    for ((row, label), weights) in rows.iter().enumerate().zip(map.matrix.iter_rows()) {
        let _ = write!(out, "{:pad$}{} ", "", steady(label), pad = gutter - label.width());
        for (column, &weight) in weights.iter().enumerate() {
            out.push_str(&cell(weight, map.is_link(row, column), map.is_gold(row, column), colour));
        }
        out.push('\n');
    }
    out + &list + &legend(map, gutter, colour)
}

/// Text whose direction does not reach beyond itself, in terminals that turn right-to-left text round.
fn steady(label: &str) -> String {
    const LEFT_TO_RIGHT_MARK: char = '\u{200e}';
    if turns(label) { format!("{LEFT_TO_RIGHT_MARK}{label}{LEFT_TO_RIGHT_MARK}") } else { label.to_owned() }
}

fn turns(label: &str) -> bool {
    BidiInfo::new(label, None).has_rtl()
}

/// Lines above the grid, each as wide as the grid, and lines below it.
///
/// Letters that join or take marks of their own room cannot be written downwards, so a sentence with such a script gets numbered
/// columns and a list of its words.
fn column_labels(map: &Heatmap) -> (Vec<String>, String) {
    let labels: Vec<_> = map.column_labels.iter().map(|label| clean(label)).collect();
    if labels.iter().any(|label| turns(label) || label.chars().any(is_joined)) {
        let count = labels.len();
        let digits = count.saturating_sub(1).to_string().len();
        let digit = |number: usize, line: usize| format!("{number:>digits$}").as_bytes()[line] as char;
        let line = |line: usize| (0..count).map(|number| format!("{:<CELL$}", digit(number, line))).collect();
        let listed = |(number, label): (usize, &String)| format!("{number:>digits$} {}\n", steady(&elide(label, LISTED_LABEL)));
        return ((0..digits).map(line).collect(), labels.iter().enumerate().map(listed).collect());
    }
    let shown: Vec<_> = labels.iter().map(|label| elide(label, COLUMN_LABEL)).collect();
    let letters: Vec<_> = shown.iter().map(|label| clusters(label)).collect();
    let depth = letters.iter().map(Vec::len).max().unwrap_or(0);
    let line = |line: usize| {
        let letter = |letters: &Vec<&str>| {
            // Words stand on the grid, so short ones start further down.
            let letter = (line + letters.len()).checked_sub(depth).map_or("", |at| letters[at]);
            format!("{letter}{:pad$}", "", pad = CELL.saturating_sub(letter.width()))
        };
        letters.iter().map(letter).collect()
    };
    ((0..depth).map(line).collect(), String::new())
}

/// Scripts of South and South-East Asia, whose vowels stand around their consonants, and Mongolian.
fn is_joined(character: char) -> bool {
    matches!(character, '\u{900}'..='\u{dff}' | '\u{e31}'..='\u{e4e}' | '\u{f00}'..='\u{109f}' | '\u{1780}'..='\u{18af}')
}

fn cell(weight: f32, link: bool, gold: bool, how: TerminalColour) -> String {
    let mark = match (link, gold) {
        (true, true) => Some('◉'),
        (true, false) => Some('●'),
        (false, true) => Some('○'),
        (false, false) => None,
    };
    let fill = colour::of_weight(weight);
    let ink = colour::on_weight(weight);
    let text = format!("{}{}", mark.unwrap_or(' '), ' ');
    match how {
        TerminalColour::None => {
            let shade = shade(weight);
            format!("{}{shade}", mark.unwrap_or(shade))
        }
        TerminalColour::Palette => format!("\x1b[48;5;{};38;5;{}m{text}\x1b[0m", palette(fill), palette(ink)),
        TerminalColour::True => {
            let ([r, g, b], [ink_r, ink_g, ink_b]) = (fill, ink);
            format!("\x1b[48;2;{r};{g};{b};38;2;{ink_r};{ink_g};{ink_b}m{text}\x1b[0m")
        }
    }
}

fn shade(weight: f32) -> char {
    match weight {
        ..0.05 => '·',
        ..0.25 => '░',
        ..0.5 => '▒',
        ..0.75 => '▓',
        _ => '█',
    }
}

/// The nearest of the colour cube (16 to 231) and the greys (232 to 255).
fn palette(colour: Rgb) -> usize {
    let level = |step: usize| if step == 0 { 0 } else { 55 + 40 * step as i32 };
    let of_index = |index: usize| match index {
        232.. => [8 + 10 * (index as i32 - 232); 3],
        _ => [(index - 16) / 36, (index - 16) / 6 % 6, (index - 16) % 6].map(level),
    };
    let distance = |index: &usize| {
        let differences = of_index(*index).into_iter().zip(colour).map(|(one, other)| one - i32::from(other));
        differences.map(|difference| difference * difference).sum::<i32>()
    };
    (16..256).min_by_key(distance).unwrap_or(16)
}

fn legend(map: &Heatmap, gutter: usize, how: TerminalColour) -> String {
    let steps: String = [0.0, 0.2, 0.4, 0.6, 1.0].map(|weight| cell(weight, false, false, how)).concat();
    let mut legend = format!("{:gutter$} 0 {steps} 1", "");
    if map.links.is_some() {
        legend.push_str("  ● link");
    }
    if map.gold.is_some() {
        legend.push_str("  ○ gold");
    }
    if map.links.is_some() && map.gold.is_some() {
        legend.push_str("  ◉ both");
    }
    legend + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alignment::{AttentionMatrix, Links};
    use proptest::prelude::*;

    fn heatmap(rows: &[String], columns: &[String]) -> Heatmap {
        let weights = (0..rows.len() * columns.len()).map(|index| (index % 5) as f32 / 4.0).collect();
        let matrix = AttentionMatrix::new(rows.len(), columns.len(), weights).unwrap();
        Heatmap::new("", rows, columns, matrix).unwrap()
    }

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    fn without_colours(text: &str) -> String {
        let mut parts = text.split('\x1b');
        let first = parts.next().unwrap_or_default().to_owned();
        first + &parts.map(|part| part.split_once('m').map_or("", |(_, rest)| rest)).collect::<String>()
    }

    #[test]
    fn plain_blocks() {
        let map = heatmap(&words("un chat"), &words("a cat")).with_links(Links::from(vec![(0, 0), (1, 1)])).unwrap();
        let map = map.with_gold(Links::from(vec![(1, 1), (0, 1)])).unwrap();
        // Weights 0, ¼ over ½, ¾; link 0-0, gold 0-1, both 1-1.
        let expected =
            "       c   \n       a   \n     a t   \n  un ●·▒▒  \nchat ○▓◉█  \n     0 ··░░▒▒▓▓██ 1  ● link  ○ gold  ◉ both\n";
        let drawn = map.terminal(TerminalColour::None);
        let trimmed = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
        assert_eq!(trimmed(&drawn), trimmed(expected));
    }

    #[test]
    fn joined_scripts_are_listed_below() {
        let drawn = heatmap(&words("peace"), &words("السلام عليكم ok")).terminal(TerminalColour::None);
        let lines: Vec<_> = drawn.lines().collect();
        assert_eq!(lines[0].trim(), "0 1 2");
        assert_eq!(lines[2], "0 \u{200e}السلام\u{200e}");
        assert_eq!(lines[4], "2 ok");
    }

    #[test]
    fn palette_finds_exact_colours() {
        assert_eq!(palette([255, 0, 0]), 196);
        assert_eq!(palette([95, 135, 175]), 67);
        assert_eq!(palette([8, 8, 8]), 232);
    }

    proptest! {
        #[test]
        fn lines_of_the_grid_are_equally_wide(
            rows in prop::collection::vec("[a-zé翻訳😀א\u{301}\t]{0,12}|\\PC{0,30}", 1..5),
            columns in prop::collection::vec("[a-z翻訳😀\u{301}\n]{0,20}", 1..14),
        ) {
            let map = heatmap(&rows, &columns);
            let plain = map.terminal(TerminalColour::None);
            let lines: Vec<_> = plain.lines().collect();
            let grid = &lines[..lines.len() - 1];
            prop_assert!(grid.len() >= rows.len());
            let widths: Vec<_> = grid.iter().map(|line| line.width()).collect();
            prop_assert!(widths.iter().all(|width| *width == widths[0]), "{widths:?}\n{plain}");
            for colour in [TerminalColour::Palette, TerminalColour::True] {
                let coloured = without_colours(&map.terminal(colour));
                let coloured: Vec<_> = coloured.lines().map(|line| line.width()).collect();
                prop_assert_eq!(&coloured[..grid.len()], &widths[..]);
            }
        }
    }
}
