//! The `model` of a `tokenizer.json`.

use serde_json::{Value, json};

use super::special;

/// Byte pairs. `fuse_unknown` makes one token of unknown characters that stand together.
pub(super) fn byte_pair(vocabulary: Value, merges: Value, byte_fallback: bool, fuse_unknown: bool) -> Value {
    json!({
        "type": "BPE",
        "dropout": null,
        "unk_token": special::SPELLINGS[special::UNK as usize],
        "continuing_subword_prefix": null,
        "end_of_word_suffix": null,
        "fuse_unk": fuse_unknown,
        "byte_fallback": byte_fallback,
        "ignore_merges": false,
        "vocab": vocabulary,
        "merges": merges,
    })
}
