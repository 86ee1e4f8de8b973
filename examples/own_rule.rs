//! A rule of one's own on the scores of the next token: `cargo run --release --example own_rule -- CHECKPOINT < FILE`.
//!
//! No translation has the same piece twice in a row. Pieces are printed, so that it can be seen.

use std::sync::Arc;

use anyhow::{Context, Result};
use targum::search::{Prefixes, Processor};
use targum::translator::Translator;
use tch::{Device, Tensor};

struct NoStutter;

impl Processor for NoStutter {
    fn only_forbids(&self) -> bool {
        true
    }

    fn apply(&self, scores: &mut Tensor, prefixes: &Prefixes) {
        // Scores [R, V]; a hypothesis has no last token at first.
        for (row, tokens) in prefixes.rows.iter().enumerate() {
            if let Some(&last) = tokens.last() {
                let _ = scores.get(row as i64).narrow(0, i64::from(last), 1).fill_(f64::NEG_INFINITY);
            }
        }
    }
}

fn main() -> Result<()> {
    let path = std::env::args().nth(1).context("name a checkpoint or run folder")?;
    let translator = Translator::load(path.as_ref(), Device::Cpu)?;
    let mut options = translator.translate_options();
    options.search.processors.0.push(Arc::new(NoStutter));
    let text = std::io::read_to_string(std::io::stdin())?;
    let lines: Vec<&str> = text.lines().collect();
    for translation in translator.translate(&lines, &options)? {
        println!("{}", translation.hypotheses[0].pieces.join(" "));
    }
    Ok(())
}
