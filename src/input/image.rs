//! Images that others made.

use std::io::Cursor;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use png::{ColorType, Decoder, Limits, Transformations};

use super::read_bytes;
use crate::runtime::files::Shown;

/// What every PNG file begins with.
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Bytes of a file, and pixels of an image, that nobody means to have read.
const MOST_BYTES: u64 = 16 << 20;
const MOST_PIXELS: u64 = 1 << 24;

/// An image as it looks on white paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub width: usize,
    pub height: usize,
    /// Red, green and blue, from left to right and from top to bottom.
    pub pixels: Vec<[u8; 3]>,
}

impl Image {
    /// Whether a file's bytes are those of a PNG image.
    pub fn is_png(bytes: &[u8]) -> bool {
        bytes.starts_with(SIGNATURE)
    }

    /// Reads a PNG file of any kind: grey or coloured, with a palette, transparent, of 1 to 16 bits.
    ///
    /// # Errors
    /// A file that cannot be read, is broken, or is too large; the message names it.
    pub fn read(path: &Path) -> Result<Self> {
        Self::of_png(&read_bytes(path, "the image", MOST_BYTES)?)
            .with_context(|| format!("{}: cannot read the image", path.shown()))
    }

    /// The image of a PNG file's bytes.
    ///
    /// # Errors
    /// Bytes that are no PNG image, or one that is too large.
    pub fn of_png(bytes: &[u8]) -> Result<Self> {
        let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: 256 << 20 });
        decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
        let mut reader = decoder.read_info()?;
        let (wide, high) = reader.info().size();
        ensure!(
            u64::from(wide) * u64::from(high) <= MOST_PIXELS,
            "{wide}×{high} pixels, expected at most {MOST_PIXELS} in all: scale it down"
        );
        let mut buffer = vec![0; reader.output_buffer_size().context("more pixels than fit in memory")?];
        let frame = reader.next_frame(&mut buffer)?;
        let on_white = |shade: u8, alpha: u8| {
            let (shade, alpha) = (u32::from(shade), u32::from(alpha));
            ((shade * alpha + 255 * (255 - alpha) + 127) / 255) as u8
        };
        let channels = frame.color_type.samples();
        let pixels = buffer[..frame.buffer_size()].chunks_exact(channels).map(|pixel| match (frame.color_type, pixel) {
            (ColorType::Grayscale, &[grey]) => [grey; 3],
            (ColorType::GrayscaleAlpha, &[grey, alpha]) => [on_white(grey, alpha); 3],
            (_, &[red, green, blue]) => [red, green, blue],
            (_, &[red, green, blue, alpha]) => [red, green, blue].map(|shade| on_white(shade, alpha)),
            _ => [255; 3],
        });
        Ok(Image { width: wide as usize, height: high as usize, pixels: pixels.collect() })
    }

    /// How light each pixel is, from 0 (black) to 1 (white): luma of Rec. 601.
    pub fn lightness(&self) -> Vec<f32> {
        let luma =
            |[red, green, blue]: [u8; 3]| (0.299 * f32::from(red) + 0.587 * f32::from(green) + 0.114 * f32::from(blue)) / 255.0;
        self.pixels.iter().copied().map(luma).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(kind: ColorType, depth: png::BitDepth, palette: &[u8], data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 2, 1);
        encoder.set_color(kind);
        encoder.set_depth(depth);
        if !palette.is_empty() {
            encoder.set_palette(palette.to_vec());
        }
        encoder.write_header().unwrap().write_image_data(data).unwrap();
        bytes
    }

    #[test]
    fn every_kind_of_png_looks_as_on_paper() {
        use ColorType::{Grayscale, GrayscaleAlpha, Indexed, Rgb, Rgba};
        use png::BitDepth::{Eight, One, Sixteen};
        let (black, white, red) = ([0; 3], [255; 3], [255, 0, 0]);
        for (bytes, expected) in [
            (encoded(Grayscale, One, &[], &[0b0100_0000]), [black, white]),
            (encoded(Grayscale, Sixteen, &[], &[0, 0, 255, 255]), [black, white]),
            (encoded(GrayscaleAlpha, Eight, &[], &[0, 255, 0, 0]), [black, white]),
            (encoded(Indexed, Eight, &[255, 0, 0, 0, 0, 0], &[1, 0]), [black, red]),
            (encoded(Rgb, Eight, &[], &[255, 0, 0, 255, 255, 255]), [red, white]),
            (encoded(Rgba, Eight, &[], &[255, 0, 0, 255, 9, 9, 9, 0]), [red, white]),
        ] {
            let image = Image::of_png(&bytes).unwrap();
            assert!(Image::is_png(&bytes) && (image.width, image.height) == (2, 1));
            assert_eq!(image.pixels, expected);
        }
        let light = Image::of_png(&encoded(Rgb, Eight, &[], &[255, 0, 0, 255, 255, 255])).unwrap().lightness();
        assert!((light[0] - 0.299).abs() < 1e-6 && (light[1] - 1.0).abs() < 1e-6);
    }

    #[test]
    fn broken_images_are_refused() {
        let whole = encoded(ColorType::Rgb, png::BitDepth::Eight, &[], &[1, 2, 3, 4, 5, 6]);
        for end in 0..whole.len() - 12 {
            assert!(Image::of_png(&whole[..end]).is_err(), "{end}");
        }
        assert!(Image::of_png(b"no image").is_err() && !Image::is_png(b"no image"));
        let mut huge = whole;
        // The width, in the header.
        huge[16..20].copy_from_slice(&0x7fff_ffffu32.to_be_bytes());
        assert!(Image::of_png(&huge).is_err());
    }
}
