//! The fields of `sentencepiece_model.proto` that cutting text needs, read from and written to its wire format
//! (protobuf.dev/programming-guides/encoding). Fields that are not named here are skipped.

use anyhow::{Context, Result, bail, ensure};

use crate::input::quoted;

/// Most bytes of a piece, which has 16 characters unless SentencePiece is told otherwise. Ways to part one are as many as it is long.
const LONGEST_PIECE: usize = 512;

/// What a piece is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceType {
    Normal,
    /// Stands for what the vocabulary lacks; there is one.
    Unknown,
    /// `<s>`, `</s>`: never in text.
    Control,
    /// Taken whole wherever it stands in the text.
    UserDefined,
    /// In the vocabulary but not used.
    Unused,
    /// One byte of a character that the vocabulary lacks.
    Byte,
}

impl PieceType {
    const NUMBERS: [(PieceType, u64); 6] = [
        (PieceType::Normal, 1),
        (PieceType::Unknown, 2),
        (PieceType::Control, 3),
        (PieceType::UserDefined, 4),
        (PieceType::Unused, 5),
        (PieceType::Byte, 6),
    ];

    fn of(number: u64) -> Result<Self> {
        let found = Self::NUMBERS.iter().find(|entry| entry.1 == number);
        Ok(found.with_context(|| format!("expected a piece type from 1 to 6, found {number}"))?.0)
    }

    fn number(self) -> u64 {
        Self::NUMBERS.iter().find(|entry| entry.0 == self).map_or(1, |entry| entry.1)
    }
}

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
    Unigram,
    Bpe,
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
        let mut model = ModelProto {
            pieces: Vec::new(),
            model_type: ModelType::Unigram,
            byte_fallback: false,
            normaliser: String::new(),
            charsmap: Vec::new(),
            add_dummy_prefix: true,
            remove_extra_whitespaces: true,
        };
        each_field(bytes, |number, field| {
            match (number, field) {
                (1, Field::Bytes(piece)) => model.pieces.push(read_piece(piece)?),
                (2, Field::Bytes(trainer)) => model.read_trainer(trainer)?,
                (3, Field::Bytes(normaliser)) => model.read_normaliser(normaliser)?,
                (5, Field::Bytes(denormaliser)) => each_field(denormaliser, |number, field| {
                    ensure!(
                        number != 2 || field.bytes()?.is_empty(),
                        "it changes decoded text by a denormalizer_spec, which is not supported"
                    );
                    Ok(())
                })?,
                _ => {}
            }
            Ok(())
        })
        .context("not a SentencePiece model")?;
        ensure!(!model.pieces.is_empty(), "not a SentencePiece model: it has no pieces");
        Ok(model)
    }

    fn read_trainer(&mut self, bytes: &[u8]) -> Result<()> {
        each_field(bytes, |number, field| {
            match number {
                3 => {
                    self.model_type = match field.number()? {
                        1 => ModelType::Unigram,
                        2 => ModelType::Bpe,
                        3 => bail!("its model_type is WORD; supported are UNIGRAM and BPE"),
                        4 => bail!("its model_type is CHAR; supported are UNIGRAM and BPE"),
                        other => bail!("its model_type is {other}; supported are UNIGRAM (1) and BPE (2)"),
                    }
                }
                24 => ensure!(field.number()? == 0, "it has treat_whitespace_as_suffix, which is not supported"),
                35 => self.byte_fallback = field.number()? != 0,
                _ => {}
            }
            Ok(())
        })
    }

    fn read_normaliser(&mut self, bytes: &[u8]) -> Result<()> {
        each_field(bytes, |number, field| {
            match number {
                1 => self.normaliser = field.text()?,
                2 => self.charsmap = field.bytes()?.to_vec(),
                3 => self.add_dummy_prefix = field.number()? != 0,
                4 => self.remove_extra_whitespaces = field.number()? != 0,
                5 => ensure!(field.number()? != 0, "it has escape_whitespaces = false, which is not supported"),
                _ => {}
            }
            Ok(())
        })
    }

    /// The contents of a `.spm` file that SentencePiece reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut file = Writer::default();
        for piece in &self.pieces {
            let mut entry = Writer::default();
            entry.bytes(1, piece.text.as_bytes());
            entry.float(2, piece.score);
            entry.number(3, piece.kind.number());
            file.bytes(1, &entry.0);
        }
        let mut trainer = Writer::default();
        trainer.number(3, if self.model_type == ModelType::Bpe { 2 } else { 1 });
        trainer.number(4, self.pieces.len() as u64);
        trainer.number(35, u64::from(self.byte_fallback));
        for (field, piece) in [(40, "<unk>"), (41, "<s>"), (42, "</s>"), (43, "<pad>")] {
            // -1 for a piece that is not there; protobuf writes a negative int32 as 64 bits.
            let id = self.pieces.iter().position(|other| other.text == piece).map_or(u64::MAX, |id| id as u64);
            trainer.number(field, id);
        }
        file.bytes(2, &trainer.0);
        let mut normaliser = Writer::default();
        normaliser.bytes(1, self.normaliser.as_bytes());
        normaliser.bytes(2, &self.charsmap);
        normaliser.number(3, u64::from(self.add_dummy_prefix));
        normaliser.number(4, u64::from(self.remove_extra_whitespaces));
        normaliser.number(5, 1);
        file.bytes(3, &normaliser.0);
        file.0
    }
}

fn read_piece(bytes: &[u8]) -> Result<Piece> {
    let mut piece = Piece { text: String::new(), score: 0.0, kind: PieceType::Normal };
    each_field(bytes, |number, field| {
        match number {
            1 => piece.text = field.text()?,
            2 => piece.score = field.float()?,
            3 => piece.kind = PieceType::of(field.number()?)?,
            _ => {}
        }
        Ok(())
    })?;
    ensure!(!piece.text.is_empty(), "it has an empty piece");
    ensure!(
        piece.text.len() <= LONGEST_PIECE,
        "the piece {} has {} bytes, expected {LONGEST_PIECE} at most",
        quoted(&piece.text),
        piece.text.len()
    );
    ensure!(piece.score.is_finite(), "the score of the piece {} is {}", quoted(&piece.text), piece.score);
    Ok(piece)
}

/// The value of a field on the wire.
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Float(f32),
    /// 64 bits: nothing here uses them.
    Other,
}

impl<'a> Field<'a> {
    fn number(&self) -> Result<u64> {
        if let Field::Number(number) = self { Ok(*number) } else { bail!("a field has another type than it should") }
    }

    fn bytes(&self) -> Result<&'a [u8]> {
        if let Field::Bytes(bytes) = self { Ok(bytes) } else { bail!("a field has another type than it should") }
    }

    fn float(&self) -> Result<f32> {
        if let Field::Float(float) = self { Ok(*float) } else { bail!("a field has another type than it should") }
    }

    fn text(&self) -> Result<String> {
        Ok(std::str::from_utf8(self.bytes()?).context("a string is no UTF-8")?.to_owned())
    }
}

fn each_field<'a>(mut bytes: &'a [u8], mut visit: impl FnMut(u64, Field<'a>) -> Result<()>) -> Result<()> {
    while !bytes.is_empty() {
        let tag = variable(&mut bytes)?;
        let field = match tag & 7 {
            0 => Field::Number(variable(&mut bytes)?),
            1 => {
                take(&mut bytes, 8)?;
                Field::Other
            }
            2 => {
                let length = usize::try_from(variable(&mut bytes)?)?;
                Field::Bytes(take(&mut bytes, length)?)
            }
            5 => Field::Float(f32::from_le_bytes(take(&mut bytes, 4)?.try_into()?)),
            other => bail!("found wire type {other}, expected 0, 1, 2 or 5"),
        };
        visit(tag >> 3, field)?;
    }
    Ok(())
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8]> {
    ensure!(length <= bytes.len(), "it is cut off: {length} bytes expected, {} left", bytes.len());
    let (taken, rest) = bytes.split_at(length);
    *bytes = rest;
    Ok(taken)
}

fn variable(bytes: &mut &[u8]) -> Result<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    bail!("a number has more than 64 bits")
}

#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn variable(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn number(&mut self, field: u64, value: u64) {
        self.variable(field << 3);
        self.variable(value);
    }

    fn float(&mut self, field: u64, value: f32) {
        self.variable(field << 3 | 5);
        self.0.extend(value.to_le_bytes());
    }

    fn bytes(&mut self, field: u64, value: &[u8]) {
        self.variable(field << 3 | 2);
        self.variable(value.len() as u64);
        self.0.extend(value);
    }
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

    #[test]
    fn what_is_written_reads_back() {
        assert_eq!(ModelProto::from_bytes(&small().to_bytes()).unwrap(), small());
    }

    #[test]
    fn what_is_not_supported_is_named() {
        let with = |field: u64, inner: &[(u64, u64)]| {
            let mut message = Writer::default();
            inner.iter().for_each(|&(field, value)| message.number(field, value));
            let mut file = Writer(small().to_bytes());
            file.bytes(field, &message.0);
            format!("{:#}", ModelProto::from_bytes(&file.0).unwrap_err())
        };
        assert!(with(2, &[(3, 3)]).contains("model_type is WORD"));
        assert!(with(2, &[(3, 4)]).contains("model_type is CHAR"));
        assert!(with(2, &[(24, 1)]).contains("treat_whitespace_as_suffix"));
        assert!(with(3, &[(5, 0)]).contains("escape_whitespaces"));
        assert!(with(1, &[(3, 9)]).contains("piece type from 1 to 6, found 9"));
        let mut denormaliser = Writer::default();
        denormaliser.bytes(2, b"rules");
        let mut file = Writer(small().to_bytes());
        file.bytes(5, &denormaliser.0);
        assert!(format!("{:#}", ModelProto::from_bytes(&file.0).unwrap_err()).contains("denormalizer_spec"));
    }

    #[test]
    fn a_piece_has_the_length_of_a_piece() {
        let mut model = small();
        model.pieces[2].text = "x".repeat(LONGEST_PIECE);
        assert!(ModelProto::from_bytes(&model.to_bytes()).is_ok());
        model.pieces[2].text = "\u{1b}".repeat(1 << 20);
        let error = format!("{:#}", ModelProto::from_bytes(&model.to_bytes()).unwrap_err());
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
