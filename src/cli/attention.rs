//! `--layer`, `--head`, and pictures: the same for every command that shows attention.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::alignment::{AttentionMatrix, EndOfSentence, Figure, Heatmap};
use crate::picture::Drawing;
use crate::runtime::files::{self, Shown, clear_partials};
use crate::runtime::message;
use crate::search::TokenAttention;
use crate::text::special::{EOS, SPELLINGS};
use crate::translator::{Aligned, AllAttention, AttentionView, Translator};

/// Words on a side of the largest heatmap that is drawn.
pub const MOST_WORDS: usize = 200;

#[derive(Args)]
pub struct ViewArguments {
    /// Attention layer to show, counted from 0, or `mean`. With neither --layer nor --head it is what the checkpoint names (`targum inspect`
    /// says it), with one of them the other is the mean.
    #[arg(long, value_name = "NUMBER|mean")]
    layer: Option<Choice>,
    /// Attention head to show, counted from 0, or `mean`.
    #[arg(long, value_name = "NUMBER|mean")]
    head: Option<Choice>,
    /// Keep the ends of sentence as a last row and column of weights and pictures: rows then sum to one. Links never have them.
    #[arg(long)]
    end_of_sentence: bool,
    /// Add every layer and head, piece by piece: of cross-attention, and of the encoder's and the decoder's self-attention where the model has it. In JSON
    /// Lines as `attention`, with --heatmaps as line-N-encoder, line-N-decoder and line-N-cross; of a decoder with a tape also where its heads are.
    #[arg(long)]
    pub all_attention: bool,
}

impl ViewArguments {
    /// What is asked for, or what the model has to offer.
    pub fn view(&self, translator: &Translator) -> AttentionView {
        let end_of_sentence = if self.end_of_sentence { EndOfSentence::Keep } else { EndOfSentence::Drop };
        if self.layer.is_none() && self.head.is_none() {
            return AttentionView { end_of_sentence, ..translator.view() };
        }
        let index = |choice| if let Some(Choice::One(index)) = choice { Some(index) } else { None };
        AttentionView { layer: index(self.layer), head: index(self.head), end_of_sentence }
    }
}

/// One layer or head, or the mean over all.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    Mean,
    One(usize),
}

impl std::str::FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "mean" => Ok(Choice::Mean),
            _ => text.parse().map(Choice::One).map_err(|_| "expected a number, counted from 0, or `mean`".into()),
        }
    }
}

/// The heatmap of one pair, links marked.
pub fn heatmap(aligned: &Aligned) -> Result<Heatmap> {
    let labels = |words: &[String], places: usize| {
        let end = (places > words.len()).then(|| SPELLINGS[EOS as usize].to_string());
        words.iter().cloned().chain(end).collect::<Vec<_>>()
    };
    let rows = labels(&aligned.target_words, aligned.weights.rows());
    let columns = labels(&aligned.source_words, aligned.weights.columns());
    Heatmap::new(&aligned.caption, &rows, &columns, aligned.weights.clone())?.with_links(aligned.links.clone())
}

/// Cells of the largest grid of heatmaps that is drawn.
const MOST_CELLS: usize = 100_000;

/// A grid of every layer (down) and head (across) for each kind of attention, under its name. Nothing for those of too many cells, which `notes` says.
pub fn grids(all: &AllAttention, notes: &mut Vec<String>) -> Result<Vec<(&'static str, Drawing)>> {
    let mut drawings = Vec::new();
    for (name, weights) in all.named() {
        let TokenAttention { layers, heads, rows, columns, .. } = *weights;
        let cells = layers * heads * rows * columns;
        if cells > MOST_CELLS {
            notes.push(format!(
                "no picture of {layers} × {heads} heads of {rows} × {columns} pieces: at most {MOST_CELLS} cells can be seen"
            ));
            continue;
        }
        let slots: Vec<String> = (0..columns).map(|slot| format!("slot {slot}")).collect();
        let (title, row_labels, column_labels) = match name {
            "encoder" => ("Self-attention of the encoder", &all.source_pieces, &all.source_pieces),
            "decoder" => {
                ("Self-attention of the decoder: what it gives, from what it has read", &all.target_pieces, &all.decoder_inputs)
            }
            "tape_read" => ("Where the tape is read", &all.target_pieces, &slots),
            "tape_write" => ("Where the tape is written", &all.target_pieces, &slots),
            _ => ("Cross-attention", &all.target_pieces, &all.source_pieces),
        };
        let panel = |index: usize| {
            let (layer, head) = (index / heads, index % heads);
            let matrix = AttentionMatrix::new(rows, columns, weights.head(layer, head).to_vec())?;
            Heatmap::new(&format!("layer {layer}, head {head}"), row_labels, column_labels, matrix)
        };
        let panels = (0..layers * heads).map(panel).collect::<Result<Vec<_>>>()?;
        drawings.push((name, Figure::new(title, panels).across(heads).drawing()));
    }
    Ok(drawings)
}

/// The same into a folder, as `line-N-encoder.svg` and so on.
pub fn write_grids(all: &AllAttention, path: &Path) -> Result<()> {
    let mut notes = Vec::new();
    for (name, drawing) in grids(all, &mut notes)? {
        let mut file = path.as_os_str().to_owned();
        file.push(format!("-{name}"));
        drawing.save(Path::new(&file))?;
    }
    notes.iter().for_each(|note| message!("{}: {note}", path.shown()));
    Ok(())
}

/// Says in a folder that the pictures named `line-N` in it are Targum's.
const MARK: &str = ".targum-heatmaps";

/// Makes a folder of pictures, `line-1.svg` and so on, where there is none.
///
/// # Errors
/// Where pictures of such names are there that Targum did not draw; or where the file system refuses.
pub fn heatmap_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{}: cannot make this folder", folder.shown()))?;
    let mark = folder.join(MARK);
    if !fs::symlink_metadata(&mark).is_ok_and(|found| found.is_file()) {
        let read = || fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<Vec<_>>>();
        let names = read().with_context(|| format!("{}: cannot list this folder", folder.shown()))?;
        if let Some(name) = names.iter().filter_map(|name| name.to_str()).find(|name| is_picture(name)) {
            bail!(
                "{}: holds {name}, which Targum did not draw; name another folder with --heatmaps, or move the file away",
                folder.shown()
            );
        }
        files::write(&mark, "line-N.svg and line-N.png are drawn by Targum, which replaces them.\n")?;
    }
    clear_partials(folder);
    Ok(())
}

/// `line-1.svg`, `line-20.png`, `line-3-hops.png`.
fn is_picture(name: &str) -> bool {
    let number = name.strip_prefix("line-").and_then(|rest| rest.strip_suffix(".svg").or(rest.strip_suffix(".png")));
    let number = number.map(|number| number.split_once('-').map_or(number, |(number, _)| number));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Writes `PATH.svg` and `PATH.png`. A blank line has no picture, and a very long one has none either, but a word on standard error.
pub fn write_heatmap(aligned: &Aligned, path: &Path) -> Result<()> {
    let (rows, columns) = (aligned.target_words.len(), aligned.source_words.len());
    if rows == 0 || columns == 0 {
        return Ok(());
    }
    if rows.max(columns) > MOST_WORDS {
        message!("{}: no picture of {rows} × {columns} words, at most {MOST_WORDS} a side can be seen", path.shown());
        return Ok(());
    }
    heatmap(aligned)?.drawing().save(path)
}
