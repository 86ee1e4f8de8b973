//! A picture with what was looked at before each word (figures 2 and 5 of Xu et al. 2015).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use anyhow::Result;
use tch::{Device, no_grad};

use super::batch::pixels;
use super::caption::captions;
use super::examine::{mass_in_box, rows, text};
use super::model::{Captioner, GRID};
use super::scene::{CANVAS, Object, Scene};
use super::split::SceneSet;
use super::task::CaptionsTask;
use crate::picture::{Anchor, Bitmap, Drawing, Element, FAINT, Rgb, Text, hex, width};
use crate::studies::random::TEST;

/// Units to a dot, panels in a row, and space around them.
const DOT: i64 = 3;
const ACROSS: usize = 6;
const MARGIN: f64 = 12.0;
const LABEL: f64 = 22.0;
/// What nobody looks at is so dark, and shades between that and what is looked at most.
const DARKEST: f64 = 0.8;
const SHADES: usize = 8;

/// A word with where was looked before it was said.
pub struct Panel {
    pub word: String,
    /// α [L]
    pub weights: Vec<f64>,
    /// What the word is about, where that is known.
    pub object: Option<Object>,
}

/// Draws the first test as its caption is said: `caption.svg` and `.png`.
pub fn draw(task: &CaptionsTask, directory: &Path) -> Result<()> {
    let example = task.tests(SceneSet::Test, TEST).swap_remove(0);
    let (words, weights) = looked_at(&task.model, &example.picture, task.device)?;
    let panels = panels(&words, weights, Some(&example.scene));
    drawing(&example.picture, &text(&words), &panels).save(&directory.join("caption"))
}

/// What is said of a picture, and where was looked before each word and the end.
pub fn looked_at(model: &Captioner, picture: &Bitmap, device: Device) -> Result<(Vec<i64>, Vec<Vec<f64>>)> {
    let (mut words, weights) = no_grad(|| model.caption(&pixels(&[picture], device)))?;
    Ok((words.remove(0), rows(&weights.get(0))?))
}

/// A panel for each word and for the end; with its object where the caption is true of the scene.
pub fn panels(words: &[i64], weights: Vec<Vec<f64>>, scene: Option<&Scene>) -> Vec<Panel> {
    let said = text(words);
    let truth = scene.and_then(|scene| captions(scene).into_iter().find(|caption| caption.text() == said).zip(Some(scene)));
    let object = |step: usize| {
        let (caption, scene) = truth.as_ref()?;
        caption.objects.get(step).copied().flatten().map(|number| scene.objects[number])
    };
    let words = said.split_whitespace().map(str::to_owned).chain(["end".to_owned()]);
    words.zip(weights).enumerate().map(|(step, (word, weights))| Panel { word, weights, object: object(step) }).collect()
}

/// The picture, and once more for each word: bright where was looked, with the box of what the word is about and the share of attention in it.
pub fn drawing(picture: &Bitmap, title: &str, panels: &[Panel]) -> Drawing {
    let side = (CANVAS * DOT) as f64;
    let (wide, high) = (side + MARGIN, side + LABEL + MARGIN);
    let rows = (panels.len() + 1).div_ceil(ACROSS);
    let whole = (MARGIN + wide * ACROSS as f64).max(width(title) * 1.08 + 2.0 * MARGIN);
    let mut drawing = Drawing::new(whole, MARGIN + LABEL + high * rows as f64, title);
    drawing.text(Text::new(MARGIN, MARGIN + LABEL / 2.0 - 4.0, title).bold());
    drawing.shape(Element::new("defs").inside(dots(picture).set("id", "picture")));
    for number in 0..=panels.len() {
        let (x, y) = (MARGIN + wide * (number % ACROSS) as f64, MARGIN + LABEL + high * (number / ACROSS) as f64);
        let at = |element: Element| element.set("transform", format_args!("translate({x} {y})"));
        drawing.shape(at(Element::new("use").set("href", "#picture")));
        let middle = |label: &str| Text::new(x + side / 2.0, y + side + LABEL / 2.0, label).anchor(Anchor::Middle);
        let Some(panel) = number.checked_sub(1).map(|panel| &panels[panel]) else {
            drawing.text(middle("picture").colour(FAINT));
            continue;
        };
        drawing.shape(at(shade(&panel.weights)));
        let mut label = panel.word.clone();
        if let Some(object) = &panel.object {
            let _ = write!(label, " {:.0} %", 100.0 * mass_in_box(&panel.weights, object));
            let [left, top, ..] = object.bounds().map(|place| place * DOT);
            let outline = Element::new("rect").set("x", left).set("y", top).set("fill", "none").set("stroke", "#ffffff");
            drawing.shape(at(outline.set("width", object.side * DOT).set("height", object.side * DOT)));
        }
        drawing.text(middle(&label));
    }
    drawing
}

/// Dots of about one colour are one path, runs from left to right.
fn dots(picture: &Bitmap) -> Element {
    let about = |dot: Rgb| dot.map(|value| (value / 16) * 17);
    let mut paths: BTreeMap<Rgb, String> = BTreeMap::new();
    for (line, dots) in picture.dots().chunks(picture.width()).enumerate() {
        let mut start = 0;
        for run in dots.chunk_by(|&one, &other| about(one) == about(other)) {
            let [x, y, long] = [start, line, run.len()].map(|dots| dots as i64 * DOT);
            // Writing into a String cannot fail.
            let _ = write!(paths.entry(about(run[0])).or_default(), "M{x} {y}h{long}v{DOT}h-{long}z");
            start += run.len();
        }
    }
    let group = Element::new("g").set("shape-rendering", "crispEdges");
    paths.iter().fold(group, |group, (&colour, path)| group.inside(Element::new("path").set("fill", hex(colour)).set("d", path)))
}

/// Darkness over what has less attention than the place that has most.
fn shade(weights: &[f64]) -> Element {
    let most = weights.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let side = CANVAS / GRID * DOT;
    let mut paths = vec![String::new(); SHADES + 1];
    for (place, weight) in (0..).zip(weights) {
        let (x, y) = (place % GRID * side, place / GRID * side);
        let dark = ((1.0 - weight / most) * SHADES as f64).round() as usize;
        let _ = write!(paths[dark.min(SHADES)], "M{x} {y}h{side}v{side}h-{side}z");
    }
    let group = Element::new("g").set("shape-rendering", "crispEdges");
    paths.iter().enumerate().skip(1).filter(|(_, path)| !path.is_empty()).fold(group, |group, (dark, path)| {
        let opacity = DARKEST * dark as f64 / SHADES as f64;
        group.inside(Element::new("path").set("fill-opacity", format_args!("{opacity:.2}")).set("d", path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studies::captions::caption::id;
    use crate::studies::captions::render::render;
    use crate::studies::random::RandomGenerator;

    #[test]
    fn the_picture_is_bright_where_was_looked() {
        let mut random = RandomGenerator::new(1, 1);
        let scene = Scene::draw(SceneSet::Train, &mut random);
        let (picture, caption) = (render(&scene, &mut random), captions(&scene).swap_remove(0));
        let words: Vec<i64> = caption.words.iter().map(|word| id(word)).collect();
        let mut looked = vec![0.0; (GRID * GRID) as usize];
        looked[0] = 1.0;
        let panels = panels(&words, vec![looked; words.len() + 1], Some(&scene));
        assert_eq!(panels.len(), words.len() + 1);
        assert_eq!(panels[1].object, caption.objects[1].map(|number| scene.objects[number]), "the size of the first object");
        let drawing = drawing(&picture, &caption.text(), &panels);
        let svg = drawing.svg();
        assert_eq!(svg.matches("href=\"#picture\"").count(), words.len() + 2);
        assert_eq!(svg.matches("stroke=\"#ffffff\"").count(), 3 * scene.objects.len());
        let png = Bitmap::from_png(&drawing.png(1).unwrap()).unwrap();
        let brightness = |panel: i64, place: i64| {
            let (x, y) = (MARGIN as i64 + panel * (CANVAS * DOT + MARGIN as i64), (MARGIN + LABEL) as i64);
            png.dots()[((y + 5) * png.width() as i64 + x + 5 + place * CANVAS / GRID * DOT) as usize][0]
        };
        assert!(brightness(0, 1) > 170 && brightness(1, 0) > 170 && brightness(1, 1) < 90);
    }
}
