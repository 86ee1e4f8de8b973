//! A line of text in a picture: as text for readers, as outlines for pixels.

use super::element::{Element, short};
use super::label::clean;
use super::line::Line;
use super::{INK, Rgb, hex};

/// Height of letters, from one line's baseline to where the next one's would have to be at least.
pub const SIZE: f64 = 13.0;
/// Height of a line of text, from the tops of tall letters to the bottoms of low ones.
pub const LINE: f64 = 16.0;
/// From the middle of letters down to their baseline.
const BELOW_MIDDLE: f64 = 0.35 * SIZE;
/// A thicker line around letters makes them bold.
const BOLD: f64 = 0.045 * SIZE;

/// Families that come with the common systems, so that every script finds letters.
pub const FAMILIES: &str = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, 'Noto Sans', 'Liberation Sans', \
                            'DejaVu Sans', 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans Arabic', \
                            'Noto Sans Hebrew', 'Noto Sans Devanagari', 'Noto Sans Bengali', 'Noto Sans Tamil', \
                            'Noto Sans Thai', 'Nirmala UI', 'Leelawadee UI', sans-serif";

/// How a text hangs on its point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Anchor {
    /// The point is its left end.
    Start,
    Middle,
    End,
}

/// A line of text; its middle height is at its point.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    x: f64,
    y: f64,
    content: String,
    anchor: Anchor,
    /// Degrees against the clock.
    rising: f64,
    colour: Rgb,
    bold: bool,
    tip: String,
}

impl Text {
    /// Begins at (x, y). Characters that would break a picture become visible signs ([`clean`]).
    pub fn new(x: f64, y: f64, content: &str) -> Self {
        let content = clean(content);
        Self { x, y, content, anchor: Anchor::Start, rising: 0.0, colour: INK, bold: false, tip: String::new() }
    }

    pub fn anchor(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    /// Turned around its point by so many degrees against the clock.
    pub fn rising(self, rising: f64) -> Self {
        Self { rising, ..self }
    }

    pub fn colour(self, colour: Rgb) -> Self {
        Self { colour, ..self }
    }

    pub fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    /// What shows on hovering.
    pub fn tip(self, tip: &str) -> Self {
        Self { tip: tip.to_owned(), ..self }
    }

    /// As `<text>`, which readers can search and copy.
    pub fn as_text(&self) -> Element {
        let text = Element::new("text").at("x", self.x).at("y", self.y).set("dy", ".35em");
        let text = match self.anchor {
            Anchor::Start => text,
            Anchor::Middle => text.set("text-anchor", "middle"),
            Anchor::End => text.set("text-anchor", "end"),
        };
        let text = self.turned(text);
        let text = if self.bold { text.set("class", "t") } else { text };
        let text = if self.colour == INK { text } else { text.set("style", format!("fill:{}", hex(self.colour))) };
        text.text(&self.content).tip(&self.tip)
    }

    /// As a `<path>`, which needs no fonts.
    pub fn as_outlines(&self) -> Element {
        let line = Line::new(&self.content);
        let width = line.width * SIZE;
        let left = match self.anchor {
            Anchor::Start => self.x,
            Anchor::Middle => self.x - width / 2.0,
            Anchor::End => self.x - width,
        };
        let path = Element::new("path").set("fill", hex(self.colour));
        let path = if self.bold { path.set("stroke", hex(self.colour)).set("stroke-width", BOLD) } else { path };
        self.turned(path).set("d", line.outlines(left, self.y + BELOW_MIDDLE, SIZE))
    }

    fn turned(&self, element: Element) -> Element {
        if self.rising == 0.0 {
            return element;
        }
        element.set("transform", format_args!("rotate({} {} {})", -self.rising, short(self.x), short(self.y)))
    }
}

/// Width of a line of text, as it is in PNG. Readers of SVG have other fonts, few of them wider than these.
pub fn width(text: &str) -> f64 {
    Line::new(&clean(text)).width * SIZE
}

/// How far above and below its middle height a line of text is black.
pub fn ink(text: &str) -> (f64, f64) {
    let (above, below) = Line::new(&clean(text)).reach();
    (above * SIZE - BELOW_MIDDLE, below * SIZE + BELOW_MIDDLE)
}
