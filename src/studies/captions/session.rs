//! A trained captioner, shown a picture of one's own.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tch::Device;

use super::caption::captions;
use super::examine::{mass_in_box, text};
use super::given::{Given, GivenObject, read};
use super::model::{Captioner, GRID};
use super::pictures::{Panel, drawing, looked_at, panels};
use super::render::{is_uniform, render};
use super::scene::{CANVAS, Scene};
use crate::input::read_bytes;
use crate::picture::Bitmap;
use crate::recipe::CaptionsRecipe;
use crate::runtime::files::Shown;
use crate::studies::interactive::{Answer, Interactive, load_model};
use crate::studies::random::RandomGenerator;

/// Largest file that is read as a picture.
const MOST_BYTES: u64 = 64 << 20;

pub struct CaptionsSession {
    model: Captioner,
    device: Device,
}

impl CaptionsSession {
    pub fn open(recipe: &CaptionsRecipe, folder: &Path, device: Device) -> Result<Self> {
        let model = load_model(folder, device, |store| Captioner::new(recipe, store))?;
        Ok(CaptionsSession { model, device })
    }
}

/// A PNG file at the size of the canvas; notes say what that did to it.
fn picture_of(path: &Path, notes: &mut Vec<String>) -> Result<Bitmap> {
    let bytes = read_bytes(path, "the picture", MOST_BYTES)?;
    let whole = Bitmap::from_png(&bytes).with_context(|| format!("{}: cannot read the picture", path.shown()))?;
    let (width, height) = (whole.width(), whole.height());
    if width != height {
        notes.push(format!("the picture of {width}×{height} dots is made square, and what is on it with it"));
    }
    Ok(whole.scaled(CANVAS as usize, CANVAS as usize))
}

/// What is to be known of an answer about a scene whose objects are known.
fn check(scene: &Scene, said: &str, notes: &mut Vec<String>, record: &mut Value) {
    let truth: Vec<String> = captions(scene).iter().map(|caption| caption.text()).collect();
    let right = truth.iter().any(|caption| caption == said);
    if scene.objects.is_empty() {
        return;
    }
    notes.extend(scene.oddities().into_iter().map(|odd| format!("this scene has {odd}")));
    if let (false, Some(first)) = (right, truth.first()) {
        notes.push(format!("that is not true of this scene; true would be: {first}"));
    }
    record["objects"] = json!(scene.objects.iter().map(GivenObject::from).collect::<Vec<_>>());
    record["expected"] = json!(truth);
    record["right"] = json!(right);
}

impl Interactive for CaptionsSession {
    fn expects(&self) -> String {
        format!(
            "the path of a PNG picture, or a scene on a canvas of {CANVAS}×{CANVAS} dots: `small red circle at 10 12; blue square at 34 30 size 14`, or \
             {{\"objects\": [{{\"shape\": \"circle\", \"colour\": \"red\", \"x\": 10, \"y\": 12, \"size\": 8}}]}}"
        )
    }

    fn ask(&mut self, line: &str) -> Result<Option<Answer>> {
        let mut notes = Vec::new();
        let (picture, scene) = match read(line)? {
            Given::Picture(path) => (picture_of(&path, &mut notes)?, None),
            Given::Scene(scene) => (render(&scene, &mut RandomGenerator::new(0, 0)), Some(scene)),
        };
        if is_uniform(&picture) {
            notes.push("the picture is uniform: there is no shape on it, and the model has never seen such a picture".to_owned());
        }
        let (words, weights) = looked_at(&self.model, &picture, self.device)?;
        let said = text(&words);
        let panels = panels(&words, weights, scene.as_ref());
        let of_panel = |Panel { word, weights, object }: &Panel| {
            let grid: Vec<&[f64]> = weights.chunks(GRID as usize).collect();
            let in_box = object.as_ref().map(|object| mass_in_box(weights, object));
            json!({ "word": word, "attention": grid, "in_box": in_box })
        };
        let mut record = json!({ "answer": said, "words": panels.iter().map(of_panel).collect::<Vec<_>>() });
        if let Some(scene) = &scene {
            check(scene, &said, &mut notes, &mut record);
        }
        let pictures = vec![("caption", drawing(&picture, &said, &panels))];
        Ok(Some(Answer { text: said, record, notes, pictures }))
    }
}
