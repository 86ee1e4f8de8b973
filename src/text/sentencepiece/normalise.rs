//! Text as a SentencePiece model sees it, with the raw bytes behind every normalised byte (Kudo and Richardson, 2018, sections 3.2 and 3.4).

use anyhow::{Result, ensure};

use super::messages::PieceType;
use super::proto::ModelProto;
use crate::text::pipeline::MARK;

/// Most bytes of either side of a rule. The longest of Unicode's own compatibility forms has 33.
const LONGEST_RULE: usize = 128;

/// A line after normalisation; spaces are [`MARK`]s.
#[derive(Debug, Default, PartialEq)]
pub struct Normalised {
    pub text: String,
    /// For every byte of `text` the raw bytes that became it, or became it and its neighbours.
    pub origin: Vec<(usize, usize)>,
}

/// The `NormalizerSpec` of a model.
pub struct Normaliser {
    /// A double array over bytes, as Darts-clone lays it out.
    units: Vec<u32>,
    /// What the values of the double array point into: texts that each end with a zero byte.
    replacements: String,
    /// Longest first: these are left as they are.
    user_defined: Vec<String>,
    add_dummy_prefix: bool,
    remove_extra_whitespaces: bool,
}

impl Normaliser {
    /// # Errors
    /// The compiled rules are cut off or no UTF-8.
    pub fn new(model: &ModelProto) -> Result<Self> {
        let (units, replacements) = if model.charsmap.is_empty() { (Vec::new(), "") } else { charsmap(&model.charsmap)? };
        let user_defined = model.pieces.iter().filter(|piece| piece.kind == PieceType::UserDefined);
        let mut user_defined: Vec<String> = user_defined.map(|piece| piece.text.clone()).collect();
        user_defined.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
        Ok(Self {
            units,
            replacements: replacements.to_owned(),
            user_defined,
            add_dummy_prefix: model.add_dummy_prefix,
            remove_extra_whitespaces: model.remove_extra_whitespaces,
        })
    }

    pub fn normalise(&self, line: &str) -> Normalised {
        let mut normalised = Normalised::default();
        let mut at = 0;
        if self.remove_extra_whitespaces {
            while at < line.len() {
                let (replacement, length) = self.next(&line[at..]);
                if replacement != " " {
                    break;
                }
                at += length;
            }
        }
        if at == line.len() {
            return normalised;
        }
        if self.add_dummy_prefix {
            normalised.push(MARK, (at, at));
        }
        let mut after_space = self.remove_extra_whitespaces;
        while at < line.len() {
            let (mut replacement, length) = self.next(&line[at..]);
            if after_space {
                replacement = replacement.trim_start_matches(' ');
            }
            for character in replacement.chars() {
                normalised.push(if character == ' ' { MARK } else { character }, (at, at + length));
            }
            if !replacement.is_empty() {
                after_space = self.remove_extra_whitespaces && replacement.ends_with(' ');
            }
            at += length;
        }
        if self.remove_extra_whitespaces {
            let kept = normalised.text.trim_end_matches(MARK).len();
            normalised.text.truncate(kept);
            normalised.origin.truncate(kept);
        }
        normalised
    }

    /// What the start of a text that is not empty becomes, and how many bytes of it that takes: the longest rule that fits, or one
    /// character as it is.
    fn next<'a>(&'a self, text: &'a str) -> (&'a str, usize) {
        if let Some(length) = self.user_defined(text) {
            return (&text[..length], length);
        }
        match self.rule(text.as_bytes()) {
            // A rule that ends inside a character is none that SentencePiece compiles.
            Some((length, replacement)) if text.is_char_boundary(length) => (replacement, length),
            _ => {
                let length = text.chars().next().map_or(0, char::len_utf8);
                (&text[..length], length)
            }
        }
    }

    /// Length of the longest user-defined piece at the start of the text.
    pub fn user_defined(&self, text: &str) -> Option<usize> {
        self.user_defined.iter().find(|piece| text.starts_with(piece.as_str())).map(String::len)
    }

    /// The longest rule at the start of the bytes: its length and what it puts there.
    fn rule(&self, bytes: &[u8]) -> Option<(usize, &str)> {
        let offset = |unit: u32| (unit >> 10) << ((unit & (1 << 9)) >> 6);
        let mut position = offset(*self.units.first()?);
        let mut longest = None;
        // The array of a broken file may lead round and round.
        for (index, &byte) in bytes.iter().enumerate().take(LONGEST_RULE) {
            position ^= u32::from(byte);
            let Some(&unit) = self.units.get(position as usize) else { break };
            if unit & (1 << 31 | 0xff) != u32::from(byte) {
                break;
            }
            position ^= offset(unit);
            if (unit >> 8) & 1 == 1 {
                let value = self.units.get(position as usize).map(|leaf| (leaf & !(1 << 31)) as usize);
                if let Some(replacement) = value.and_then(|start| self.replacements.get(start..)) {
                    longest = Some((index + 1, replacement.split('\0').next().unwrap_or_default()));
                }
            }
        }
        longest
    }
}

impl Normalised {
    fn push(&mut self, character: char, origin: (usize, usize)) {
        self.text.push(character);
        self.origin.resize(self.text.len(), origin);
    }
}

/// `precompiled_charsmap`: the size of the double array in bytes, the double array, the replacements.
fn charsmap(bytes: &[u8]) -> Result<(Vec<u32>, &str)> {
    let broken = "its precompiled_charsmap is broken";
    let (size, rest) = bytes.split_first_chunk::<4>().ok_or_else(|| anyhow::anyhow!(broken))?;
    let size = u32::from_le_bytes(*size) as usize;
    ensure!(size < rest.len() && size.is_multiple_of(4), "{broken}: a double array of {size} bytes in {}", rest.len());
    let (array, replacements) = rest.split_at(size);
    let units = array.chunks_exact(4).map(|unit| u32::from_le_bytes([unit[0], unit[1], unit[2], unit[3]])).collect();
    let replacements = std::str::from_utf8(replacements).map_err(|error| anyhow::anyhow!("{broken}: {error}"))?;
    ensure!(
        replacements.split('\0').all(|text| text.len() <= LONGEST_RULE),
        "{broken}: a character becomes more than {LONGEST_RULE} bytes"
    );
    Ok((units, replacements))
}

#[cfg(test)]
mod tests {
    use super::super::proto::ModelType;
    use super::*;

    fn model(units: &[u32], replacements: &str) -> ModelProto {
        let size = (units.len() as u32 * 4).to_le_bytes();
        let array = units.iter().flat_map(|unit| unit.to_le_bytes());
        ModelProto {
            pieces: Vec::new(),
            model_type: ModelType::Unigram,
            byte_fallback: false,
            normaliser: String::new(),
            charsmap: size.into_iter().chain(array).chain(replacements.bytes()).collect(),
            add_dummy_prefix: true,
            remove_extra_whitespaces: true,
        }
    }

    #[test]
    fn an_array_that_leads_round_and_round_costs_no_more_than_a_rule() {
        // Every place is reached by the byte `a` and leads back to where `a` goes.
        let mut units = vec![u32::from(b'a'); 256];
        units[usize::from(b'a')] = u32::from(b'a') << 10 | u32::from(b'a');
        let normaliser = Normaliser::new(&model(&units, "x\0")).unwrap();
        // A million steps for each of a million characters otherwise.
        assert!(normaliser.normalise(&"a".repeat(1 << 20)).text.len() > 1 << 20);
    }

    #[test]
    fn a_character_does_not_become_a_book() {
        let error = Normaliser::new(&model(&[0; 256], &format!("{}\0", "x".repeat(1 << 20)))).err().unwrap().to_string();
        assert!(error.contains("a character becomes more than 128 bytes"), "{error}");
    }
}
