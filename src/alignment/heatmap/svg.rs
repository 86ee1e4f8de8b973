//! The SVG writer. Text stays text: readers' own fonts shape and join it.

use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

use super::colour::{self, Rgb};
use super::layout::{Anchor, Font, Layout, Mark};

const SIZE: f64 = 13.0;

/// Widths are a guess on the safe side, since the reader's font is unknown.
pub const FONT: Font = Font { height: 16.0, width: |text| text.width() as f64 * SIZE * 0.56, least_cell: 20.0 };

/// Families that come with the common systems, so that every script finds letters.
const FAMILIES: &str = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, 'Noto Sans', 'Liberation Sans', \
                        'DejaVu Sans', 'Noto Sans CJK SC', 'Noto Sans Arabic', 'Noto Sans Devanagari', sans-serif";

pub fn write(layout: &Layout) -> String {
    let Layout { width, height, name, marks } = layout;
    let mut out = String::with_capacity(marks.len() * 120 + 1024);
    // Writing into a String cannot fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\">\n<title>{}</title>\n<style>text{{font:{SIZE}px {FAMILIES};fill:{};\
         unicode-bidi:plaintext;white-space:pre}}.t{{font-weight:600}}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"{}\"/>\n",
        escape(if name.is_empty() { "Attention" } else { name }),
        hex(colour::INK),
        hex(colour::PAPER),
    );
    marks.iter().for_each(|mark| draw(mark, &mut out));
    out.push_str("</svg>\n");
    out
}

fn draw(mark: &Mark, out: &mut String) {
    let tipped = |tip: &Option<String>| tip.as_ref().map_or(String::new(), |tip| format!("<title>{}</title>", escape(tip)));
    let _ = match mark {
        Mark::Cell { x, y, width, height, fill, tip } => {
            let rounding = if tip.is_some() { " rx=\"1.5\"" } else { "" };
            let shape = format!("<rect x=\"{}\" y=\"{}\" width=\"{width}\" height=\"{height}\"{rounding}", short(*x), short(*y));
            match tip {
                Some(_) => writeln!(out, "{shape} fill=\"{}\">{}</rect>", hex(*fill), tipped(tip)),
                None => writeln!(out, "{shape} fill=\"{}\"/>", hex(*fill)),
            }
        }
        // Half the line's width inside, so that neighbours' frames don't touch. Clicks and tips go to the cell below.
        Mark::Frame { x, y, size, stroke } => writeln!(
            out,
            "<rect x=\"{}\" y=\"{}\" width=\"{2}\" height=\"{2}\" rx=\"1.5\" fill=\"none\" stroke=\"{3}\" stroke-width=\"2\" \
             pointer-events=\"none\"/>",
            short(*x + 1.0),
            short(*y + 1.0),
            short(size - 2.0),
            hex(*stroke),
        ),
        Mark::Dot { x, y, radius, fill } => writeln!(
            out,
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{}\" pointer-events=\"none\"/>",
            short(*x),
            short(*y),
            short(*radius),
            hex(*fill)
        ),
        Mark::Text { x, y, anchor, text, tip, colour, bold } => {
            let class = if *bold { " class=\"t\"" } else { "" };
            let fill = if *colour == colour::INK { String::new() } else { format!(" style=\"fill:{}\"", hex(*colour)) };
            let place = match anchor {
                Anchor::Start => String::new(),
                Anchor::Middle => " text-anchor=\"middle\"".to_owned(),
                Anchor::End => " text-anchor=\"end\"".to_owned(),
                Anchor::Rising => format!(" transform=\"rotate(-45 {} {})\"", short(*x), short(*y)),
            };
            let (x, y) = (short(*x), short(*y));
            writeln!(out, "<text x=\"{x}\" y=\"{y}\" dy=\".35em\"{place}{class}{fill}>{}{}</text>", escape(text), tipped(tip))
        }
    };
}

fn hex([red, green, blue]: Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Tenths are as fine as a screen shows.
fn short(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// Characters that XML has no place for are gone already: labels went through [`super::label::clean`].
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::{Figure, Heatmap};
    use crate::alignment::{AttentionMatrix, Links};
    use proptest::prelude::*;

    fn heatmap(title: &str, row: &str, column: &str) -> Heatmap {
        let matrix = AttentionMatrix::from_rows(&[[0.25, 0.75]]).unwrap();
        Heatmap::new(title, &[row.to_owned()], &[column.to_owned(), "end".to_owned()], matrix).unwrap()
    }

    /// The contents of every element of a name.
    fn texts(svg: &str, element: &str) -> Vec<String> {
        let document = roxmltree::Document::parse(svg).unwrap_or_else(|error| panic!("{error} in {svg}"));
        let elements = document.descendants().filter(|node| node.has_tag_name(element));
        elements
            .map(|node| node.children().filter_map(|child| child.is_text().then(|| child.text()).flatten()).collect())
            .collect()
    }

    #[test]
    fn labels_are_escaped_and_whole_in_tips() {
        let long = "<unk>&\"'a-very-long-word-that-nobody-says";
        let svg = heatmap("1 < 2 & 3", long, "שלום").svg();
        let shown = texts(&svg, "text");
        assert!(shown.contains(&"1 < 2 & 3".to_owned()) && shown.contains(&"שלום".to_owned()), "{shown:?}");
        assert!(shown.contains(&"<unk>&\"'a-very-long-wor…".to_owned()), "{shown:?}");
        let tips = texts(&svg, "title");
        assert!(tips.contains(&long.to_owned()), "{tips:?}");
        assert!(tips.contains(&format!("שלום → {long}: 0.250")), "{tips:?}");
    }

    #[test]
    fn links_are_marked() {
        let plain = heatmap("", "a", "b");
        let (frames, dots) = ("fill=\"none\"", "<circle");
        assert!(!plain.svg().contains(frames) && !plain.svg().contains(dots));
        let links = Links::from(vec![(1, 0)]);
        // Each mark stands in its cell and in the legend.
        assert_eq!(plain.clone().with_gold(links.clone()).unwrap().svg().matches(frames).count(), 2);
        assert_eq!(plain.with_links(links).unwrap().svg().matches(dots).count(), 2);
    }

    #[test]
    fn panels_leave_out_their_neighbours_words() {
        let panels = vec![heatmap("one", "row", "column"), heatmap("two", "row", "column"), heatmap("three", "row", "other")];
        let count = |across: usize, label: &str| {
            let svg = Figure::new("all", panels.clone()).across(across).svg();
            texts(&svg, "text").iter().filter(|text| *text == label).count()
        };
        assert_eq!((count(3, "row"), count(3, "column")), (1, 2));
        assert_eq!((count(1, "row"), count(1, "column"), count(1, "other")), (3, 1, 1));
        assert_eq!((count(2, "all"), count(2, "two"), count(2, "three")), (1, 1, 1));
    }

    proptest! {
        #[test]
        fn any_text_makes_well_formed_xml(title in ".{0,12}", row in any::<String>(), column in "[\0-\u{2fff}]{0,30}") {
            let svg = heatmap(&title, &row, &column).svg();
            prop_assert_eq!(texts(&svg, "rect").len(), 1 + 2 + 32);
        }
    }
}
