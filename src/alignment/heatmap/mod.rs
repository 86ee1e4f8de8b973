//! Pictures of attention: SVG, PNG and terminal blocks, of one matrix or of several side by side.

mod colour;
mod draw;
mod layout;
mod terminal;

use anyhow::{Result, ensure};

use super::links::Links;
use super::matrix::AttentionMatrix;
use crate::picture::Drawing;
use crate::picture::label::clean;

pub use terminal::TerminalColour;

/// One attention matrix with its words: source words on top, target words at the left.
///
/// Words stand in the order of the matrix, from left to right and from top to bottom, for every script; each word by itself is
/// written in its own direction.
#[derive(Debug, Clone, PartialEq)]
pub struct Heatmap {
    title: String,
    row_labels: Vec<String>,
    column_labels: Vec<String>,
    matrix: AttentionMatrix,
    links: Option<Links>,
    gold: Option<Links>,
    longest_label: usize,
}

/// Terminal columns of a label unless told otherwise.
const LONGEST_LABEL: usize = 24;

/// Several heatmaps in one picture: heads, layers, or the same sentence at several training steps.
///
/// Panels fill a grid from left to right. A panel whose words are those of its left (upper) neighbour leaves them out.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    title: String,
    panels: Vec<Heatmap>,
    across: usize,
}

impl Heatmap {
    /// A heatmap; refuses labels that do not fit the matrix. An empty title takes no room.
    pub fn new(title: &str, row_labels: &[String], column_labels: &[String], matrix: AttentionMatrix) -> Result<Self> {
        ensure!(
            row_labels.len() == matrix.rows() && column_labels.len() == matrix.columns(),
            "a heatmap of a {}×{} matrix needs as many row and column labels, found {} and {}",
            matrix.rows(),
            matrix.columns(),
            row_labels.len(),
            column_labels.len()
        );
        Ok(Self {
            title: title.to_owned(),
            row_labels: row_labels.to_vec(),
            column_labels: column_labels.to_vec(),
            matrix,
            links: None,
            gold: None,
            longest_label: LONGEST_LABEL,
        })
    }

    /// Labels of so many terminal columns, instead of 24, are written whole; of longer ones the end is only in their tips.
    pub fn with_labels_of(mut self, columns: usize) -> Self {
        self.longest_label = columns;
        self
    }

    /// Marks predicted links, `(column, row)` as everywhere, with a dot in their cells.
    pub fn with_links(mut self, links: Links) -> Result<Self> {
        self.check(&links, "predicted")?;
        self.links = Some(links);
        Ok(self)
    }

    /// Marks gold links with a frame around their cells.
    pub fn with_gold(mut self, gold: Links) -> Result<Self> {
        self.check(&gold, "gold")?;
        self.gold = Some(gold);
        Ok(self)
    }

    fn check(&self, links: &Links, kind: &str) -> Result<()> {
        let (sources, targets) = (self.matrix.columns(), self.matrix.rows());
        if let Some((source, target)) = links.out_of_bounds(sources, targets) {
            anyhow::bail!("the {kind} link {source}-{target} points outside a heatmap of {sources} columns and {targets} rows");
        }
        Ok(())
    }

    fn is_link(&self, row: usize, column: usize) -> bool {
        self.links.as_ref().is_some_and(|links| links.contains(column, row))
    }

    fn is_gold(&self, row: usize, column: usize) -> bool {
        self.gold.as_ref().is_some_and(|links| links.contains(column, row))
    }

    /// The picture, of which there is SVG and PNG. In SVG weights show on hovering.
    pub fn drawing(&self) -> Drawing {
        Figure::from(self.clone()).drawing()
    }

    /// Lines for a terminal, each ended by `\n`; those of the grid all have the same display width.
    pub fn terminal(&self, colour: TerminalColour) -> String {
        terminal::draw(self, colour)
    }
}

impl From<Heatmap> for Figure {
    fn from(heatmap: Heatmap) -> Self {
        Self { title: String::new(), panels: vec![heatmap], across: 1 }
    }
}

impl Figure {
    /// Panels in a grid that is about square and at most four across.
    pub fn new(title: &str, panels: Vec<Heatmap>) -> Self {
        let across = (1..4).find(|across| across * across >= panels.len()).unwrap_or(4);
        Self { title: title.to_owned(), panels, across }
    }

    /// As many panels side by side as `across` says, at least one: all of them for a strip.
    pub fn across(mut self, across: usize) -> Self {
        self.across = across.max(1);
        self
    }

    /// As [`Heatmap::drawing`].
    pub fn drawing(&self) -> Drawing {
        draw::draw(&layout::Layout::of(self))
    }

    /// As [`Heatmap::terminal`], one panel below the other.
    pub fn terminal(&self, colour: TerminalColour) -> String {
        let mut lines = String::new();
        if !self.title.is_empty() {
            lines = format!("{}\n\n", clean(&self.title));
        }
        let panels: Vec<_> = self.panels.iter().map(|panel| panel.terminal(colour)).collect();
        lines + &panels.join("\n")
    }
}

#[cfg(test)]
mod tests;
