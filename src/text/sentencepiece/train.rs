//! A SentencePiece model from pieces that were learned here.

use super::charsmap::{compile, rules};
use super::messages::PieceType;
use super::proto::{ModelProto, ModelType, Piece};
use super::{Normaliser, byte_piece};
use crate::text::encoding::byte_of;
use crate::text::special;
use anyhow::Result;

/// A model without pieces: how its text is normalised.
pub fn blank(model_type: ModelType, lowercase: bool, byte_fallback: bool) -> ModelProto {
    ModelProto {
        pieces: Vec::new(),
        model_type,
        byte_fallback,
        normaliser: if lowercase { "spaces and lower case" } else { "spaces" }.to_owned(),
        charsmap: compile(&rules(lowercase)),
        add_dummy_prefix: true,
        remove_extra_whitespaces: true,
    }
}

/// Words as the model sees them, each with its mark.
pub fn normaliser(model: &ModelProto) -> Result<impl Fn(&str) -> String + Sync> {
    let normaliser = Normaliser::new(model)?;
    Ok(move |word: &str| normaliser.normalise(word).text)
}

/// Adds the learned pieces with their scores, behind what SentencePiece needs at the front.
pub fn fill(model: &mut ModelProto, learned: Vec<(String, f64)>) {
    let piece = |text: String, score: f64, kind| Piece { text, score: score as f32, kind };
    let front = [("<unk>", PieceType::Unknown), ("<s>", PieceType::Control), ("</s>", PieceType::Control)];
    model.pieces.extend(front.map(|(text, kind)| piece(text.into(), 0.0, kind)));
    if model.byte_fallback {
        model.pieces.extend((0..=255).map(|byte| piece(byte_piece(byte), 0.0, PieceType::Byte)));
    }
    // Text may spell what is no text.
    let is_text = |text: &str| byte_of(text).is_none() && !special::SPELLINGS.contains(&text);
    let learned = learned.into_iter().filter(|(text, _)| is_text(text));
    model.pieces.extend(learned.map(|(text, score)| piece(text, score, PieceType::Normal)));
}
