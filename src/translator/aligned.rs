//! From attention over pieces to words and links: the one place that says which row of weights belongs to which target word.
//!
//! Row t of a hypothesis' attention is the step that *produced* token t. In the recurrent models that step's weights come from a
//! state which has consumed token t-1 (Luong: h_t; Bahdanau: s_{t-1}), and they mix the context that token t is predicted from.

use anyhow::Result;

use super::AttentionView;
use crate::alignment::{AlignmentRecord, AttentionMatrix, LinkOptions, Links, Words};
use crate::search::TokenAttention;
use crate::text::{self, PieceWords};

/// A sentence pair with its attention over words.
#[derive(Debug, Clone, PartialEq)]
pub struct Aligned {
    pub source_words: Vec<String>,
    pub target_words: Vec<String>,
    /// Rows are target words, columns source words; ends of sentence are the last row and column where the view keeps them.
    pub weights: AttentionMatrix,
    pub links: Links,
    /// Which layer and head the weights are, for people; see [`AttentionView::caption`].
    pub caption: String,
}

impl Aligned {
    /// `target` has the produced pieces, end of sentence not counted.
    pub fn new(source: PieceWords, target: PieceWords, attention: &TokenAttention, view: AttentionView) -> Result<Self> {
        let matrix = view.of(attention)?;
        // A hypothesis cut off by the length limit has no row for the end of sentence.
        let ends = matrix.rows() > target.of_pieces.len();
        let columns: Vec<Option<u32>> = source.of_pieces.into_iter().chain([None]).collect();
        let rows: Vec<Option<u32>> = target.of_pieces.into_iter().chain(ends.then_some(None)).collect();
        let columns = Words::of_sentence(&columns, source.words.len());
        let rows = Words::of_sentence(&rows, target.words.len());
        Ok(Aligned {
            weights: matrix.to_words(columns, rows, view.end_of_sentence)?,
            links: Links::from_attention(&matrix, columns, rows, &LinkOptions::default())?,
            source_words: source.words,
            target_words: target.words,
            caption: view.caption(attention.layers, attention.heads),
        })
    }

    /// The same as a line of JSON Lines.
    pub fn record(&self, source: &str, target: &str, score: Option<f64>) -> AlignmentRecord {
        AlignmentRecord {
            source: source.to_owned(),
            target: target.to_owned(),
            source_words: self.source_words.clone(),
            target_words: self.target_words.clone(),
            source_pieces: None,
            target_pieces: None,
            weights: self.weights.clone(),
            links: self.links.clone(),
            score,
        }
    }

    /// Of two lines of which one is blank: no weights, no links.
    pub fn blank(source_line: &str, target_line: &str) -> Self {
        let (source_words, target_words) = (split(source_line), split(target_line));
        let (rows, columns) = (target_words.len(), source_words.len());
        let zeros = AttentionMatrix::new(rows, columns, vec![0.0; rows * columns]);
        Aligned {
            weights: zeros.expect("as many as the size says, and finite"),
            links: Links::default(),
            source_words,
            target_words,
            caption: String::new(),
        }
    }
}

fn split(line: &str) -> Vec<String> {
    text::words(line).into_iter().map(|(start, end)| line[start..end].to_string()).collect()
}
