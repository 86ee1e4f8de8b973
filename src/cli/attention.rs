//! `--layer`, `--head`, and pictures: the same for every command that shows attention.

use std::path::Path;

use anyhow::{Context, Result};
use clap::Args;

use crate::alignment::Heatmap;
use crate::translator::{Aligned, AttentionView};

#[derive(Args)]
pub struct ViewArguments {
    /// Attention layer to show, counted from 0; the mean over all unless given.
    #[arg(long)]
    layer: Option<usize>,
    /// Attention head to show, counted from 0; the mean over all unless given.
    #[arg(long)]
    head: Option<usize>,
}

impl ViewArguments {
    pub fn view(&self) -> AttentionView {
        AttentionView { layer: self.layer, head: self.head }
    }
}

/// The heatmap of one pair, links marked, ends of sentence left out.
pub fn heatmap(aligned: &Aligned) -> Result<Heatmap> {
    Heatmap::new("", &aligned.target_words, &aligned.source_words, aligned.weights.clone())?.with_links(aligned.links.clone())
}

/// Writes `PATH.svg` and `PATH.png`. A blank line has no picture.
pub fn write_heatmap(aligned: &Aligned, path: &Path) -> Result<()> {
    if aligned.target_words.is_empty() || aligned.source_words.is_empty() {
        return Ok(());
    }
    let heatmap = heatmap(aligned)?;
    let write = |extension: &str, bytes: &[u8]| {
        let path = path.with_extension(extension);
        std::fs::write(&path, bytes).with_context(|| format!("{}: cannot write", path.display()))
    };
    write("svg", heatmap.svg().as_bytes())?;
    write("png", &heatmap.png(2)?)
}
