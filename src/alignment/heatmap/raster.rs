//! The rasteriser: a layout as a PNG image, with letters from [`super::glyphs`].

use anyhow::{Context, Result, ensure};

use super::colour::{self, Rgb};
use super::glyphs::{self, Dots};
use super::layout::{Anchor, Font, Layout, Mark};

/// One dot of a letter is one unit of the layout.
pub const FONT: Font = Font { height: glyphs::LINE as f64, width: |text| glyphs::width(text) as f64, least_cell: 26.0 };

/// Smoothed letters have this many dots for each of the font's.
const FINE: f64 = 4.0;
/// Larger images are mistakes, and memory.
const MOST_PIXELS: usize = 200_000_000;

pub fn png(layout: &Layout, scale: u32) -> Result<Vec<u8>> {
    ensure!((1..=8).contains(&scale), "the scale of an image is {scale}; it can be 1 to 8");
    let mut canvas = Canvas::new(layout, scale)?;
    layout.marks.iter().for_each(|mark| canvas.draw(mark));
    canvas.encode()
}

struct Canvas {
    width: usize,
    height: usize,
    scale: f64,
    pixels: Vec<u8>,
}

impl Canvas {
    fn new(layout: &Layout, scale: u32) -> Result<Self> {
        let side = |units: f64| (units * f64::from(scale)).ceil() as usize;
        let (width, height) = (side(layout.width), side(layout.height));
        ensure!(
            width.saturating_mul(height) <= MOST_PIXELS,
            "a figure of {width}×{height} pixels is too large for one image; use a smaller scale, fewer panels, or SVG"
        );
        Ok(Self { width, height, scale: f64::from(scale), pixels: colour::PAPER.repeat(width * height) })
    }

    fn encode(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Balanced);
        let mut writer = encoder.write_header().context("cannot write the PNG header")?;
        writer.write_image_data(&self.pixels).context("cannot compress the PNG image")?;
        writer.finish().context("cannot finish the PNG image")?;
        Ok(bytes)
    }

    fn draw(&mut self, mark: &Mark) {
        match mark {
            Mark::Cell { x, y, width, height, fill, .. } => self.fill(*x, *y, *width, *height, *fill),
            Mark::Frame { x, y, size, stroke } => {
                const LINE: f64 = 2.0;
                self.fill(*x, *y, *size, LINE, *stroke);
                self.fill(*x, y + size - LINE, *size, LINE, *stroke);
                self.fill(*x, *y, LINE, *size, *stroke);
                self.fill(x + size - LINE, *y, LINE, *size, *stroke);
            }
            Mark::Dot { x, y, radius, fill } => self.disc(*x, *y, *radius, *fill),
            Mark::Text { x, y, anchor, text, colour, bold, .. } => self.text(*x, *y, *anchor, text, *colour, *bold),
        }
    }

    /// A rectangle with its edges on whole pixels.
    fn fill(&mut self, x: f64, y: f64, width: f64, height: f64, colour: Rgb) {
        let pixel = |units: f64, most: usize| ((units * self.scale).round().max(0.0) as usize).min(most);
        let (left, right) = (pixel(x, self.width), pixel(x + width, self.width));
        for row in pixel(y, self.height)..pixel(y + height, self.height) {
            let line = &mut self.pixels[(row * self.width + left) * 3..(row * self.width + right) * 3];
            line.as_chunks_mut::<3>().0.fill(colour);
        }
    }

    fn disc(&mut self, x: f64, y: f64, radius: f64, colour: Rgb) {
        let (x, y, radius) = (x * self.scale, y * self.scale, radius * self.scale);
        let reach = radius + 1.0;
        self.blend(
            (y - reach, y + reach),
            |_| (x - reach, x + reach),
            colour,
            |at_x, at_y| (radius + 0.5 - (at_x - x).hypot(at_y - y)).clamp(0.0, 1.0),
        );
    }

    fn text(&mut self, x: f64, y: f64, anchor: Anchor, text: &str, colour: Rgb, bold: bool) {
        let dots = glyphs::write(text);
        let fine = dots.doubled().doubled();
        let (width, height) = (dots.width as f64 * self.scale, dots.height as f64 * self.scale);
        let (x, y) = ((x * self.scale).round(), (y * self.scale).round());
        // Dots of the smooth letters to a pixel of the picture.
        let step = FINE / self.scale;
        if anchor == Anchor::Rising {
            // A slanted line of text crosses each row of pixels between its own ends and its own upper and lower edges.
            let half = height * std::f64::consts::FRAC_1_SQRT_2 + 1.0;
            let length = width * std::f64::consts::SQRT_2;
            let rows = (y - length / 2.0 - half, y + half);
            let crossing = |at_y: f64| {
                let down = at_y - y;
                (x + down.max(-half - down) - 1.0, x + (down + length).min(half - down) + 1.0)
            };
            self.blend(rows, crossing, colour, |at_x, at_y| {
                let (right, down) = (at_x - x, at_y - y);
                let along = (right - down) * std::f64::consts::FRAC_1_SQRT_2;
                let across = (right + down) * std::f64::consts::FRAC_1_SQRT_2 + height / 2.0;
                coverage(&fine, along * step, across * step, step, bold)
            });
            return;
        }
        let left = match anchor {
            Anchor::End => x - width,
            Anchor::Middle => (x - width / 2.0).round(),
            Anchor::Start | Anchor::Rising => x,
        };
        let top = (y - height / 2.0).round();
        let right = left + width + self.scale;
        self.blend(
            (top, top + height),
            |_| (left, right),
            colour,
            |at_x, at_y| coverage(&fine, (at_x - left) * step, (at_y - top) * step, step, bold),
        );
    }

    /// Blends `colour` into rows of pixels, in each between the ends that `ends` gives for its height, by what `opacity` says at
    /// the pixels' centres.
    fn blend(
        &mut self,
        (top, bottom): (f64, f64),
        ends: impl Fn(f64) -> (f64, f64),
        colour: Rgb,
        opacity: impl Fn(f64, f64) -> f64,
    ) {
        let bound = |value: f64, most: usize| (value.max(0.0) as usize).min(most);
        for y in bound(top.floor(), self.height)..bound(bottom.ceil(), self.height) {
            let (left, right) = ends(y as f64 + 0.5);
            for x in bound(left.floor(), self.width)..bound(right.ceil(), self.width) {
                let opacity = opacity(x as f64 + 0.5, y as f64 + 0.5);
                if opacity > 0.0 {
                    let at = (y * self.width + x) * 3;
                    for (pixel, ink) in self.pixels[at..at + 3].iter_mut().zip(colour) {
                        *pixel = (f64::from(*pixel) + (f64::from(ink) - f64::from(*pixel)) * opacity).round() as u8;
                    }
                }
            }
        }
    }
}

/// Black part of the square of side `step` around a point of the dots, by samples about a dot apart; bold letters are drawn
/// twice, half a font dot apart.
fn coverage(dots: &Dots, x: f64, y: f64, step: f64, bold: bool) -> f64 {
    let samples = (step.ceil() as i32).max(2);
    // Truncation is floor where it matters, and one instruction.
    let black = |x: f64, y: f64| x >= 0.0 && y >= 0.0 && dots.get(x as isize, y as isize);
    let offset = |index: i32| ((f64::from(index) + 0.5) / f64::from(samples) - 0.5) * step;
    let mut hits = 0;
    for i in 0..samples {
        for j in 0..samples {
            let (x, y) = (x + offset(i), y + offset(j));
            hits += i32::from(black(x, y) || bold && black(x - FINE / 2.0, y));
        }
    }
    f64::from(hits) / f64::from(samples * samples)
}

#[cfg(test)]
mod tests {
    use super::super::{Figure, Heatmap};
    use super::*;
    use crate::alignment::{AttentionMatrix, Links};

    fn labels(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    /// Width, height and pixels.
    fn decode(image: &[u8]) -> (u32, u32, Vec<Rgb>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(image)).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut bytes).unwrap();
        assert_eq!((frame.color_type, frame.bit_depth), (png::ColorType::Rgb, png::BitDepth::Eight));
        (frame.width, frame.height, bytes.as_chunks::<3>().0.to_vec())
    }

    fn heatmap(row: &str, column: &str) -> Heatmap {
        let matrix = AttentionMatrix::from_rows(&[[0.25, 1.0]]).unwrap();
        Heatmap::new("", &labels(&[row]), &labels(&[column, ""]), matrix).unwrap()
    }

    #[test]
    fn images_have_the_size_of_the_layout() {
        let figure = Figure::from(heatmap("word", "long-enough-to-slant"));
        let layout = Layout::of(&figure, &FONT);
        for scale in [1, 2, 3] {
            let (width, height, pixels) = decode(&figure.png(scale).unwrap());
            assert_eq!((width, height), (layout.width as u32 * scale, layout.height as u32 * scale));
            assert_eq!(pixels.len(), (width * height) as usize);
            for weight in [0.25, 1.0] {
                let count = pixels.iter().filter(|pixel| **pixel == colour::of_weight(weight)).count();
                assert!(count > 500 * (scale * scale) as usize, "{count} pixels of weight {weight} at scale {scale}");
            }
        }
        assert!(figure.png(0).unwrap_err().to_string().contains("scale of an image is 0"));
    }

    #[test]
    fn every_script_leaves_ink() {
        let ink = |row: &str, column: &str| {
            let (_, _, pixels) = decode(&heatmap(row, column).png(2).unwrap());
            pixels.iter().filter(|pixel| **pixel != colour::PAPER).count()
        };
        let blank = ink("", "");
        for word in ["翻訳", "ترجمة", "अनुवाद", "перевод", "תרגום", "การแปล", "번역", "😀", "\u{301}", "\0"]
        {
            assert!(ink(word, "") > blank + 40, "row {word:?}");
            assert!(ink("", word) > blank + 40, "column {word:?}");
            assert!(ink("", &format!("{word}abcde")) > blank + 150, "slanted column {word:?}");
        }
    }

    #[test]
    fn marks_are_painted_over_their_cells() {
        let bare = decode(&heatmap("a", "b").png(2).unwrap()).2;
        assert!(!bare.contains(&colour::GOLD));
        let gold = heatmap("a", "b").with_gold(Links::from(vec![(1, 0)])).unwrap();
        let pixels = decode(&gold.png(2).unwrap()).2;
        assert!(pixels.iter().filter(|pixel| **pixel == colour::GOLD).count() > 200);
        let linked = heatmap("a", "b").with_links(Links::from(vec![(1, 0)])).unwrap();
        let pixels = decode(&linked.png(2).unwrap()).2;
        let dark = |pixels: &[Rgb]| pixels.iter().filter(|pixel| **pixel == colour::of_weight(1.0)).count();
        // A disc of radius 4.5 units covers about 250 pixels at scale 2.
        assert!((220..300).contains(&(dark(&bare) - dark(&pixels))), "{} of {}", dark(&pixels), dark(&bare));
    }

    #[test]
    fn a_figure_too_large_for_memory_is_an_error() {
        let words = vec!["w".to_owned(); 600];
        let matrix = AttentionMatrix::new(600, 600, vec![0.0; 360_000]).unwrap();
        let error = Heatmap::new("", &words, &words, matrix).unwrap().png(2).unwrap_err();
        assert!(error.to_string().contains("too large for one image"), "{error}");
    }
}
