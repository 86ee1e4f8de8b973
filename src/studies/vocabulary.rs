//! The words of the training files, and their ids.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::text::special::{SPELLINGS, UNK};

/// Words in order; the special tokens come before them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Vocabulary {
    words: Vec<String>,
}

/// The id of the first word.
pub const FIRST_WORD: i64 = SPELLINGS.len() as i64;

impl Vocabulary {
    pub fn new<'a>(words: impl Iterator<Item = &'a str>) -> Self {
        let words: BTreeSet<&str> = words.collect();
        Vocabulary { words: words.into_iter().map(str::to_owned).collect() }
    }

    /// How many ids there are, special tokens included.
    pub fn len(&self) -> i64 {
        FIRST_WORD + self.words.len() as i64
    }

    /// The id of a word, or that of unknown ones.
    pub fn id(&self, word: &str) -> i64 {
        match self.words.binary_search_by(|other| other.as_str().cmp(word)) {
            Ok(place) => FIRST_WORD + place as i64,
            Err(_) => i64::from(UNK),
        }
    }

    /// The word of an id.
    pub fn word(&self, id: i64) -> &str {
        match usize::try_from(id - FIRST_WORD) {
            Ok(place) => &self.words[place],
            Err(_) => SPELLINGS[id as usize],
        }
    }
}
