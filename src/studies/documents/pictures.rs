//! A document with the weights of its sentences and words (figures 5 and 6 of Yang et al. 2016).

use std::path::Path;

use anyhow::Result;
use tch::no_grad;

use super::grammar::class_name;
use super::model::Reports;
use super::task::DocumentsTask;
use crate::picture::{Anchor, Drawing, Element, Text, width};

/// What the mark at a sentence means.
const DECIDES: &str = "→ the sentence that decides";
/// Between words.
const GAP: f64 = 8.0;

/// Draws the first test into `directory`, as `document.svg` and `.png`.
pub fn draw(task: &DocumentsTask, directory: &Path) -> Result<()> {
    let document = task.tests().swap_remove(0);
    let (class, read) = no_grad(|| task.model.classify(&Reports::new(std::slice::from_ref(&document), task.device)))?;
    let sentences: Vec<f64> = Vec::try_from(read.sentence_weights.get(0).to_kind(tch::Kind::Double))?; // [M]
    let words: Vec<Vec<f64>> = Vec::try_from(read.word_weights.to_kind(tch::Kind::Double))?; // [N, L]
    let found = class.argmax(1, false).int64_value(&[0]) as usize;
    let [right, found] = [document.class, found].map(class_name);
    let title = if found == right { format!("{found} (right)") } else { format!("{found} (right is {right})") };
    let page = Page {
        title: &title,
        sentences: &document.sentences,
        sentence_weights: &sentences,
        word_weights: &words,
        decisive: Some(document.decisive),
    };
    page.drawing().save(&directory.join("document"))
}

/// A document with what was attended to in it.
pub struct Page<'a> {
    pub title: &'a str,
    /// Words of each sentence.
    pub sentences: &'a [Vec<&'static str>],
    pub sentence_weights: &'a [f64],
    /// Of each sentence, padding behind.
    pub word_weights: &'a [Vec<f64>],
    /// The sentence that decides, where that is known.
    pub decisive: Option<usize>,
}

impl Page<'_> {
    /// The class, then one line a sentence: a red bar as dark as its weight, and its words on blue as dark as theirs; a legend below. The line
    /// that decides is marked.
    pub fn drawing(&self) -> Drawing {
        const STEP: f64 = 22.0;
        const LEFT: f64 = 50.0;
        const RED: &str = "#c00000";
        const BLUE: &str = "#2f6db5";
        let legend: Vec<(&str, &str)> = [(RED, "weight of the sentence"), (BLUE, "weight of the word")].into();
        let long = |sentence: &Vec<&str>| sentence.iter().map(|word| width(word) + GAP).sum::<f64>();
        let widest = self.sentences.iter().map(long).fold(0.0, f64::max);
        let long_legend: f64 = legend.iter().map(|(_, name)| 18.0 + width(name) + 3.0 * GAP).sum::<f64>() + width(DECIDES);
        let wide = widest.max(width(self.title)).max(long_legend);
        let height = STEP * (self.sentences.len() as f64 + 3.0);
        let mut drawing = Drawing::new(LEFT + wide + 10.0, height, self.title);
        drawing.text(Text::new(10.0, STEP * 0.75, self.title).bold());
        for (line, sentence) in self.sentences.iter().enumerate() {
            let top = STEP * (line as f64 + 1.5);
            let shade = |x: f64, width: f64, colour: &str, weight: f64| {
                let bar = Element::new("rect").at("x", x).at("y", top).at("width", width).set("height", 18).set("fill", colour);
                bar.set("fill-opacity", format_args!("{weight:.3}")).tip(&format!("{weight:.3}"))
            };
            drawing.shape(shade(10.0, 18.0, RED, self.sentence_weights[line]));
            let mut x = LEFT;
            let mut placed = Vec::new();
            for (word, weight) in sentence.iter().zip(&self.word_weights[line]) {
                let width = width(word);
                drawing.shape(shade(x - 2.0, width + 4.0, BLUE, *weight));
                placed.push(Text::new(x + width / 2.0, top + 9.0, word).anchor(Anchor::Middle));
                x += width + GAP;
            }
            placed.into_iter().for_each(|word| drawing.text(word));
            if Some(line) == self.decisive {
                drawing.text(Text::new(33.0, top + 9.0, "→"));
            }
        }
        let (mut x, middle) = (10.0, STEP * (self.sentences.len() as f64 + 2.25));
        for (colour, name) in legend {
            drawing.shape(
                Element::new("rect").at("x", x).at("y", middle - 6.0).set("width", 12).set("height", 12).set("fill", colour),
            );
            drawing.text(Text::new(x + 18.0, middle, name));
            x += 18.0 + width(name) + 3.0 * GAP;
        }
        if self.decisive.is_some() {
            drawing.text(Text::new(x, middle, DECIDES));
        }
        drawing
    }
}
