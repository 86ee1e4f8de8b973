//! A document with the weights of its sentences and words (figures 5 and 6 of Yang et al. 2016).

use std::fmt::Write;
use std::path::Path;

use anyhow::Result;
use tch::no_grad;

use super::grammar::Document;
use super::model::Reports;
use super::task::DocumentsTask;
use crate::runtime::files::write_unsynced;

/// Draws the first test into `directory`, as `document.svg`.
pub fn draw(task: &DocumentsTask, directory: &Path) -> Result<()> {
    let document = task.tests().swap_remove(0);
    let (_, read) = no_grad(|| task.model.classify(&Reports::new(std::slice::from_ref(&document), task.device)))?;
    let sentences: Vec<f64> = Vec::try_from(read.sentence_weights.get(0).to_kind(tch::Kind::Double))?;
    let words: Vec<Vec<f64>> = Vec::try_from(read.word_weights.to_kind(tch::Kind::Double))?;
    write_unsynced(&directory.join("document.svg"), page(&document, &sentences, &words))
}

/// One line a sentence: a red bar as dark as its weight, and its words on blue as dark as theirs. The line that decides is marked.
fn page(document: &Document, sentences: &[f64], words: &[Vec<f64>]) -> String {
    const LINE: f64 = 22.0;
    const LETTER: f64 = 8.0;
    let letters = document.sentences.iter().map(|sentence| sentence.join(" ").len()).max().unwrap_or(0);
    let (width, height) = (60.0 + letters as f64 * LETTER, LINE * (document.sentences.len() as f64 + 0.5));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"monospace\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (line, sentence) in document.sentences.iter().enumerate() {
        let top = LINE * (line as f64 + 0.25);
        let mut shade = |x: f64, width: f64, colour: &str, weight: f64| {
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"18\" fill=\"{colour}\" fill-opacity=\"{weight:.3}\">\
                 <title>{weight:.3}</title></rect>"
            );
        };
        shade(10.0, 18.0, "#c00000", sentences[line]);
        let mut x = 50.0;
        let mut placed = Vec::new();
        for (word, weight) in sentence.iter().zip(&words[line]) {
            let width = word.len() as f64 * LETTER;
            shade(x - 2.0, width + 4.0, "#2f6db5", *weight);
            placed.push((x, width, *word));
            x += width + LETTER;
        }
        let baseline = top + 13.0;
        for (x, width, word) in placed {
            let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{baseline:.1}\" textLength=\"{width:.1}\">{word}</text>");
        }
        if line == document.decisive {
            let _ = writeln!(svg, "<text x=\"33\" y=\"{baseline:.1}\">→</text>");
        }
    }
    svg + "</svg>\n"
}
