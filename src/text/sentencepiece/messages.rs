//! The messages of `sentencepiece_model.proto`, as far as Targum reads and writes them. Other fields are skipped.

/// What is `required` here is `optional` there: it has a default when reading, and is always written.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ModelProto {
    #[prost(message, repeated, tag = "1")]
    pub pieces: Vec<SentencePiece>,
    #[prost(message, required, tag = "2")]
    pub trainer_spec: TrainerSpec,
    #[prost(message, required, tag = "3")]
    pub normalizer_spec: NormalizerSpec,
    #[prost(message, optional, tag = "5")]
    pub denormalizer_spec: Option<DenormalizerSpec>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct SentencePiece {
    #[prost(string, required, tag = "1")]
    pub piece: String,
    #[prost(float, required, tag = "2")]
    pub score: f32,
    #[prost(enumeration = "PieceType", required, tag = "3", default = "Normal")]
    pub kind: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct TrainerSpec {
    #[prost(int32, required, tag = "3", default = "1")]
    pub model_type: i32,
    #[prost(int32, required, tag = "4", default = "8000")]
    pub vocab_size: i32,
    #[prost(bool, optional, tag = "24")]
    pub treat_whitespace_as_suffix: Option<bool>,
    #[prost(bool, required, tag = "35")]
    pub byte_fallback: bool,
    /// The ids of `<unk>`, `<s>`, `</s>` and `<pad>`; -1 for a piece that is not there.
    #[prost(int32, required, tag = "40")]
    pub unk_id: i32,
    #[prost(int32, required, tag = "41", default = "1")]
    pub bos_id: i32,
    #[prost(int32, required, tag = "42", default = "2")]
    pub eos_id: i32,
    #[prost(int32, required, tag = "43", default = "-1")]
    pub pad_id: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct NormalizerSpec {
    #[prost(string, required, tag = "1")]
    pub name: String,
    #[prost(bytes = "vec", required, tag = "2")]
    pub precompiled_charsmap: Vec<u8>,
    #[prost(bool, required, tag = "3", default = "true")]
    pub add_dummy_prefix: bool,
    #[prost(bool, required, tag = "4", default = "true")]
    pub remove_extra_whitespaces: bool,
    #[prost(bool, required, tag = "5", default = "true")]
    pub escape_whitespaces: bool,
}

/// A `NormalizerSpec` too, most of which has nothing to say here.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DenormalizerSpec {
    #[prost(bytes = "vec", required, tag = "2")]
    pub precompiled_charsmap: Vec<u8>,
}

/// What a piece is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum PieceType {
    Normal = 1,
    /// Stands for what the vocabulary lacks; there is one.
    Unknown = 2,
    /// `<s>`, `</s>`: never in text.
    Control = 3,
    /// Taken whole wherever it stands in the text.
    UserDefined = 4,
    /// In the vocabulary but not used.
    Unused = 5,
    /// One byte of a character that the vocabulary lacks.
    Byte = 6,
}
