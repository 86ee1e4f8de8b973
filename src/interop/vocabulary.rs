//! `vocab.json`, and the order of its ids in the house.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

use crate::input::{plain, quoted, read_text};
use crate::runtime::files::Shown;
use crate::text::special;

/// Largest `vocab.json`: one of a million pieces has less.
const MOST_BYTES: u64 = 64 << 20;

/// Pieces in the order of Marian's ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    pub pieces: Vec<String>,
}

/// For each id of the house Marian's, or none where Marian has no such piece: `<pad>`, `<unk>`, none for `<s>`, `</s>`, then the rest in
/// Marian's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order(pub Vec<Option<usize>>);

/// A vocabulary may list SentencePiece's `<s>`, which is not what begins a target. In the house it goes by another name.
const LISTED_BEGIN: (&str, &str) = ("<s>", "<begin>");

impl Vocabulary {
    /// # Errors
    /// The file is missing or no object of pieces and ids, or the ids have gaps.
    pub fn read(path: &Path) -> Result<Self> {
        let text = read_text(path, "the vocabulary", MOST_BYTES)?;
        let broken = || format!("{}: expected an object of pieces and their ids", path.shown());
        let Value::Object(entries) = serde_json::from_str(&text).with_context(broken)? else { bail!("{}", broken()) };
        let mut pieces = vec![None; entries.len()];
        for (piece, id) in entries {
            match id.as_u64().and_then(|id| pieces.get_mut(id as usize)) {
                Some(place @ None) => *place = Some(piece),
                Some(Some(other)) => bail!("{}: {} and {} have the same id {id}", path.shown(), quoted(&piece), quoted(other)),
                None => {
                    bail!(
                        "{}: {} has id {}, expected ids from 0 to {} without gaps",
                        path.shown(),
                        quoted(&piece),
                        plain(&id.to_string()),
                        pieces.len() - 1
                    )
                }
            }
        }
        Ok(Vocabulary { pieces: pieces.into_iter().flatten().collect() })
    }

    pub fn id(&self, piece: &str) -> Option<usize> {
        self.pieces.iter().position(|other| other == piece)
    }

    pub fn order(&self) -> Order {
        let special = special::SPELLINGS.map(|piece| if piece == LISTED_BEGIN.0 { None } else { self.id(piece) });
        let rest = self.rest().map(|(id, _)| Some(id));
        Order(special.into_iter().chain(rest).collect())
    }

    /// The pieces of the house from id 4 on.
    pub fn ordinary(&self) -> Vec<String> {
        let spelled = |piece: &String| if piece == LISTED_BEGIN.0 { LISTED_BEGIN.1.to_owned() } else { piece.clone() };
        self.rest().map(|(_, piece)| spelled(piece)).collect()
    }

    /// What has no fixed place in the house.
    fn rest(&self) -> impl Iterator<Item = (usize, &String)> {
        self.pieces.iter().enumerate().filter(|(_, piece)| !["<pad>", "<unk>", "</s>"].contains(&piece.as_str()))
    }

    /// Marian's vocabulary of a tokenizer's pieces: `</s>`, `<unk>`, the rest in their order, `<pad>`. Two vocabularies of one model need
    /// one id for their padding: then it comes before the rest.
    pub fn of_house(pieces: &[String], pad_last: bool) -> Self {
        let spelled = |piece: &String| if piece == LISTED_BEGIN.1 { LISTED_BEGIN.0.to_owned() } else { piece.clone() };
        let rest = pieces.iter().skip(special::SPELLINGS.len()).map(spelled);
        let pad = |here: bool| here.then(|| "<pad>".to_owned());
        let first = ["</s>", "<unk>"].map(String::from).into_iter();
        Vocabulary { pieces: first.chain(pad(!pad_last)).chain(rest).chain(pad(pad_last)).collect() }
    }

    /// Codes of the languages that a line can be tagged with: `fra` for `>>fra<<`.
    pub fn languages(&self) -> Vec<&str> {
        let tags = self.pieces.iter().filter_map(|piece| piece.strip_prefix(">>")?.strip_suffix("<<"));
        tags.filter(|code| !code.is_empty()).collect()
    }
}

impl Order {
    /// Rows of a tensor with one for each of Marian's pieces, in the house's order; where Marian has none the row is `filler`.
    pub fn rows(&self, tensor: &Tensor, filler: f64) -> Tensor {
        let last = tensor.size()[0];
        let mut size = tensor.size();
        size[0] = 1;
        let extended = Tensor::cat(&[tensor, &Tensor::full(&size, filler, (Kind::Float, Device::Cpu))], 0);
        let rows: Vec<i64> = self.0.iter().map(|id| id.map_or(last, |id| id as i64)).collect();
        extended.index_select(0, &Tensor::from_slice(&rows))
    }

    /// The inverse: for each of Marian's ids the house's.
    pub fn inverse(&self) -> Vec<i64> {
        let mut of: Vec<(usize, i64)> = self.0.iter().zip(0..).filter_map(|(&theirs, ours)| Some((theirs?, ours))).collect();
        of.sort_unstable();
        of.into_iter().map(|(_, ours)| ours).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_the_houses_and_its_inverse_is_marians() {
        let pieces = ["</s>", "<unk>", "▁a", ">>fra<<", "b", "<pad>"].map(String::from).to_vec();
        let vocabulary = Vocabulary { pieces };
        let order = vocabulary.order();
        assert_eq!(order.0, [Some(5), Some(1), None, Some(0), Some(2), Some(3), Some(4)]);
        assert_eq!(vocabulary.ordinary(), ["▁a", ">>fra<<", "b"]);
        assert_eq!(vocabulary.languages(), ["fra"]);
        let tensor = Tensor::from_slice(&[0.0f32, 1.0, 2.0, 3.0, 4.0, 5.0]);
        let rows = order.rows(&tensor, -1e9);
        assert_eq!(Vec::<f32>::try_from(&rows).unwrap(), [5.0, 1.0, -1e9, 0.0, 2.0, 3.0, 4.0]);
        assert_eq!(Vocabulary::of_house(&house(&vocabulary), true), vocabulary);
        let back = rows.index_select(0, &Tensor::from_slice(&order.inverse()));
        assert!(back.equal(&tensor));
    }

    fn house(vocabulary: &Vocabulary) -> Vec<String> {
        special::SPELLINGS.into_iter().map(String::from).chain(vocabulary.ordinary()).collect()
    }

    #[test]
    fn a_listed_begin_keeps_its_row_under_another_name() {
        let vocabulary = Vocabulary { pieces: ["</s>", "<unk>", "<s>", "a", "<pad>"].map(String::from).to_vec() };
        assert_eq!(vocabulary.order().0, [Some(4), Some(1), None, Some(0), Some(2), Some(3)]);
        assert_eq!(vocabulary.ordinary(), ["<begin>", "a"]);
        assert_eq!(Vocabulary::of_house(&house(&vocabulary), true), vocabulary);
    }

    #[test]
    fn gaps_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vocab.json");
        let error = |text: &str| {
            std::fs::write(&path, text).unwrap();
            format!("{:#}", Vocabulary::read(&path).unwrap_err())
        };
        assert!(error(r#"{"a": 0, "b": 2}"#).contains("\"b\" has id 2, expected ids from 0 to 1"));
        assert!(error(r#"{"a": 0, "b": 0}"#).contains("same id 0"));
        assert!(error(r#"{"a": "x"}"#).contains("expected ids"));
        assert!(error("[]").contains("expected an object"));
        assert!(error("{").contains("vocab.json"));
    }
}
