//! SVG without text becomes pixels.

use anyhow::{Context, Result, ensure};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

use super::PAPER;

/// Larger images are mistakes, and nobody can look at them.
const MOST_PIXELS: u64 = 200_000_000;
/// Images are made in bands of so many pixels, so that memory does not grow with them.
const BAND: u64 = 1 << 24;

/// Sides of an image in pixels, and pixels to a unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Size {
    width: u32,
    height: u32,
    scale: u32,
}

impl Size {
    /// For a picture of `width` by `height` units.
    pub fn new(width: f64, height: f64, scale: u32) -> Result<Self> {
        ensure!((1..=8).contains(&scale), "the scale of an image is {scale}; it can be 1 to 8");
        // What does not fit becomes the largest number there is.
        let [width, height] = [width, height].map(|units| (units * f64::from(scale)).ceil() as u32);
        ensure!(
            u64::from(width) * u64::from(height) <= MOST_PIXELS,
            "a figure of {width}×{height} pixels is too large for one image; use a smaller scale, fewer panels, or SVG"
        );
        Ok(Self { width, height, scale })
    }
}

/// The PNG file of a document.
pub fn write(svg: &str, size: Size) -> Result<Vec<u8>> {
    let Size { width, height, scale } = size;
    let tree = Tree::from_str(svg, &Options::default()).context("cannot read the picture's SVG")?;
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    let mut writer = encoder.write_header().context("cannot write the PNG header")?;
    let mut lines = writer.stream_writer().context("cannot begin the PNG image")?;
    let band = ((BAND / u64::from(width)).max(1) as u32).min(height);
    for top in (0..height).step_by(band as usize) {
        let here = band.min(height - top);
        let mut pixels = Pixmap::new(width, here).with_context(|| format!("no memory for {width}×{here} pixels"))?;
        pixels.fill(resvg::tiny_skia::Color::from_rgba8(PAPER[0], PAPER[1], PAPER[2], 255));
        let place = Transform::from_row(scale as f32, 0.0, 0.0, scale as f32, 0.0, -(top as f32));
        resvg::render(&tree, place, &mut pixels.as_mut());
        let colours: Vec<u8> =
            pixels.data().as_chunks::<4>().0.iter().flat_map(|&[red, green, blue, _]| [red, green, blue]).collect();
        std::io::Write::write_all(&mut lines, &colours).context("cannot compress the PNG image")?;
    }
    lines.finish().context("cannot finish the PNG image")?;
    writer.finish().context("cannot finish the PNG image")?;
    Ok(bytes)
}
