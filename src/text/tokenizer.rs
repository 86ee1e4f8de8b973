//! A trained tokenizer: its file, its vocabulary, and encoding.

use super::encoding::{Encoding, byte_of};
use super::normalise::Normalised;
use super::pipeline::{MARK, Pipeline, Steps, added_tokens};
use super::sentencepiece::{self, METASPACE_KEY, SentencePiece};
use super::special;
use super::words::words;
use crate::input::{quoted, read_bytes};
use crate::runtime::files::{self, Shown};
use anyhow::{Context, Result, anyhow, bail, ensure};
use rayon::prelude::*;
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use tokenizers::{Model, ModelWrapper};

/// Largest `tokenizer.json`: one of a million pieces has less.
const MOST_BYTES: u64 = 64 << 20;

/// Longest piece of a unigram model in bytes. The `tokenizers` crate keeps them in a tree with a level a byte, which it clears by recursion: a
/// piece of hundreds of kilobytes overflows the stack.
const MOST_UNIGRAM_PIECE_BYTES: usize = 4096;

/// A piece of one word and its bytes in the raw word.
type WordPiece = (u32, (usize, usize));

/// Between raw lines and ids. Decoding what was encoded gives the line back, but for
/// - normalisation: NFC (by the tables of the `tokenizers` crate, which leave marks of the newest scripts in the order they came in), lower
///   case if the options ask for it, and `_` for a literal `▁`;
/// - white space: one space for every run of it, none at the start and the end;
/// - what the vocabulary lacks, where there is no byte fallback.
///
/// A tokenizer that came from a SentencePiece model ([`Self::from_sentencepiece`]) normalises, cuts and decodes as that model says instead.
/// What its normaliser leaves out of the text (a control character, say) belongs to no piece.
pub struct Tokenizer {
    cutter: Cutter,
    pub(super) pieces: Vec<String>,
    file: Vec<u8>,
}

/// What lines are cut with.
enum Cutter {
    /// The house's own: word by word.
    House { pipeline: Pipeline, model: Box<ModelWrapper> },
    /// A model of SentencePiece: a line at a time.
    SentencePiece(Box<SentencePiece>),
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tokenizer").field("size", &self.size()).finish_non_exhaustive()
    }
}

impl Tokenizer {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    /// Names the path and what is wrong with the file: see [`Self::from_bytes`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = read_bytes(path, "the tokenizer", MOST_BYTES)?;
        Self::from_bytes(&bytes).with_context(|| format!("{} is no tokenizer of Targum", path.shown()))
    }

    /// Reads the contents of a `tokenizer.json`.
    ///
    /// # Errors
    /// The file is no JSON, holds other special tokens or has them at other ids, leaves out ids, or normalises, cuts or decodes in a way
    /// that Targum does not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let file: Value = serde_json::from_slice(bytes).context("expected JSON")?;
        let pieces = vocabulary(&file["model"])?;
        check_special_tokens(&file, &pieces)?;
        ensure!(
            file["decoder"] == Steps::decoder(),
            "its decoder is not the one that Targum writes; train a tokenizer with Targum"
        );
        for step in ["post_processor", "truncation", "padding"] {
            ensure!(file[step].is_null(), "expected no {step}, found {}", quoted(&file[step].to_string()));
        }
        if !file["pre_tokenizer"][METASPACE_KEY].is_null() {
            let (model, pieces) = sentencepiece::read(&file, pieces)?;
            return Ok(Self { cutter: Cutter::SentencePiece(Box::new(model)), pieces, file: bytes.to_vec() });
        }
        let steps = Steps::ALL
            .into_iter()
            .find(|steps| file["normalizer"] == steps.normalizer() && file["pre_tokenizer"] == steps.pre_tokenizer())
            .ok_or_else(|| {
                anyhow!("its normalizer or pre_tokenizer is none that Targum writes; train a tokenizer with Targum")
            })?;
        let model: ModelWrapper = serde_json::from_value(file["model"].clone()).context("its model cannot be read")?;
        check_model(&model)?;
        let cutter = Cutter::House { pipeline: Pipeline::new(steps), model: Box::new(model) };
        Ok(Self { cutter, pieces, file: bytes.to_vec() })
    }

    /// Writes `tokenizer.json`, byte for byte what was trained or read: a new file takes the place of an old one in one step.
    ///
    /// # Errors
    /// Names the path where the file system refuses.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        files::write(path, &self.file).with_context(|| format!("cannot save the tokenizer to {}", path.shown()))
    }

    /// The contents of its `tokenizer.json`.
    pub fn file(&self) -> &[u8] {
        &self.file
    }

    /// Pieces in the vocabulary, special tokens included: ids are smaller than this.
    pub fn size(&self) -> usize {
        self.pieces.len()
    }

    /// The spelling of an id; an id outside the vocabulary reads as unknown.
    pub fn piece(&self, id: u32) -> &str {
        self.pieces.get(id as usize).map_or(special::SPELLINGS[special::UNK as usize], String::as_str)
    }

    /// The id of a piece, spelled as [`Self::piece`] spells it.
    pub fn id(&self, piece: &str) -> Option<u32> {
        match &self.cutter {
            Cutter::House { model, .. } => model.token_to_id(piece),
            Cutter::SentencePiece(model) => model.id(piece),
        }
    }

    /// Whether the vocabulary has all bytes, so that nothing is unknown.
    pub fn spells_everything(&self) -> bool {
        (0..=u8::MAX).all(|byte| self.id(&format!("<0x{byte:02X}>")).is_some())
    }

    pub(super) fn sentencepiece_cutter(&self) -> Option<&SentencePiece> {
        if let Cutter::SentencePiece(model) = &self.cutter { Some(model) } else { None }
    }

    /// Whether every symbol is a piece of its own.
    pub(super) fn single_symbols(&self) -> bool {
        matches!(&self.cutter, Cutter::House { pipeline, .. } if pipeline.steps.single_symbols)
    }

    /// The pieces of a line, without special tokens. Text that spells a special token is text.
    pub fn encode(&self, line: &str) -> Encoding {
        self.encode_remembering(line, &mut HashMap::new())
    }

    /// [`Self::encode`] for many lines, on all cores.
    pub fn encode_batch(&self, lines: &[&str]) -> Vec<Encoding> {
        let share = lines.len().div_ceil(rayon::current_num_threads()).clamp(1, 4096);
        lines
            .par_chunks(share)
            .flat_map_iter(|lines| {
                let mut known = HashMap::new();
                lines.iter().map(move |line| self.encode_remembering(line, &mut known))
            })
            .collect()
    }

    fn encode_remembering<'a>(&self, line: &'a str, known: &mut HashMap<&'a str, Vec<WordPiece>>) -> Encoding {
        let (pipeline, model) = match &self.cutter {
            Cutter::House { pipeline, model } => (pipeline, model.as_ref()),
            Cutter::SentencePiece(model) => return model.encode(line),
        };
        let mut encoding = Encoding::default();
        for ((start, end), index) in words(line).into_iter().zip(0..) {
            let word = &line[start..end];
            for &(id, span) in known.entry(word).or_insert_with(|| encode_word(word, pipeline, model)).iter() {
                encoding.ids.push(id);
                encoding.words.push(index);
                encoding.spans.push((start + span.0, start + span.1));
            }
        }
        encoding
    }
}

fn encode_word(word: &str, pipeline: &Pipeline, model: &ModelWrapper) -> Vec<WordPiece> {
    let normalised = Normalised::new(word, pipeline);
    let mut found = Vec::new();
    // Counts in the marked word, which has the mark before the normalised text.
    let mut before_run = 0;
    for run in pipeline.runs(&normalised.text) {
        let tokens = model.tokenize(&run).expect("a model with an unknown token has a piece for every run");
        let mut position = 0;
        for token in tokens {
            let bytes = if byte_of(&token.value).is_some() { (position, position + 1) } else { token.offsets };
            position = bytes.1;
            let unmarked = |at: usize| (before_run + at).saturating_sub(MARK.len_utf8());
            found.push((token.id, normalised.raw(unmarked(bytes.0), unmarked(bytes.1))));
        }
        before_run += run.len();
    }
    found
}

/// The pieces in the order of their ids.
fn vocabulary(model: &Value) -> Result<Vec<String>> {
    let entries: Vec<(&str, u64)> = match &model["vocab"] {
        Value::Object(ids) => ids.iter().map(|(piece, id)| Some((piece.as_str(), id.as_u64()?))).collect(),
        Value::Array(scored) => scored.iter().zip(0..).map(|(entry, id)| Some((entry.get(0)?.as_str()?, id))).collect(),
        _ => None,
    }
    .context("expected a model with a vocabulary (`model.vocab`), found none")?;
    if model["vocab"].is_array()
        && let Some((long, id)) = entries.iter().find(|(piece, _)| piece.len() > MOST_UNIGRAM_PIECE_BYTES)
    {
        bail!(
            "expected pieces of at most {MOST_UNIGRAM_PIECE_BYTES} bytes, found {} of {} bytes at id {id}",
            quoted(long),
            long.len()
        );
    }
    let mut pieces = vec![None; entries.len()];
    for (piece, id) in entries {
        match usize::try_from(id).ok().and_then(|id| pieces.get_mut(id)) {
            Some(place @ None) => *place = Some(piece.to_owned()),
            Some(Some(other)) => {
                bail!("expected one piece for each id, found {} and {} at id {id}", quoted(other), quoted(piece))
            }
            None => {
                bail!("expected ids from 0 without gaps, found {} at id {id} among {} pieces", quoted(piece), pieces.len())
            }
        }
    }
    Ok(pieces.into_iter().flatten().collect())
}

fn check_special_tokens(file: &Value, pieces: &[String]) -> Result<()> {
    for (id, expected) in special::SPELLINGS.iter().enumerate() {
        let found = pieces.get(id).map_or("nothing", String::as_str);
        ensure!(found == *expected, "expected the special token {expected} at id {id}, found {}", quoted(found));
    }
    ensure!(
        file["added_tokens"] == added_tokens(),
        "expected {} and no others as `added_tokens`, found {}",
        special::SPELLINGS.join(", "),
        quoted(&file["added_tokens"].to_string())
    );
    Ok(())
}

/// Without an unknown token encoding could fail, with dropout it would be left to chance.
fn check_model(model: &ModelWrapper) -> Result<()> {
    let unknown = special::SPELLINGS[special::UNK as usize];
    match model {
        ModelWrapper::BPE(model) => {
            ensure!(
                model.unk_token.as_deref() == Some(unknown),
                "expected {unknown} as `unk_token`, found {:?}",
                model.unk_token
            );
            ensure!(model.dropout.is_none(), "expected no dropout, found {:?}", model.dropout);
            let affixes = (&model.continuing_subword_prefix, &model.end_of_word_suffix);
            ensure!(affixes == (&None, &None), "expected no prefix and no suffix of subwords, found {affixes:?}");
        }
        ModelWrapper::Unigram(_) => {
            let id = serde_json::to_value(model)?["unk_id"].clone();
            ensure!(id == special::UNK, "expected {} as `unk_id`, found {id}", special::UNK);
        }
        ModelWrapper::WordLevel(model) => {
            ensure!(model.unk_token == unknown, "expected {unknown} as `unk_token`, found {}", model.unk_token);
        }
        ModelWrapper::WordPiece(_) => bail!("expected a model of type BPE, Unigram or WordLevel, found WordPiece"),
    }
    Ok(())
}
