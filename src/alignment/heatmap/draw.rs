//! A layout as a drawing.

use super::layout::{Layout, Mark};
use crate::picture::{Drawing, Element, Text, hex};

pub fn draw(layout: &Layout) -> Drawing {
    let name = if layout.name.is_empty() { "Attention" } else { &layout.name };
    let mut drawing = Drawing::new(layout.width, layout.height, name);
    layout.marks.iter().for_each(|mark| add(mark, &mut drawing));
    drawing
}

fn add(mark: &Mark, drawing: &mut Drawing) {
    match mark {
        Mark::Cell { x, y, width, height, fill, tip } => {
            let cell = Element::new("rect").at("x", *x).at("y", *y).at("width", *width).at("height", *height);
            let cell = if tip.is_some() { cell.set("rx", 1.5) } else { cell };
            drawing.shape(cell.set("fill", hex(*fill)).tip(tip.as_deref().unwrap_or_default()));
        }
        // Half the line's width inside, so that neighbours' frames don't touch. Clicks and tips go to the cell below.
        Mark::Frame { x, y, size, stroke } => drawing.shape(
            Element::new("rect")
                .at("x", x + 1.0)
                .at("y", y + 1.0)
                .at("width", size - 2.0)
                .at("height", size - 2.0)
                .set("rx", 1.5)
                .set("fill", "none")
                .set("stroke", hex(*stroke))
                .set("stroke-width", 2)
                .set("pointer-events", "none"),
        ),
        Mark::Dot { x, y, radius, fill } => drawing.shape(
            Element::new("circle")
                .at("cx", *x)
                .at("cy", *y)
                .at("r", *radius)
                .set("fill", hex(*fill))
                .set("pointer-events", "none"),
        ),
        Mark::Text { x, y, anchor, rising, text, tip, colour, bold } => {
            let text = Text::new(*x, *y, text).anchor(*anchor).colour(*colour).tip(tip.as_deref().unwrap_or_default());
            let text = if *rising { text.rising(45.0) } else { text };
            drawing.text(if *bold { text.bold() } else { text });
        }
    }
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
        let svg = heatmap("1 < 2 & 3", long, "שלום").drawing().svg();
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
        assert!(!plain.drawing().svg().contains(frames) && !plain.drawing().svg().contains(dots));
        let links = Links::from(vec![(1, 0)]);
        // Each mark stands in its cell and in the legend.
        assert_eq!(plain.clone().with_gold(links.clone()).unwrap().drawing().svg().matches(frames).count(), 2);
        assert_eq!(plain.with_links(links).unwrap().drawing().svg().matches(dots).count(), 2);
    }

    #[test]
    fn panels_leave_out_their_neighbours_words() {
        let panels = vec![heatmap("one", "row", "column"), heatmap("two", "row", "column"), heatmap("three", "row", "other")];
        let count = |across: usize, label: &str| {
            let svg = Figure::new("all", panels.clone()).across(across).drawing().svg();
            texts(&svg, "text").iter().filter(|text| *text == label).count()
        };
        assert_eq!((count(3, "row"), count(3, "column")), (1, 2));
        assert_eq!((count(1, "row"), count(1, "column"), count(1, "other")), (3, 1, 1));
        assert_eq!((count(2, "all"), count(2, "two"), count(2, "three")), (1, 1, 1));
    }

    proptest! {
        #[test]
        fn any_text_makes_well_formed_xml(title in ".{0,12}", row in any::<String>(), column in "[\0-\u{2fff}]{0,30}") {
            let svg = heatmap(&title, &row, &column).drawing().svg();
            prop_assert_eq!(texts(&svg, "rect").len(), 1 + 2 + 32);
        }
    }
}
