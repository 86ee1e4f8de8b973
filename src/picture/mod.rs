//! Pictures: one writer of SVG for all of them, and PNG made from the same SVG.
//!
//! In SVG text stays text, which readers' own fonts shape. In PNG it is drawn as outlines, shaped by HarfBuzz's rules, with fonts
//! that are part of the program, so that machines without fonts make the same pictures:
//!
//! | font | licence | scripts |
//! |---|---|---|
//! | DejaVu Sans | Bitstream Vera's, free | Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew, Arabic, Lao, N'Ko, Tifinagh, signs |
//! | Noto Sans Devanagari | OFL 1.1 | Devanagari: Hindi, Marathi, Nepali, Sanskrit |
//! | Noto Emoji | OFL 1.1 | emoji, in one colour |
//!
//! Bengali, Tamil, Thai, Chinese, Japanese, Korean and all other scripts take a font of the machine that has them. Where there is
//! none, GNU Unifont's dots stand in: whole and readable for Chinese, Japanese, Korean and Thai; for the other scripts of India
//! and South-East Asia letter by letter, without their ligatures. What even Unifont lacks is an empty box.

mod bitmap;
mod dots;
mod drawing;
mod element;
mod fonts;
pub mod label;
mod line;
mod png;
mod text;

pub use bitmap::Bitmap;
pub use drawing::Drawing;
pub use element::Element;
pub use text::{Anchor, LINE, Text, ink, width};

/// Red, green and blue, as a screen takes them.
pub type Rgb = [u8; 3];

pub const PAPER: Rgb = [255, 255, 255];
pub const INK: Rgb = [31, 41, 55];
pub const FAINT: Rgb = [107, 114, 128];

/// A colour as SVG has it, `#rrggbb`.
pub fn hex([red, green, blue]: Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

#[cfg(test)]
mod tests;
