//! `--layer`, `--head`, and pictures: the same for every command that shows attention.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::alignment::{EndOfSentence, Heatmap};
use crate::runtime::files::{self, Shown, clear_partials};
use crate::runtime::message;
use crate::text::special::{EOS, SPELLINGS};
use crate::translator::{Aligned, AttentionView, Translator};

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
    Heatmap::new("", &rows, &columns, aligned.weights.clone())?.with_links(aligned.links.clone())
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
