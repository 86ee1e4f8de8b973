//! A SentencePiece model in a `tokenizer.json`.
//!
//! The steps and the model are written so that the `tokenizers` package cuts ordinary text alike. It can't be exact: its rules of
//! normalisation look at grapheme clusters, its sums are in double precision, and its unknown characters are not looked up. So the `.spm`
//! file itself is kept in the pre-tokenizer's entry, where `tokenizers` passes over it, and that is what Targum runs.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::{ModelProto, ModelType, PieceType, SentencePiece};
use crate::input::quoted;
use crate::text::model_json::byte_pair as byte_pair_json;
use crate::text::pipeline::{MARK, added_tokens};
use crate::text::special;

/// The entry of the pre-tokenizer that holds the `.spm` file and the number of pieces that have an id of the model.
pub const METASPACE_KEY: &str = "sentencepiece";

/// Score of what `tokenizers` is to use only where nothing else fits.
const LAST_RESORT: f64 = -1e6;

/// A `tokenizer.json` of a SentencePiece model and the spellings of ids from 4 on: see `Tokenizer::from_sentencepiece`.
///
/// # Errors
/// The model cannot be read, or a piece is spelled twice or as a special token.
pub fn tokenizer_json(file: &[u8], pieces: &[String]) -> Result<Vec<u8>> {
    let model = ModelProto::from_bytes(file)?;
    let all: Vec<String> = special::SPELLINGS.iter().map(|&piece| piece.to_owned()).chain(pieces.iter().cloned()).collect();
    let mut seen = HashSet::new();
    for piece in &all {
        ensure!(seen.insert(piece.as_str()), "the piece {} is in the vocabulary twice", quoted(piece));
    }
    // Pieces that Targum reads as unknown need an id of their own in the file, so that `tokenizers` cuts them.
    let beyond = model.pieces.iter().filter(|piece| !seen.contains(piece.text.as_str()) && piece.kind != PieceType::Control);
    let listed: Vec<String> = all.iter().cloned().chain(beyond.map(|piece| piece.text.clone())).collect();
    let file = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added_tokens(),
        "normalizer": normalizer(&model),
        "pre_tokenizer": {
            "type": "Metaspace",
            "replacement": MARK,
            "prepend_scheme": if model.add_dummy_prefix { "always" } else { "never" },
            "split": false,
            METASPACE_KEY: {"vocabulary": all.len(), "model": STANDARD.encode(file)},
        },
        "post_processor": null,
        "decoder": crate::text::pipeline::Steps::decoder(),
        "model": match model.model_type {
            ModelType::Unigram => unigram(&model, &listed),
            ModelType::Bpe => byte_pair(&model, &listed),
        },
    });
    Ok(serde_json::to_vec(&file)?)
}

/// The model and the spelled ids of a file that has them; `listed` are the pieces of its model in the order of their ids.
pub fn read(file: &Value, mut listed: Vec<String>) -> Result<(SentencePiece, Vec<String>)> {
    let entry = &file["pre_tokenizer"][METASPACE_KEY];
    let broken = || format!("its pre_tokenizer's entry {METASPACE_KEY:?} is broken; import the model again");
    let size = entry["vocabulary"].as_u64().and_then(|size| usize::try_from(size).ok()).with_context(broken)?;
    let encoded = entry["model"].as_str().with_context(broken)?;
    ensure!((special::SPELLINGS.len()..=listed.len()).contains(&size), "{}", broken());
    listed.truncate(size);
    let bytes = STANDARD.decode(encoded).with_context(broken)?;
    let model = SentencePiece::new(&bytes, &listed).with_context(broken)?;
    ensure!(
        file["normalizer"] == normalizer(&ModelProto::from_bytes(&bytes)?),
        "its normalizer is not that of the SentencePiece model inside it; import the model again"
    );
    Ok((model, listed))
}

fn normalizer(model: &ModelProto) -> Value {
    let mut steps = Vec::new();
    if !model.charsmap.is_empty() {
        steps.push(json!({"type": "Precompiled", "precompiled_charsmap": STANDARD.encode(&model.charsmap)}));
    }
    if model.remove_extra_whitespaces {
        steps.push(json!({"type": "Strip", "strip_left": true, "strip_right": true}));
        steps.push(json!({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}));
    }
    json!({"type": "Sequence", "normalizers": steps})
}

fn unigram(model: &ModelProto, listed: &[String]) -> Value {
    let scores: HashMap<&str, f64> = model
        .pieces
        .iter()
        .filter_map(|piece| match piece.kind {
            PieceType::Normal => Some((piece.text.as_str(), f64::from(piece.score))),
            PieceType::UserDefined => Some((piece.text.as_str(), -0.1)),
            _ => None,
        })
        .collect();
    let vocabulary: Vec<Value> = listed
        .iter()
        .enumerate()
        .map(|(id, piece)| {
            let special = id < special::SPELLINGS.len();
            json!([piece, if special { 0.0 } else { scores.get(piece.as_str()).copied().unwrap_or(LAST_RESORT) }])
        })
        .collect();
    json!({"type": "Unigram", "unk_id": special::UNK, "vocab": vocabulary, "byte_fallback": model.byte_fallback})
}

/// SentencePiece merges any two neighbours that make a piece, the best piece first: a merge for every way to part a piece.
fn byte_pair(model: &ModelProto, listed: &[String]) -> Value {
    let in_text = |kind| matches!(kind, PieceType::Normal | PieceType::Unused);
    let mut pieces: Vec<(&str, f32)> =
        model.pieces.iter().filter(|piece| in_text(piece.kind)).map(|piece| (piece.text.as_str(), piece.score)).collect();
    let known: HashSet<&str> = pieces.iter().map(|piece| piece.0).collect();
    pieces.sort_by(|a, b| b.1.total_cmp(&a.1));
    let merges: Vec<Value> = pieces
        .iter()
        .flat_map(|(piece, _)| piece.char_indices().skip(1).map(|(at, _)| piece.split_at(at)))
        .filter(|(left, right)| known.contains(left) && known.contains(right))
        .map(|(left, right)| json!([left, right]))
        .collect();
    let vocabulary: Map<String, Value> = listed.iter().cloned().zip((0u32..).map(Value::from)).collect();
    byte_pair_json(vocabulary.into(), merges.into(), model.byte_fallback, true)
}
