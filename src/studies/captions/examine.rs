//! Tests: how good captions are, and whether a word's attention lies where the word is to be seen.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::batch::{Batch, Example};
use super::caption::{captions, is_seen, word};
use super::model::GRID;
use super::scene::{CANVAS, Object};
use super::split::SceneSet;
use super::task::CaptionsTask;
use crate::metrics::{Bleu, Metric};
use crate::nn::ForwardContext;
use crate::recipe::CaptionAttention;
use crate::studies::random::TEST;
use crate::studies::{Aim, Finding};

/// Examples that are read at once.
const AT_ONCE: usize = 100;
/// Most captions that are true of a scene: those of three objects.
const MOST_CAPTIONS: usize = 6;

/// What a model made of some scenes.
pub struct Tested {
    /// Against every caption that is true.
    pub bleu: f64,
    /// Share of captions that are true, word for word.
    pub right: f64,
    /// Nats a word of a true caption that is given.
    pub loss: f64,
    pub looked: Looked,
}

/// Where attention is when the colours and shapes of true captions are said.
#[derive(Default)]
pub struct Looked {
    words: usize,
    in_box: usize,
    mass: f64,
    area: f64,
}

impl Looked {
    fn add(&mut self, weights: &[f64], object: &Object) {
        let mass = mass_in_box(weights, object);
        self.words += 1;
        self.in_box += usize::from(mass >= 0.5);
        self.mass += mass;
        self.area += (object.side * object.side) as f64 / (CANVAS * CANVAS) as f64;
    }

    fn of_words(&self, sum: f64) -> f64 {
        sum / self.words.max(1) as f64
    }

    /// Share of words with half of their attention or more in the box of the object that they are about.
    pub fn in_box(&self) -> f64 {
        self.of_words(self.in_box as f64)
    }

    /// Mean share of a word's attention in this box.
    pub fn mass(&self) -> f64 {
        self.of_words(self.mass)
    }

    /// What it would be if attention were the same everywhere.
    pub fn area(&self) -> f64 {
        self.of_words(self.area)
    }
}

/// How much of weights [L] lies in the bounding box of an object, where each place's weight is spread evenly over its dots.
pub fn mass_in_box(weights: &[f64], object: &Object) -> f64 {
    let side = CANVAS / GRID;
    let [left, top, right, bottom] = object.bounds();
    let common = |place: i64, start: i64, end: i64| ((place + 1) * side).min(end) - (place * side).max(start);
    let share = |place: i64| {
        let (across, down) = (common(place % GRID, left, right), common(place / GRID, top, bottom));
        (across.max(0) * down.max(0)) as f64 / (side * side) as f64
    };
    (0..).zip(weights).map(|(place, weight)| weight * share(place)).sum()
}

impl Tested {
    pub fn of(task: &CaptionsTask, examples: &[Example]) -> Result<Self> {
        let (mut cost, mut terms, mut looked) = (0.0, 0, Looked::default());
        let mut said = Vec::with_capacity(examples.len());
        for examples in examples.chunks(AT_ONCE) {
            let batch = Batch::new(examples, task.device);
            let (words, _) = task.model.caption(&batch.pictures)?;
            said.extend(words.iter().map(|words| text(words)));
            let decoded = task.model.decode(&batch.pictures, &batch.inputs, &ForwardContext::evaluation());
            cost -= task.model.log_likelihoods(&decoded, &batch).sum(Kind::Double).double_value(&[]);
            terms += batch.terms();
            for (row, example) in (0..).zip(examples) {
                let weights = rows(&decoded.weights.get(row))?; // [T][L]
                for ((word, object), weights) in example.caption.words.iter().zip(&example.caption.objects).zip(&weights) {
                    if let Some(object) = object.filter(|_| is_seen(word)) {
                        looked.add(weights, &example.scene.objects[object]);
                    }
                }
            }
        }
        let truth: Vec<Vec<String>> =
            examples.iter().map(|example| captions(&example.scene).iter().map(|caption| caption.text()).collect()).collect();
        let right = said.iter().zip(&truth).filter(|(said, truth)| truth.contains(said)).count();
        // Scenes of two objects have fewer captions; one that comes again changes no BLEU.
        let references: Vec<Vec<String>> = (0..MOST_CAPTIONS)
            .map(|number| truth.iter().map(|captions| captions[number % captions.len()].clone()).collect())
            .collect();
        let references: Vec<&[String]> = references.iter().map(Vec::as_slice).collect();
        Ok(Tested {
            bleu: Bleu::default().corpus(&said, &references).value,
            right: right as f64 / examples.len() as f64,
            loss: cost / terms as f64,
            looked,
        })
    }
}

/// Words as a line.
pub fn text(words: &[i64]) -> String {
    words.iter().map(|&id| word(id)).collect::<Vec<_>>().join(" ")
}

/// Rows of weights [T, L].
pub fn rows(weights: &Tensor) -> Result<Vec<Vec<f64>>> {
    Ok(Vec::try_from(weights.to_kind(Kind::Double))?)
}

/// All that is asked of captions. Where hard attention looks is told and not aimed at: it has one place of 4×4 dots.
pub fn examine(task: &CaptionsTask) -> Result<Vec<Finding>> {
    let is_soft = task.recipe.attention == CaptionAttention::Soft;
    let pairs = Tested::of(task, &task.tests(SceneSet::Test, TEST))?;
    let objects = Tested::of(task, &task.tests(SceneSet::NewObjects, TEST))?;
    let in_box = Finding::new(
        "% of colour and shape words with half of their attention in the object's box",
        100.0 * pairs.looked.in_box(),
    );
    Ok(vec![
        Finding::new("BLEU, new pairs of objects", pairs.bleu).paper(if is_soft { "24.3 on COCO" } else { "25.0 on COCO" }),
        Finding::new("% of captions true, new pairs of objects", 100.0 * pairs.right),
        if is_soft { in_box.aim(Aim::AtLeast(80.0)) } else { in_box },
        Finding::new("% of their attention in it", 100.0 * pairs.looked.mass()),
        Finding::new("% of the picture in it", 100.0 * pairs.looked.area()),
        Finding::new("BLEU, new objects", objects.bleu),
        Finding::new("% of captions true, new objects", 100.0 * objects.right),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studies::captions::kind::{Colour, Shape};

    #[test]
    fn a_place_counts_as_far_as_it_lies_in_the_box() {
        // Columns 2 and a half of 3, rows 5 to 7.
        let object = Object { shape: Shape::Square, colour: Colour::Red, left: 8, top: 20, side: 6 };
        let at = |x: i64, y: i64| {
            let mut weights = vec![0.0; (GRID * GRID) as usize];
            weights[(y * GRID + x) as usize] = 1.0;
            mass_in_box(&weights, &object)
        };
        assert_eq!([at(2, 5), at(3, 5), at(2, 6), at(3, 6), at(1, 5), at(2, 4), at(2, 7)], [1.0, 0.5, 0.5, 0.25, 0.0, 0.0, 0.0]);
        let uniform = vec![1.0 / (GRID * GRID) as f64; (GRID * GRID) as usize];
        assert!((mass_in_box(&uniform, &object) - 36.0 / 2304.0).abs() < 1e-12);
        let mut looked = Looked::default();
        looked.add(&uniform, &object);
        assert!(looked.in_box() == 0.0 && (looked.mass() - looked.area()).abs() < 1e-12);
    }
}
