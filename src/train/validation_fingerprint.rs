//! What validation scores depend on beside the model: only scores of the same fingerprint can be compared.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The SHA-256 of each part, by its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ValidationFingerprint(BTreeMap<String, String>);

impl ValidationFingerprint {
    /// With one more part, called as people are to read it: "validation text".
    pub fn with<S: AsRef<[u8]>>(mut self, name: &str, pieces: impl IntoIterator<Item = S>) -> Self {
        let digest = pieces.into_iter().fold(Sha256::new(), |digest, piece| {
            // The length keeps ("ab", "c") and ("a", "bc") apart.
            let piece = piece.as_ref();
            digest.chain_update((piece.len() as u64).to_le_bytes()).chain_update(piece)
        });
        self.0.insert(name.to_owned(), digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        self
    }

    /// That of a study whose data its recipe makes.
    pub fn of_recipe(recipe: &impl Serialize) -> Self {
        // It was read from TOML a moment ago.
        let text = serde_json::to_string(recipe).expect("a recipe has a form in JSON");
        ValidationFingerprint::default().with("task of the recipe", [text])
    }

    /// Whether nothing is known of it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The parts in which they differ; none where nothing is known of either.
    pub fn differences<'a>(&'a self, other: &'a Self) -> Vec<&'a str> {
        if self.is_empty() || other.is_empty() {
            return Vec::new();
        }
        let names: std::collections::BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        names.into_iter().filter(|&name| self.0.get(name) != other.0.get(name)).map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_differ_where_a_part_does() {
        let of = |text: &[&str], count: &str| ValidationFingerprint::default().with("text", text).with("count", [count]);
        let one = of(&["ab", "c"], "2");
        assert!(one.differences(&of(&["ab", "c"], "2")).is_empty());
        assert_eq!(one.differences(&of(&["a", "bc"], "2")), ["text"]);
        assert_eq!(one.differences(&of(&["ab"], "1")), ["count", "text"]);
        assert_eq!(one.differences(&of(&["ab", "c"], "2").with("search", ["x"])), ["search"]);
        assert!(one.differences(&ValidationFingerprint::default()).is_empty(), "nothing is known of older checkpoints");
        let text = serde_json::to_string(&one).unwrap();
        assert_eq!(serde_json::from_str::<ValidationFingerprint>(&text).unwrap(), one);
    }
}
