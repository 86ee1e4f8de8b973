//! A passage shaded by where its answer begins and ends, and what each of its words attended to in the question (figure 3 of Wang and Jiang
//! 2017).

use std::path::Path;

use anyhow::Result;
use tch::{Kind, Tensor, no_grad};

use super::answer::exact_match;
use super::data::{END, Example};
use super::model::{Batch, Read};
use super::span::{Span, best_span};
use super::task::ReadingTask;
use crate::alignment::{AttentionMatrix, Figure, Heatmap};
use crate::nn::ForwardContext;
use crate::picture::{Anchor, Drawing, Element, Text, width};

/// Draws an example into `directory`: `passage` and `attention`, each as SVG and PNG.
pub fn draw(task: &ReadingTask, example: &Example, directory: &Path) -> Result<()> {
    let batch = Batch::new(&[example], &task.data.vocabulary, task.device);
    let read = no_grad(|| task.model.read(&batch, &ForwardContext::evaluation()));
    let [starts, ends] = read.probabilities(&batch)?.remove(0);
    let Some(span) = best_span(&starts, &ends, task.recipe.beyond) else { return Ok(()) };
    let (found, right) = (example.text((span.start, span.end)), example.answer());
    let verdict = if exact_match(&found, &right) { "right".to_owned() } else { format!("right is {right}") };
    let title = format!("{}? {found} ({verdict})", example.question.join(" "));
    let page = Page { title: &title, passage: &example.passage, starts: &starts, ends: &ends, span };
    page.drawing().save(&directory.join("passage"))?;
    attention(&example.passage, &example.question, &read)?.drawing().save(&directory.join("attention"))
}

/// Weights of the first example: words of the question as rows, of the passage as columns; a panel a direction.
pub fn attention(passage: &[String], question: &[String], read: &Read) -> Result<Figure> {
    let panel = |(title, weights): (&str, &Tensor)| {
        let weights = weights.get(0).tr().contiguous().view(-1).to_kind(Kind::Float); // [Q · P]
        let matrix = AttentionMatrix::new(question.len(), passage.len(), Vec::try_from(weights)?)?;
        Heatmap::new(title, question, passage, matrix)
    };
    let titles = ["read from the left", "read from the right"];
    let panels = titles.into_iter().zip(&read.weights).map(panel).collect::<Result<_>>()?;
    Ok(Figure::new("", panels).across(1))
}

/// A passage with the probabilities of both ends.
pub struct Page<'a> {
    pub title: &'a str,
    pub passage: &'a [String],
    pub starts: &'a [f64],
    pub ends: &'a [f64],
    /// The answer.
    pub span: Span,
}

impl Page<'_> {
    /// A line a sentence, or several: behind each word red above, as dark as it is likely that the answer begins there, and blue below, as dark
    /// as it is likely that it ends there. The answer is underlined.
    pub fn drawing(&self) -> Drawing {
        const STEP: f64 = 26.0;
        const LEFT: f64 = 10.0;
        const WIDEST: f64 = 900.0;
        const GAP: f64 = 8.0;
        const HALF: f64 = 9.0;
        const RED: &str = "#c00000";
        const BLUE: &str = "#2f6db5";
        const INK: &str = "#1f2937";
        let legend = [(RED, "begins here"), (BLUE, "ends here")];
        let (mut x, mut line, mut widest) = (LEFT, 0.0, width(self.title) * 1.08);
        let mut placed = Vec::new();
        for (place, word) in self.passage.iter().enumerate() {
            let wide = width(word);
            if x > LEFT && x + wide > WIDEST {
                (x, line) = (LEFT, line + 1.0);
            }
            placed.push((place, word, x, line));
            x += wide + GAP;
            widest = widest.max(x);
            if word == END {
                (x, line) = (LEFT, line + 1.0);
            }
        }
        let lines = placed.last().map_or(0.0, |(.., line)| line + 1.0);
        let mut drawing = Drawing::new(widest + 2.0 * LEFT, STEP * (lines + 3.0), self.title);
        drawing.text(Text::new(LEFT, STEP * 0.75, self.title).bold());
        for (place, word, x, line) in placed {
            let (top, wide) = (STEP * (line + 1.5), width(word));
            for (above, colour, name, weight) in
                [(0.0, RED, "begins", self.starts[place]), (HALF, BLUE, "ends", self.ends[place])]
            {
                let bar = Element::new("rect").at("x", x - 2.0).at("y", top + above).at("width", wide + 4.0).at("height", HALF);
                let tip = format!("{name} here: {weight:.3}");
                drawing.shape(bar.set("fill", colour).set("fill-opacity", format_args!("{weight:.3}")).tip(&tip));
            }
            if (self.span.start..=self.span.end).contains(&place) {
                let under = Element::new("rect").at("x", x - 2.0).at("y", top + 2.0 * HALF).at("width", wide + 4.0);
                drawing.shape(under.set("height", 2).set("fill", INK));
            }
            drawing.text(Text::new(x + wide / 2.0, top + HALF, word).anchor(Anchor::Middle));
        }
        let (mut x, middle) = (LEFT, STEP * (lines + 2.25));
        for (colour, name) in legend {
            drawing.shape(
                Element::new("rect").at("x", x).at("y", middle - 6.0).set("width", 12).set("height", 12).set("fill", colour),
            );
            drawing.text(Text::new(x + 18.0, middle, name));
            x += 18.0 + width(name) + 3.0 * GAP;
        }
        let answer = format!("underlined: the answer, of probability {:.3}", self.span.probability);
        drawing.text(Text::new(x, middle, &answer));
        drawing
    }
}
