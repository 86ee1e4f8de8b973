//! What a `.spm` file holds, checked: its messages are in [`super::messages`].

use anyhow::{Context, Result, bail, ensure};
use prost::Message;

use super::messages::{self, PieceType};
use crate::input::quoted;

/// Most bytes of a piece, which has 16 characters unless SentencePiece is told otherwise. Ways to part one are as many as it is long.
const LONGEST_PIECE: usize = 512;

/// A piece of the vocabulary.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    pub text: String,
    /// Unigram: natural-log probability. BPE: minus the rank of the merge.
    pub score: f32,
    pub kind: PieceType,
}

/// How text is cut: `TrainerSpec.model_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelType {
    Unigram = 1,
    Bpe = 2,
}

/// A `.spm` file.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelProto {
    pub pieces: Vec<Piece>,
    pub model_type: ModelType,
    pub byte_fallback: bool,
    /// Name of the normalisation rules, for people.
    pub normaliser: String,
    /// Rules compiled into a double array and their replacements; empty for none.
    pub charsmap: Vec<u8>,
    pub add_dummy_prefix: bool,
    pub remove_extra_whitespaces: bool,
}

impl ModelProto {
    /// Reads the contents of a `.spm` file.
    ///
    /// # Errors
    /// The bytes are no such protobuf, hold no pieces, or ask for what is not supported: word and character models, white space as a suffix
    /// or unescaped, and a denormaliser.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let file = messages::ModelProto::decode(bytes).context("not a SentencePiece model")?;
        Self::from_message(file).context("not a SentencePiece model")
    }

    fn from_message(file: messages::ModelProto) -> Result<Self> {
        let (trainer, normaliser) = (file.trainer_spec, file.normalizer_spec);
        let model_type = match trainer.model_type {
            1 => ModelType::Unigram,
            2 => ModelType::Bpe,
            3 => bail!("its model_type is WORD; supported are UNIGRAM and BPE"),
            4 => bail!("its model_type is CHAR; supported are UNIGRAM and BPE"),
            other => bail!("its model_type is {other}; supported are UNIGRAM (1) and BPE (2)"),
        };
        let as_suffix = trainer.treat_whitespace_as_suffix == Some(true);
        ensure!(!as_suffix, "it has treat_whitespace_as_suffix, which is not supported");
        ensure!(normaliser.escape_whitespaces, "it has escape_whitespaces = false, which is not supported");
        let denormalises = file.denormalizer_spec.is_some_and(|rules| !rules.precompiled_charsmap.is_empty());
        ensure!(!denormalises, "it changes decoded text by a denormalizer_spec, which is not supported");
        ensure!(!file.pieces.is_empty(), "it has no pieces");
        Ok(ModelProto {
            pieces: file.pieces.into_iter().map(checked).collect::<Result<_>>()?,
            model_type,
            byte_fallback: trainer.byte_fallback,
            normaliser: normaliser.name,
            charsmap: normaliser.precompiled_charsmap,
            add_dummy_prefix: normaliser.add_dummy_prefix,
            remove_extra_whitespaces: normaliser.remove_extra_whitespaces,
        })
    }

    /// The contents of a `.spm` file that SentencePiece reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.message().encode_to_vec()
    }

    fn message(&self) -> messages::ModelProto {
        let id = |piece: &str| self.pieces.iter().position(|other| other.text == piece).map_or(-1, |id| id as i32);
        let message =
            |piece: &Piece| messages::SentencePiece { piece: piece.text.clone(), score: piece.score, kind: piece.kind.into() };
        messages::ModelProto {
            pieces: self.pieces.iter().map(message).collect(),
            trainer_spec: messages::TrainerSpec {
                model_type: self.model_type as i32,
                vocab_size: self.pieces.len() as i32,
                treat_whitespace_as_suffix: None,
                byte_fallback: self.byte_fallback,
                unk_id: id("<unk>"),
                bos_id: id("<s>"),
                eos_id: id("</s>"),
                pad_id: id("<pad>"),
            },
            normalizer_spec: messages::NormalizerSpec {
                name: self.normaliser.clone(),
                precompiled_charsmap: self.charsmap.clone(),
                add_dummy_prefix: self.add_dummy_prefix,
                remove_extra_whitespaces: self.remove_extra_whitespaces,
                escape_whitespaces: true,
            },
            denormalizer_spec: None,
        }
    }
}

fn checked(piece: messages::SentencePiece) -> Result<Piece> {
    let messages::SentencePiece { piece: text, score, kind } = piece;
    let kind = PieceType::try_from(kind).ok().with_context(|| format!("expected a piece type from 1 to 6, found {kind}"))?;
    ensure!(!text.is_empty(), "it has an empty piece");
    let length = text.len();
    ensure!(length <= LONGEST_PIECE, "the piece {} has {length} bytes, expected {LONGEST_PIECE} at most", quoted(&text));
    ensure!(score.is_finite(), "the score of the piece {} is {score}", quoted(&text));
    Ok(Piece { text, score, kind })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn small() -> ModelProto {
        let piece = |text: &str, score, kind| Piece { text: text.into(), score, kind };
        ModelProto {
            pieces: vec![
                piece("<unk>", 0.0, PieceType::Unknown),
                piece("<s>", 0.0, PieceType::Control),
                piece("▁a", -1.5, PieceType::Normal),
                piece("<0x0A>", 0.0, PieceType::Byte),
                piece("@@", 0.0, PieceType::UserDefined),
                piece("b", -2.25, PieceType::Unused),
            ],
            model_type: ModelType::Bpe,
            byte_fallback: true,
            normaliser: "identity".into(),
            charsmap: vec![1, 2, 3],
            add_dummy_prefix: false,
            remove_extra_whitespaces: true,
        }
    }

    fn refused(bytes: &[u8]) -> String {
        format!("{:#}", ModelProto::from_bytes(bytes).unwrap_err())
    }

    #[test]
    fn what_is_written_reads_back() {
        assert_eq!(ModelProto::from_bytes(&small().to_bytes()).unwrap(), small());
    }

    #[test]
    fn what_a_file_does_not_say_is_as_sentencepiece_has_it() {
        // Nothing but a piece that is nothing but its text.
        let model = ModelProto::from_bytes(b"\x0a\x03\x0a\x01a").unwrap();
        assert_eq!(model.pieces, [Piece { text: "a".into(), score: 0.0, kind: PieceType::Normal }]);
        assert_eq!((model.model_type, model.byte_fallback, model.charsmap.len()), (ModelType::Unigram, false, 0));
        assert!(model.add_dummy_prefix && model.remove_extra_whitespaces);
    }

    #[test]
    fn what_is_not_supported_is_named() {
        let with = |change: fn(&mut messages::ModelProto)| {
            let mut file = small().message();
            change(&mut file);
            refused(&file.encode_to_vec())
        };
        assert!(with(|file| file.trainer_spec.model_type = 3).contains("model_type is WORD"));
        assert!(with(|file| file.trainer_spec.model_type = 4).contains("model_type is CHAR"));
        assert!(with(|file| file.trainer_spec.treat_whitespace_as_suffix = Some(true)).contains("treat_whitespace_as_suffix"));
        assert!(with(|file| file.normalizer_spec.escape_whitespaces = false).contains("escape_whitespaces"));
        assert!(with(|file| file.pieces[2].kind = 9).contains("piece type from 1 to 6, found 9"));
        assert!(with(|file| file.pieces[2].score = f32::NAN).contains("the score of the piece \"▁a\" is NaN"));
        assert!(with(|file| file.pieces[2].piece.clear()).contains("an empty piece"));
        assert!(with(|file| file.pieces.clear()).contains("no pieces"));
        let rules = |file: &mut messages::ModelProto| {
            file.denormalizer_spec = Some(messages::DenormalizerSpec { precompiled_charsmap: b"rules".to_vec() });
        };
        assert!(with(rules).contains("denormalizer_spec"));
    }

    #[test]
    fn what_is_broken_is_named() {
        let whole = small().to_bytes();
        let cut = refused(&whole[..whole.len() - 1]);
        assert!(cut.starts_with("not a SentencePiece model: ") && cut.contains("normalizer_spec"), "{cut}");
        let wrong = refused(b"\x0a\x02\x08\x01");
        assert!(wrong.contains("SentencePiece.piece"), "{wrong}");
        // Groups (wire type 3) within groups, as deep as the file is long.
        let deep = refused(&[0x33; 1 << 20]);
        assert!(deep.contains("recursion limit"), "{deep}");
        // A length of nearly 2^63 bytes.
        let long = refused(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7fa");
        assert!(long.contains("pieces") && long.len() < 200, "{long}");
    }

    #[test]
    fn a_piece_has_the_length_of_a_piece() {
        let mut model = small();
        model.pieces[2].text = "x".repeat(LONGEST_PIECE);
        assert!(ModelProto::from_bytes(&model.to_bytes()).is_ok());
        model.pieces[2].text = "\u{1b}".repeat(1 << 20);
        let error = refused(&model.to_bytes());
        assert!(
            error.contains("has 1048576 bytes, expected 512 at most") && error.len() < 1000 && !error.contains('\u{1b}'),
            "{error}"
        );
    }

    proptest! {
        /// Whatever the bytes, reading ends, and without a panic.
        #[test]
        fn broken_files_are_errors(at in 0usize..100, byte in any::<u8>(), length in 0usize..100) {
            let mut bytes = small().to_bytes();
            bytes[at % 90] = byte;
            let _ = ModelProto::from_bytes(&bytes);
            bytes.truncate(length);
            let _ = ModelProto::from_bytes(&bytes);
        }
    }
}
