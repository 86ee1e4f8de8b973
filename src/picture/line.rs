//! A line of text as glyphs in their places: runs of one direction, script and font, each shaped.

use std::fmt::Write;

use harfrust::{Direction, ShapeOptions, UnicodeBuffer};
use skrifa::GlyphId;
use skrifa::outline::OutlinePen;
use unicode_bidi::BidiInfo;
use unicode_script::{Script, UnicodeScript};
use unicode_segmentation::UnicodeSegmentation;

use super::dots;
use super::fonts::{Face, Font};
use super::label::clusters;

/// Glyphs from left to right. The height of letters is 1, y goes up from the baseline.
#[derive(Default)]
pub struct Line {
    pub width: f64,
    glyphs: Vec<Glyph>,
}

struct Glyph {
    x: f64,
    y: f64,
    shape: Shape,
}

enum Shape {
    Outline(&'static Face, GlyphId),
    Dots(&'static unifont::Glyph),
}

/// Neighbours in a text that are shaped together.
struct Run<'a> {
    text: &'a str,
    font: Font,
    script: Script,
}

impl Line {
    /// The line that a clean text makes.
    pub fn new(text: &str) -> Self {
        let mut line = Self::default();
        let bidi = BidiInfo::new(text, None);
        for paragraph in &bidi.paragraphs {
            let (levels, stretches) = bidi.visual_runs(paragraph, paragraph.range.clone());
            for stretch in stretches {
                let turned = levels[stretch.start].is_rtl();
                let mut runs = runs(&text[stretch]);
                if turned {
                    runs.reverse();
                }
                runs.iter().for_each(|run| line.push(run, turned));
            }
        }
        line
    }

    fn push(&mut self, run: &Run, turned: bool) {
        match run.font {
            Font::Outlines(face) => self.shape(run.text, face, turned),
            Font::Dots => {
                let mut clusters = clusters(run.text);
                if turned {
                    clusters.reverse();
                }
                clusters.into_iter().for_each(|cluster| self.dots(cluster));
            }
        }
    }

    fn shape(&mut self, text: &str, face: &'static Face, turned: bool) {
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.set_direction(if turned { Direction::RightToLeft } else { Direction::LeftToRight });
        buffer.guess_segment_properties();
        let shaped = face.shaper.shaper(&face.font).build().shape(buffer, ShapeOptions::new());
        for (glyph, place) in shaped.glyph_infos().iter().zip(shaped.glyph_positions()) {
            let (x, y) = (self.width + f64::from(place.x_offset) / face.units, f64::from(place.y_offset) / face.units);
            self.glyphs.push(Glyph { x, y, shape: Shape::Outline(face, GlyphId::new(glyph.glyph_id)) });
            self.width += f64::from(place.x_advance) / face.units;
        }
    }

    fn dots(&mut self, cluster: &str) {
        let letter = dots::Letter::new(cluster);
        for (at, glyph) in letter.glyphs {
            self.glyphs.push(Glyph { x: self.width + at as f64 * dots::SIDE, y: 0.0, shape: Shape::Dots(glyph) });
        }
        self.width += letter.width as f64 * dots::SIDE;
    }

    /// Commands of an SVG path, with the left end of the baseline at (x, y), y downwards, and letters of a size.
    pub fn outlines(&self, x: f64, y: f64, size: f64) -> String {
        let mut commands = Commands::default();
        for glyph in &self.glyphs {
            commands.origin = (x + glyph.x * size, y - glyph.y * size);
            match glyph.shape {
                Shape::Outline(face, id) => {
                    commands.scale = size / face.units;
                    face.outline(id, &mut commands);
                }
                Shape::Dots(dots) => {
                    commands.scale = size;
                    dots::strokes(dots, &mut commands);
                }
            }
        }
        commands.out
    }

    /// How far the ink reaches above the baseline, and how far below.
    pub fn reach(&self) -> (f64, f64) {
        let (mut above, mut below) = (0.0_f64, 0.0_f64);
        for glyph in &self.glyphs {
            let mut reach = Reach::default();
            let scale = match glyph.shape {
                Shape::Outline(face, id) => {
                    face.outline(id, &mut reach);
                    1.0 / face.units
                }
                Shape::Dots(dots) => {
                    dots::strokes(dots, &mut reach);
                    1.0
                }
            };
            above = above.max(f64::from(reach.high) * scale + glyph.y);
            below = below.max(-f64::from(reach.low) * scale - glyph.y);
        }
        (above, below)
    }
}

/// Splits a text of one direction; what has no script of its own, and marks, go with what is before.
fn runs(text: &str) -> Vec<Run<'_>> {
    let mut runs: Vec<Run> = Vec::new();
    let mut start = 0;
    let none = |script: Script| matches!(script, Script::Common | Script::Inherited | Script::Unknown);
    for (at, cluster) in text.grapheme_indices(true) {
        let font = Font::of(cluster);
        let script = cluster.chars().map(|character| character.script()).find(|&script| !none(script)).unwrap_or(Script::Common);
        let end = at + cluster.len();
        match runs.last_mut() {
            Some(run) if run.font.is(font) && (run.script == script || none(script) || none(run.script)) => {
                run.text = &text[start..end];
                if none(run.script) {
                    run.script = script;
                }
            }
            _ => {
                start = at;
                runs.push(Run { text: cluster, font, script });
            }
        }
    }
    runs
}

/// Writes outlines as an SVG path.
#[derive(Default)]
struct Commands {
    out: String,
    origin: (f64, f64),
    scale: f64,
}

impl Commands {
    fn write(&mut self, command: char, points: &[(f32, f32)]) {
        self.out.push(command);
        for &(x, y) in points {
            let (x, y) = (self.origin.0 + f64::from(x) * self.scale, self.origin.1 - f64::from(y) * self.scale);
            // Writing into a String cannot fail.
            let _ = write!(self.out, "{x:.2} {y:.2} ");
        }
    }
}

impl OutlinePen for Commands {
    fn move_to(&mut self, x: f32, y: f32) {
        self.write('M', &[(x, y)]);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.write('L', &[(x, y)]);
    }

    fn quad_to(&mut self, control_x: f32, control_y: f32, x: f32, y: f32) {
        self.write('Q', &[(control_x, control_y), (x, y)]);
    }

    fn curve_to(&mut self, first_x: f32, first_y: f32, second_x: f32, second_y: f32, x: f32, y: f32) {
        self.write('C', &[(first_x, first_y), (second_x, second_y), (x, y)]);
    }

    fn close(&mut self) {
        self.out.push('Z');
    }
}

/// The highest and the lowest point of outlines.
#[derive(Default)]
struct Reach {
    high: f32,
    low: f32,
}

impl Reach {
    fn add(&mut self, y: f32) {
        (self.high, self.low) = (self.high.max(y), self.low.min(y));
    }
}

impl OutlinePen for Reach {
    fn move_to(&mut self, _: f32, y: f32) {
        self.add(y);
    }

    fn line_to(&mut self, _: f32, y: f32) {
        self.add(y);
    }

    fn quad_to(&mut self, _: f32, _: f32, _: f32, y: f32) {
        self.add(y);
    }

    fn curve_to(&mut self, _: f32, _: f32, _: f32, _: f32, _: f32, y: f32) {
        self.add(y);
    }

    fn close(&mut self) {}
}
