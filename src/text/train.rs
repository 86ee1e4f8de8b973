//! Training a tokenizer on raw lines: the same lines and options give the same file, whatever the number of threads.

use super::model_json::byte_pair;
use super::pipeline::{MARK, Pipeline, Steps};
use super::sentencepiece::{self, ModelProto, ModelType, PieceType};
use super::tokenizer::Tokenizer;
use super::{special, unigram};
use crate::recipe::{TokenizerKind, TokenizerRecipe};
use anyhow::{Result, anyhow, bail};
use rayon::prelude::*;
use serde_json::{Map, Value, json};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use tokenizers::AddedToken;
use tokenizers::models::bpe::{BPE, BpeTrainer};

/// Lines counted by one thread at a time.
const LINES_AT_ONCE: usize = 256;

/// Longer runs are learned from in parts: such a run is no word, and the time spent on it would grow with its square.
const LONGEST_RUN: usize = 256;

/// How large the vocabulary was to be and how large it became: little text supports few pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrainingReport {
    /// The size in the options.
    pub asked: usize,
    /// The size of the vocabulary, at most `asked`.
    pub got: usize,
}

impl Tokenizer {
    /// Learns a tokenizer of `size` pieces from raw lines, with a report of the size it reached; what the recipe says of two sides does not
    /// count here.
    ///
    /// # Errors
    /// No text but white space, or a size that does not hold the special tokens, the bytes and (for byte pairs and unigrams) the
    /// characters that occur often enough, or that leaves no room for a single word or character.
    pub fn train<'a>(options: &TokenizerRecipe, lines: impl Iterator<Item = &'a str> + Send) -> Result<(Self, TrainingReport)> {
        let mut words = WordCounts::default();
        words.add(&lines.collect::<Vec<_>>());
        Self::train_on(options, words)
    }

    /// The same of words that were counted, for text that is not to be held in memory.
    ///
    /// # Errors
    /// As for [`Self::train`].
    pub fn train_on(options: &TokenizerRecipe, words: WordCounts) -> Result<(Self, TrainingReport)> {
        let steps = Steps { lowercase: options.lowercase, single_symbols: options.kind == TokenizerKind::Word };
        let mut plain = sentencepiece_model(options)?;
        let pipeline = Pipeline::new(steps);
        let runs = match &plain {
            // SentencePiece learns no piece across scripts, punctuation being one: otherwise "sofa" and "sofa." have nothing in common.
            Some(model) => {
                let normalise = sentencepiece::train::normaliser(model)?;
                count_runs(|word| pipeline.runs(&normalise(word)), words)
            }
            None => count_runs(|word| pipeline.runs(&pipeline.normalise(word)), words),
        };
        if runs.is_empty() {
            bail!("no text to learn a tokenizer from: expected at least one word, found white space only");
        }
        let byte_fallback = options.byte_fallback && options.kind != TokenizerKind::Word;
        let model = match options.kind {
            TokenizerKind::Word => word_level(options, runs)?,
            TokenizerKind::Character => {
                let mut first = fixed_pieces(byte_fallback);
                check_size(options, first.len(), 2)?;
                first.push(MARK.into());
                let mut characters = count_characters(&runs);
                characters.retain(|&(character, count)| character != MARK && count >= u64::from(options.minimum_frequency));
                characters.sort_by_key(|&(character, count)| (Reverse(count), character));
                first.extend(characters.into_iter().map(|(character, _)| character.to_string()));
                first.truncate(options.size);
                byte_pair(vocabulary(first).into(), json!([]), byte_fallback, false)
            }
            TokenizerKind::Bpe => {
                let fixed = fixed_pieces(byte_fallback);
                let alphabet = alphabet(options, &runs, fixed.len())?;
                learn_byte_pairs(options, fixed, &alphabet, &known_parts(&runs, &alphabet), byte_fallback)?
            }
            TokenizerKind::Unigram => {
                let fixed = fixed_pieces(byte_fallback);
                let alphabet = alphabet(options, &runs, fixed.len())?;
                let learned = unigram::learn(&alphabet, known_parts(&runs, &alphabet), options.size - fixed.len())?;
                let vocabulary: Vec<(String, f64)> = fixed.into_iter().map(|piece| (piece, 0.0)).chain(learned).collect();
                json!({"type": "Unigram", "unk_id": special::UNK, "vocab": vocabulary, "byte_fallback": byte_fallback})
            }
        };
        let tokenizer = match &mut plain {
            Some(plain) => {
                let fixed = fixed_pieces(byte_fallback).len();
                sentencepiece::train::fill(plain, scored(&model)?.split_off(fixed));
                let pieces = plain.pieces.iter().filter(|piece| matches!(piece.kind, PieceType::Byte | PieceType::Normal));
                Self::from_sentencepiece(&plain.to_bytes(), &pieces.map(|piece| piece.text.clone()).collect::<Vec<_>>())?
            }
            None => Self::from_bytes(&serde_json::to_vec(&steps.file(model))?)?,
        };
        let report = TrainingReport { asked: options.size, got: tokenizer.size() };
        Ok((tokenizer, report))
    }
}

/// What a tokenizer that SentencePiece can run needs besides pieces; none where the options do not ask for it.
fn sentencepiece_model(options: &TokenizerRecipe) -> Result<Option<ModelProto>> {
    let model_type = match options.kind {
        _ if !options.sentencepiece => return Ok(None),
        TokenizerKind::Unigram => ModelType::Unigram,
        TokenizerKind::Bpe => ModelType::Bpe,
        TokenizerKind::Word | TokenizerKind::Character => {
            bail!("only the kinds bpe and unigram can be made for SentencePiece; set `sentencepiece` to false")
        }
    };
    Ok(Some(sentencepiece::train::blank(model_type, options.lowercase, options.byte_fallback)))
}

/// The pieces of a model in the order of their ids, with their scores; byte pairs are the better the earlier they were learned.
fn scored(model: &Value) -> Result<Vec<(String, f64)>> {
    if model["type"] == "Unigram" {
        return Ok(serde_json::from_value(model["vocab"].clone())?);
    }
    let mut pieces: Vec<(String, u32)> =
        serde_json::from_value::<HashMap<String, u32>>(model["vocab"].clone())?.into_iter().collect();
    pieces.sort_by_key(|piece| piece.1);
    Ok(pieces.into_iter().map(|(piece, id)| (piece, -f64::from(id))).collect())
}

/// How often each word of a text occurs: all that a tokenizer is trained on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WordCounts(HashMap<String, u64>);

impl WordCounts {
    /// Adds the words of more lines.
    pub fn add(&mut self, lines: &[impl AsRef<str> + Sync]) {
        let counts = lines
            .par_chunks(LINES_AT_ONCE)
            .fold(HashMap::new, |mut counts: HashMap<&str, u64>, lines| {
                for word in lines.iter().flat_map(|line| line.as_ref().split_whitespace()) {
                    *counts.entry(word).or_default() += 1;
                }
                counts
            })
            .reduce(HashMap::new, add_counts);
        for (word, count) in counts {
            match self.0.get_mut(word) {
                Some(sum) => *sum += count,
                None => drop(self.0.insert(word.to_owned(), count)),
            }
        }
    }
}

/// How often every run that `cut` makes of the words occurs, sorted.
fn count_runs(cut: impl Fn(&str) -> Vec<String> + Sync, words: WordCounts) -> Vec<(String, u64)> {
    let counts = words
        .0
        .into_par_iter()
        .fold(HashMap::new, |mut counts: HashMap<String, u64>, (word, count)| {
            for run in cut(&word) {
                if run.len() <= LONGEST_RUN {
                    *counts.entry(run).or_default() += count;
                } else {
                    let characters: Vec<char> = run.chars().collect();
                    for part in characters.chunks(LONGEST_RUN) {
                        *counts.entry(part.iter().collect()).or_default() += count;
                    }
                }
            }
            counts
        })
        .reduce(HashMap::new, add_counts);
    let mut runs: Vec<(String, u64)> = counts.into_iter().collect();
    runs.sort_unstable();
    runs
}

fn add_counts<K: Eq + std::hash::Hash>(mut larger: HashMap<K, u64>, mut smaller: HashMap<K, u64>) -> HashMap<K, u64> {
    if larger.len() < smaller.len() {
        std::mem::swap(&mut larger, &mut smaller);
    }
    for (key, count) in smaller {
        *larger.entry(key).or_default() += count;
    }
    larger
}

fn count_characters(runs: &[(String, u64)]) -> Vec<(char, u64)> {
    let mut counts: HashMap<char, u64> = HashMap::new();
    for (run, count) in runs {
        for character in run.chars() {
            *counts.entry(character).or_default() += count;
        }
    }
    counts.into_iter().collect()
}

/// The characters that occur often enough, and the mark.
fn alphabet(options: &TokenizerRecipe, runs: &[(String, u64)], fixed: usize) -> Result<BTreeSet<char>> {
    let often = count_characters(runs).into_iter().filter(|&(_, count)| count >= u64::from(options.minimum_frequency));
    let alphabet: BTreeSet<char> = often.map(|(character, _)| character).chain([MARK]).collect();
    check_size(options, fixed, alphabet.len())?;
    Ok(alphabet)
}

/// The runs without the characters outside the alphabet, which separate what stands around them.
fn known_parts(runs: &[(String, u64)], alphabet: &BTreeSet<char>) -> BTreeMap<String, u64> {
    let mut parts: BTreeMap<String, u64> = BTreeMap::new();
    for (run, count) in runs {
        for part in run.split(|character| !alphabet.contains(&character)).filter(|part| !part.is_empty()) {
            *parts.entry(part.to_owned()).or_default() += count;
        }
    }
    parts
}

fn check_size(options: &TokenizerRecipe, fixed: usize, needed: usize) -> Result<()> {
    let minimum = fixed + needed;
    if options.size < minimum {
        bail!(
            "a vocabulary of {} pieces is too small: this text needs at least {minimum} ({fixed} special tokens and bytes, {needed} \
             words or characters); raise `size`, or raise `minimum_frequency` (now {}) to leave out rare characters",
            options.size,
            options.minimum_frequency
        );
    }
    Ok(())
}

/// The special tokens, and with byte fallback the bytes, at the ids they have in every vocabulary.
fn fixed_pieces(byte_fallback: bool) -> Vec<String> {
    let bytes = if byte_fallback { 0..256 } else { 0..0 };
    special::SPELLINGS.map(String::from).into_iter().chain(bytes.map(|byte| format!("<0x{byte:02X}>"))).collect()
}

fn word_level(options: &TokenizerRecipe, mut runs: Vec<(String, u64)>) -> Result<Value> {
    let mut pieces = fixed_pieces(false);
    check_size(options, pieces.len(), 1)?;
    runs.retain(|&(_, count)| count >= u64::from(options.minimum_frequency));
    runs.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    pieces.extend(runs.into_iter().map(|(run, _)| run));
    pieces.truncate(options.size);
    Ok(json!({"type": "WordLevel", "vocab": vocabulary(pieces), "unk_token": special::SPELLINGS[special::UNK as usize]}))
}

/// The merges and their pieces, after the fixed pieces and the alphabet.
fn learn_byte_pairs(
    options: &TokenizerRecipe,
    fixed: Vec<String>,
    alphabet: &BTreeSet<char>,
    parts: &BTreeMap<String, u64>,
    byte_fallback: bool,
) -> Result<Value> {
    let trainer = BpeTrainer::builder()
        .show_progress(false)
        .vocab_size(options.size)
        .min_frequency(options.minimum_frequency.into())
        .initial_alphabet(alphabet.iter().copied().collect())
        .special_tokens(fixed.into_iter().map(|piece| AddedToken::from(piece, true)).collect())
        .build();
    let mut model = BPE::default();
    trainer
        .do_train(&parts.iter().map(|(part, &count)| (part.as_str().into(), count)).collect(), &mut model)
        .map_err(|error| anyhow!("learning byte pairs failed: {error}"))?;
    let mut learned = serde_json::to_value(&model)?;
    Ok(byte_pair(learned["vocab"].take(), learned["merges"].take(), byte_fallback, false))
}

fn vocabulary(pieces: Vec<String>) -> Map<String, Value> {
    pieces.into_iter().zip(0u32..).map(|(piece, id)| (piece, id.into())).collect()
}
