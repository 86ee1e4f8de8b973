//! The document: shapes and texts, painted in order.

use std::fmt::Write;
use std::path::Path;

use anyhow::Result;

use super::element::Element;
use super::text::{FAMILIES, SIZE, Text};
use super::{INK, PAPER, hex, png};
use crate::runtime::files::write_unsynced;

/// A picture on white paper. Lengths are pixels on a plain screen, from the upper left corner.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    width: f64,
    height: f64,
    name: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Shape(Element),
    Text(Text),
}

/// The two ways in which text is written.
#[derive(Clone, Copy, PartialEq)]
enum Letters {
    Text,
    Outlines,
}

impl Drawing {
    /// An empty picture; its name is for those who cannot see it.
    pub fn new(width: f64, height: f64, name: &str) -> Self {
        Self { width: width.ceil().max(1.0), height: height.ceil().max(1.0), name: name.to_owned(), pieces: Vec::new() }
    }

    pub fn shape(&mut self, shape: Element) {
        self.pieces.push(Piece::Shape(shape));
    }

    pub fn text(&mut self, text: Text) {
        self.pieces.push(Piece::Text(text));
    }

    /// A document of its own, in UTF-8. Text stays text, in the reader's fonts.
    pub fn svg(&self) -> String {
        self.write(Letters::Text)
    }

    /// A PNG image of the same, `scale` pixels for each unit (2 is crisp on today's screens).
    ///
    /// # Errors
    /// A scale that is not 1 to 8, or an image too large to be looked at.
    pub fn png(&self, scale: u32) -> Result<Vec<u8>> {
        let size = png::Size::new(self.width, self.height, scale)?;
        png::write(&self.write(Letters::Outlines), size)
    }

    /// Writes `PATH.svg`, and `PATH.png` with two pixels for each unit; `path` has no extension.
    pub fn save(&self, path: &Path) -> Result<()> {
        write_unsynced(&path.with_extension("svg"), self.svg())?;
        write_unsynced(&path.with_extension("png"), self.png(2)?)
    }

    fn write(&self, letters: Letters) -> String {
        let Self { width, height, .. } = self;
        let mut out = String::with_capacity(self.pieces.len() * 120 + 1024);
        // Writing into a String cannot fail.
        let _ = writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             role=\"img\">"
        );
        if letters == Letters::Text {
            let style = format!(
                "text{{font:{SIZE}px {FAMILIES};fill:{};unicode-bidi:plaintext;white-space:pre}}.t{{font-weight:600}}",
                hex(INK)
            );
            let _ = writeln!(out, "{}\n{}", Element::new("title").text(&self.name), Element::new("style").text(&style));
        }
        let paper = Element::new("rect").set("width", "100%").set("height", "100%").set("fill", hex(PAPER));
        let _ = writeln!(out, "{paper}");
        for piece in &self.pieces {
            let _ = match (piece, letters) {
                (Piece::Shape(shape), _) => writeln!(out, "{shape}"),
                (Piece::Text(text), Letters::Text) => writeln!(out, "{}", text.as_text()),
                (Piece::Text(text), Letters::Outlines) => writeln!(out, "{}", text.as_outlines()),
            };
        }
        out + "</svg>\n"
    }
}
