//! Strips of small grey pictures: the same things in columns, what became of them in rows.

use std::fmt::Write;

use anyhow::{Result, ensure};

use crate::picture::{Anchor, Drawing, Element, Text, hex, width};

/// Shades of grey that are told apart.
const SHADES: usize = 16;
/// Side of a picture's dot, and white between pictures.
const DOT: usize = 5;
const GAP: usize = 12;
const MARGIN: f64 = 16.0;
const LINE: f64 = 24.0;

/// A table of pictures, all of one size.
#[derive(Debug, Clone, PartialEq)]
pub struct Strip {
    title: String,
    columns: Vec<String>,
    /// Dots from left to right of a picture.
    across: usize,
    rows: Vec<(String, Vec<Vec<f32>>)>,
}

impl Strip {
    /// A strip without rows: a column for each label, of pictures `across` dots wide.
    pub fn new(title: &str, columns: &[String], across: usize) -> Self {
        Strip { title: title.to_owned(), columns: columns.to_vec(), across, rows: Vec::new() }
    }

    /// Adds a row of pictures, one a column. A picture is its dots from left to right and from top to bottom, from 0 (white) to 1
    /// (black).
    pub fn row(mut self, label: &str, pictures: Vec<Vec<f32>>) -> Self {
        self.rows.push((label.to_owned(), pictures));
        self
    }

    /// The picture, of which there is SVG and PNG.
    ///
    /// # Errors
    /// A row with more or fewer pictures than columns, a picture of another size than the first, or dots that are no numbers.
    pub fn drawing(&self) -> Result<Drawing> {
        let size = self.rows.first().and_then(|(_, pictures)| pictures.first()).map_or(0, Vec::len);
        for (label, pictures) in &self.rows {
            let row = || format!("strip {:?}, row {label:?}", self.title);
            ensure!(
                pictures.len() == self.columns.len(),
                "{}: {} pictures, expected one for each of {} columns",
                row(),
                pictures.len(),
                self.columns.len()
            );
            for (number, picture) in pictures.iter().enumerate() {
                ensure!(
                    picture.len() == size && self.across > 0 && size.is_multiple_of(self.across),
                    "{}: picture {number} has {} dots, expected {size} in lines of {}",
                    row(),
                    picture.len(),
                    self.across
                );
                ensure!(picture.iter().all(|dot| dot.is_finite()), "{}: picture {number} has dots that are not finite", row());
            }
        }
        Ok(self.draw(size / self.across.max(1)))
    }

    fn draw(&self, down: usize) -> Drawing {
        let labels = self.rows.iter().map(|(label, _)| width(label)).fold(0.0, f64::max).ceil();
        let headings = self.columns.iter().map(|label| width(label)).fold(0.0, f64::max).ceil();
        let wide = headings.max((self.across * DOT) as f64) + GAP as f64;
        let high = (down * DOT + GAP) as f64;
        let (left, top) = (MARGIN + labels + GAP as f64, MARGIN + LINE * 2.0);
        let whole = (left + wide * self.columns.len() as f64 + MARGIN).max(width(&self.title) * 1.08 + 2.0 * MARGIN);
        let mut drawing = Drawing::new(whole, top + high * self.rows.len() as f64 + MARGIN, &self.title);
        drawing.text(Text::new(MARGIN, MARGIN + LINE * 0.5, &self.title).bold());
        let middle = (wide - GAP as f64) / 2.0;
        for (column, label) in self.columns.iter().enumerate() {
            let centre = left + wide * column as f64 + middle;
            drawing.text(Text::new(centre, MARGIN + LINE * 1.5, label).anchor(Anchor::Middle));
        }
        for (row, (label, pictures)) in self.rows.iter().enumerate() {
            let y = top + high * row as f64;
            drawing.text(Text::new(left - GAP as f64, y + (down * DOT) as f64 / 2.0, label).anchor(Anchor::End));
            for (column, picture) in pictures.iter().enumerate() {
                let beside = (wide - GAP as f64 - (self.across * DOT) as f64) / 2.0;
                drawing.shape(self.picture(picture, left + wide * column as f64 + beside, y));
            }
        }
        drawing
    }

    /// One path for each shade: its dots run together from left to right.
    fn picture(&self, dots: &[f32], x: f64, y: f64) -> Element {
        let shade = |dot: f32| (dot.clamp(0.0, 1.0) * (SHADES - 1) as f32).round() as usize;
        let mut paths = vec![String::new(); SHADES];
        for (line, dots) in dots.chunks(self.across).enumerate() {
            let mut start = 0;
            for run in dots.chunk_by(|a, b| shade(*a) == shade(*b)) {
                // Writing into a String cannot fail.
                let _ = write!(paths[shade(run[0])], "M{} {}h{}v{DOT}h-{2}z", start * DOT, line * DOT, run.len() * DOT);
                start += run.len();
            }
        }
        let mut picture =
            Element::new("g").set("transform", format_args!("translate({x} {y})")).set("shape-rendering", "crispEdges");
        for (shade, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
            // White is a hair grey, so that an empty picture shows its bounds.
            let grey = (245 - shade * 225 / (SHADES - 1)) as u8;
            picture = picture.inside(Element::new("path").set("fill", hex([grey; 3])).set("d", path));
        }
        picture
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use roxmltree::Document;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    /// Area that each fill covers, in dots.
    fn areas(svg: &str) -> Vec<(String, usize)> {
        let document = Document::parse(svg).unwrap();
        let paths = document.descendants().filter(|node| node.has_tag_name("path"));
        let area = |path: &str| {
            let runs = path.split('M').filter(|run| !run.is_empty());
            runs.map(|run| run[run.find('h').unwrap() + 1..run.find('v').unwrap()].parse::<usize>().unwrap() / DOT).sum()
        };
        paths.map(|path| (path.attribute("fill").unwrap().to_owned(), area(path.attribute("d").unwrap()))).collect()
    }

    #[test]
    fn pictures_stand_in_their_rows_and_columns() {
        let strip = Strip::new("a < b", &names(&["A", "B"]), 2)
            .row("drawn", vec![vec![0.0, 1.0, 1.0, 1.0], vec![0.0; 4]])
            .row("restored", vec![vec![1.0; 4], vec![0.5; 4]]);
        let svg = strip.drawing().unwrap().svg();
        let document = Document::parse(&svg).unwrap();
        let texts: Vec<_> =
            document.descendants().filter(|node| node.has_tag_name("text")).filter_map(|node| node.text()).collect();
        assert_eq!(texts, ["a < b", "A", "B", "drawn", "restored"]);
        let areas = areas(&svg);
        let (white, black) = ("#f5f5f5".to_owned(), "#141414".to_owned());
        assert_eq!(areas[..3], [(white.clone(), 1), (black.clone(), 3), (white, 4)]);
        assert_eq!((areas[3].clone(), areas[4].1), ((black, 4), 4));
        let places: Vec<_> = document.descendants().filter_map(|node| node.attribute("transform")).collect();
        assert_eq!(places.len(), 4);
        assert!((0..4).all(|one| (0..one).all(|other| places[one] != places[other])));
    }

    #[test]
    fn rows_that_do_not_fit_are_named() {
        let strip = Strip::new("letters", &names(&["A", "B"]), 2);
        let error = |rows: Vec<Vec<f32>>| strip.clone().row("row", rows).drawing().unwrap_err().to_string();
        assert_eq!(error(vec![vec![0.0; 4]]), "strip \"letters\", row \"row\": 1 pictures, expected one for each of 2 columns");
        assert!(error(vec![vec![0.0; 4], vec![0.0; 2]]).contains("picture 1 has 2 dots, expected 4 in lines of 2"));
        assert!(error(vec![vec![0.0; 3], vec![0.0; 3]]).contains("picture 0 has 3 dots"));
        assert!(error(vec![vec![0.0; 4], vec![f32::NAN; 4]]).contains("picture 1 has dots that are not finite"));
        assert!(Document::parse(&strip.drawing().unwrap().svg()).is_ok());
    }

    proptest! {
        #[test]
        fn every_dot_is_drawn_once(dots in proptest::collection::vec(-0.5f32..1.5, 12), title in any::<String>()) {
            let svg = Strip::new(&title, std::slice::from_ref(&title), 4).row(&title, vec![dots]).drawing().unwrap().svg();
            prop_assert_eq!(areas(&svg).iter().map(|(_, area)| area).sum::<usize>(), 12);
        }
    }
}
