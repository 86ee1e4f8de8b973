//! Marian models from `transformers` (tests/fixtures/reference/marian.py): read, run, written again.

mod bad_input;
mod commands;
mod parity;
mod trained;

use std::path::{Path, PathBuf};

use serde_json::Value;
use targum::interop::import;
use targum::text::Tokenizer;
use targum::translator::Translator;
use tch::Device;

/// Each folder, and the language it is read for.
pub const MODELS: [(&str, Option<&str>); 3] = [("shared", Some("fra")), ("separate", None), ("old", None)];

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/marian").join(name)
}

pub fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).unwrap()
}

/// A fixture imported into a folder, and loaded from there.
pub fn imported(name: &str, to: Option<&str>, out: &Path) -> Translator {
    import(&fixture(name), to).unwrap().save(out).unwrap();
    Translator::load(out, Device::Cpu).unwrap()
}

/// Marian's ids of a house's.
pub fn marian_ids(tokenizer: &Tokenizer, ids: impl IntoIterator<Item = u32>, vocabulary: &Value) -> Vec<i64> {
    ids.into_iter().map(|id| vocabulary[tokenizer.piece(id)].as_i64().expect("a piece of Marian's vocabulary")).collect()
}
