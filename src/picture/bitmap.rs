//! Pictures made of dots: read from PNG, written as PNG, and brought to another size.

use std::io::Cursor;

use anyhow::{Context, Result, bail, ensure};

use super::{PAPER, Rgb};

/// Larger pictures are not read: in memory they would take more than their file by far.
const MOST_DOTS: u64 = 50_000_000;

/// Dots of three colours, from left to right and from top to bottom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bitmap {
    width: usize,
    dots: Vec<Rgb>,
}

impl Bitmap {
    /// # Panics
    /// Where the dots do not fill lines of this width, or there are none.
    pub fn new(width: usize, dots: Vec<Rgb>) -> Self {
        assert!(width > 0 && !dots.is_empty() && dots.len().is_multiple_of(width), "{} dots in lines of {width}", dots.len());
        Bitmap { width, dots }
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn height(&self) -> usize {
        self.dots.len() / self.width
    }

    pub fn dots(&self) -> &[Rgb] {
        &self.dots
    }

    /// Whether a file's bytes are those of a PNG picture.
    pub fn is_png(bytes: &[u8]) -> bool {
        bytes.starts_with(b"\x89PNG\r\n\x1a\n")
    }

    /// What a PNG file holds: of any colours and depth, what is transparent on white paper; of several pictures the first.
    ///
    /// # Errors
    /// Bytes that are no PNG, a PNG that is broken, or one of more than 50 million dots.
    pub fn from_png(bytes: &[u8]) -> Result<Self> {
        ensure!(Self::is_png(bytes), "this is no PNG picture");
        let mut decoder = png::Decoder::new(Cursor::new(bytes));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let broken = "the PNG picture is broken";
        let (width, height) = decoder.read_header_info().context(broken)?.size();
        ensure!(
            u64::from(width) * u64::from(height) <= MOST_DOTS,
            "the picture has {width}×{height} dots, more than the {MOST_DOTS} that are read; make it smaller"
        );
        let mut reader = decoder.read_info().context(broken)?;
        let mut samples = vec![0; reader.output_buffer_size().context(broken)?];
        let frame = reader.next_frame(&mut samples).context(broken)?;
        samples.truncate(frame.buffer_size());
        let on_paper = |colour: Rgb, opacity: u8| {
            let mix = |channel: usize| {
                let (over, under, share) = (u32::from(colour[channel]), u32::from(PAPER[channel]), u32::from(opacity));
                ((over * share + under * (255 - share) + 127) / 255) as u8
            };
            [mix(0), mix(1), mix(2)]
        };
        let dots = match frame.color_type {
            png::ColorType::Rgb => samples.as_chunks::<3>().0.to_vec(),
            png::ColorType::Rgba => samples.as_chunks::<4>().0.iter().map(|&[r, g, b, a]| on_paper([r, g, b], a)).collect(),
            png::ColorType::Grayscale => samples.iter().map(|&grey| [grey; 3]).collect(),
            png::ColorType::GrayscaleAlpha => {
                samples.as_chunks::<2>().0.iter().map(|&[grey, a]| on_paper([grey; 3], a)).collect()
            }
            // Palettes are written out on reading.
            png::ColorType::Indexed => bail!(broken),
        };
        Ok(Bitmap::new(width as usize, dots))
    }

    /// The PNG file of it.
    ///
    /// # Errors
    /// More dots than a PNG can have.
    pub fn png(&self) -> Result<Vec<u8>> {
        let side = |length: usize| u32::try_from(length).context("a picture too large for PNG");
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, side(self.width)?, side(self.height())?);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().context("cannot write the PNG header")?;
        writer.write_image_data(self.dots.as_flattened()).context("cannot compress the PNG picture")?;
        writer.finish().context("cannot finish the PNG picture")?;
        Ok(bytes)
    }

    /// At another size: every dot is the mean of what it covers of the old ones.
    ///
    /// # Panics
    /// Where a side is 0.
    pub fn scaled(&self, width: usize, height: usize) -> Self {
        assert!(width > 0 && height > 0, "a picture of {width}×{height} dots");
        let columns = covered(self.width, width);
        let mut sums = vec![[0f64; 3]; width * height];
        let rows = covered(self.height(), height);
        for (line, parts) in sums.chunks_mut(width).zip(&rows) {
            for &(row, of_row) in parts {
                let old = &self.dots[row * self.width..][..self.width];
                for (sum, parts) in line.iter_mut().zip(&columns) {
                    for &(column, of_column) in parts {
                        for (sum, &value) in sum.iter_mut().zip(&old[column]) {
                            *sum += f64::from(value) * of_row * of_column;
                        }
                    }
                }
            }
        }
        let dots = sums.into_iter().map(|sum| sum.map(|value| value.round().clamp(0.0, 255.0) as u8)).collect();
        Bitmap::new(width, dots)
    }

    /// How light each dot is, from 0 (black) to 1 (white): luma of Rec. 601.
    pub fn lightness(&self) -> Vec<f32> {
        let luma =
            |&[red, green, blue]: &Rgb| (0.299 * f32::from(red) + 0.587 * f32::from(green) + 0.114 * f32::from(blue)) / 255.0;
        self.dots.iter().map(luma).collect()
    }

    /// How far apart its dots are in the channel where they are furthest apart, 0 to 255; 0 in a picture of one colour.
    pub fn contrast(&self) -> u8 {
        let spread = |channel: usize| {
            let values = || self.dots.iter().map(|dot| dot[channel]);
            values().max().unwrap_or(0) - values().min().unwrap_or(0)
        };
        (0..3).map(spread).max().unwrap_or(0)
    }
}

/// Of each of `new` dots in a line the old ones under it, with the share of the new dot that each fills.
fn covered(old: usize, new: usize) -> Vec<Vec<(usize, f64)>> {
    let step = old as f64 / new as f64;
    (0..new)
        .map(|dot| {
            let (start, end) = (dot as f64 * step, (dot + 1) as f64 * step);
            let last = (end.ceil() as usize).min(old);
            let share = |place: usize| (end.min(place as f64 + 1.0) - start.max(place as f64)).max(0.0) / step;
            (start as usize..last).map(|place| (place, share(place))).filter(|&(_, share)| share > 0.0).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_picture_is_refused() {
        let error = |bytes: &[u8]| Bitmap::from_png(bytes).unwrap_err().to_string();
        assert_eq!(error(b"GIF89a"), "this is no PNG picture");
        let whole = Bitmap::new(2, vec![[1, 2, 3]; 4]).png().unwrap();
        assert_eq!(error(&whole[..whole.len() - 30]), "the PNG picture is broken");
        assert_eq!(error(&whole[..12]), "the PNG picture is broken");
        // A header that promises 2³¹ - 1 dots a side, its checksum set right.
        let mut large = whole[..33].to_vec();
        large[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
        let mut sum = flate2::Crc::new();
        sum.update(&large[12..29]);
        large[29..33].copy_from_slice(&sum.sum().to_be_bytes());
        assert!(error(&large).contains("2147483647×2147483647 dots"), "{}", error(&large));
    }

    fn encoded(kind: png::ColorType, depth: png::BitDepth, palette: &[u8], data: &[u8]) -> Vec<u8> {
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
        use png::BitDepth::{Eight, One, Sixteen};
        use png::ColorType::{Grayscale, GrayscaleAlpha, Indexed, Rgb, Rgba};
        let (black, white, red) = ([0; 3], [255; 3], [255, 0, 0]);
        for (bytes, expected) in [
            (encoded(Grayscale, One, &[], &[0b0100_0000]), [black, white]),
            (encoded(Grayscale, Sixteen, &[], &[0, 0, 255, 255]), [black, white]),
            (encoded(GrayscaleAlpha, Eight, &[], &[0, 255, 0, 0]), [black, white]),
            (encoded(Indexed, Eight, &[255, 0, 0, 0, 0, 0], &[1, 0]), [black, red]),
            (encoded(Rgb, Eight, &[], &[255, 0, 0, 255, 255, 255]), [red, white]),
            (encoded(Rgba, Eight, &[], &[255, 0, 0, 255, 9, 9, 9, 0]), [red, white]),
        ] {
            let image = Bitmap::from_png(&bytes).unwrap();
            assert!(Bitmap::is_png(&bytes) && (image.width(), image.height()) == (2, 1));
            assert_eq!(image.dots, expected);
        }
        let light = Bitmap::from_png(&encoded(Rgb, Eight, &[], &[255, 0, 0, 255, 255, 255])).unwrap().lightness();
        assert!((light[0] - 0.299).abs() < 1e-6 && (light[1] - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_scaled_dot_is_the_mean_of_what_it_covers() {
        let picture = Bitmap::new(3, vec![[0; 3], [90; 3], [240; 3]]);
        assert_eq!(picture.scaled(1, 1).dots, [[110; 3]]);
        assert_eq!(picture.scaled(2, 1).dots, [[30; 3], [190; 3]]);
        assert_eq!(picture.scaled(6, 2).dots[..6], [[0; 3], [0; 3], [90; 3], [90; 3], [240; 3], [240; 3]]);
        assert_eq!((picture.contrast(), picture.scaled(1, 1).contrast()), (240, 0));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(width in 1usize..9, height in 1usize..9, seed in any::<u8>()) {
            let dots = (0..width * height).map(|dot| [dot as u8, seed, seed.wrapping_mul(dot as u8)]).collect();
            let picture = Bitmap::new(width, dots);
            prop_assert_eq!(&Bitmap::from_png(&picture.png().unwrap()).unwrap(), &picture);
            prop_assert_eq!(picture.scaled(width, height), picture);
        }
    }
}
