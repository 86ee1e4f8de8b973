//! Names as patterns of signs.

use anyhow::{Result, ensure};
use tch::Tensor;

use crate::memory::hopfield::Patterns;

/// Signs of a character: enough that many of them may be wrong.
const LENGTH: usize = 32;
/// Most characters of a name.
const MOST: usize = 16;
/// Every character has a code word of its own: a row of the Hadamard matrix of order 32, so that no two have anything in common. The blank fills names
/// that are shorter than the longest.
const ALPHABET: &[u8; LENGTH] = b" abcdefghijklmnopqrstuvwxyz-'.?_";

/// Writes names of at most so many characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameCode {
    characters: usize,
}

/// Whether the two numbers have an odd count of bits in common: -1 in the Hadamard matrix of Sylvester.
fn sign(row: usize, column: usize) -> f64 {
    if (row & column).count_ones().is_multiple_of(2) { 1.0 } else { -1.0 }
}

impl NameCode {
    /// A code for these names.
    ///
    /// # Errors
    /// A name that is too long, or has other characters than letters, blanks, `-`, `'`, `.`, `?` and `_`.
    pub fn new(names: &[String]) -> Result<Self> {
        let characters = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(1);
        let code = NameCode { characters };
        names.iter().try_for_each(|name| code.signs(name).map(drop))?;
        ensure!(characters <= MOST, "a name has {characters} characters, expected at most {MOST}");
        Ok(code)
    }

    /// M.
    pub fn units(self) -> usize {
        self.characters * LENGTH
    }

    /// Signs of a name [M]; what is a capital is written small.
    ///
    /// # Errors
    /// As [`NameCode::new`].
    pub fn signs(self, name: &str) -> Result<Vec<f64>> {
        let letters: Vec<char> = name.to_lowercase().chars().collect();
        ensure!(
            letters.len() <= self.characters,
            "the name {name:?} has {} characters, but this memory holds names of at most {}",
            letters.len(),
            self.characters
        );
        let mut signs = Vec::new();
        for place in 0..self.characters {
            let letter = letters.get(place).copied().unwrap_or(' ');
            let row = ALPHABET.iter().position(|&known| char::from(known) == letter);
            let Some(row) = row else {
                anyhow::bail!("the name {name:?} has {letter:?} in it, expected letters from a to z, blanks, and - ' . ? _")
            };
            // The place is mixed in, or the first column of all code words would be the same.
            signs.extend((0..LENGTH).map(|column| sign(row, column) * sign(place + 1, column)));
        }
        Ok(signs)
    }

    /// Patterns of names [P, M].
    ///
    /// # Errors
    /// As [`NameCode::new`].
    pub fn patterns(self, names: &[String]) -> Result<Patterns> {
        let mut signs = Vec::new();
        for name in names {
            signs.extend(self.signs(name)?);
        }
        Patterns::new(&Tensor::from_slice(&signs).reshape([names.len() as i64, self.units() as i64]))
    }

    /// The name that signs [M] are nearest to, character by character.
    pub fn name(self, signs: &[f64]) -> String {
        let letters = signs.chunks(LENGTH).enumerate().map(|(place, word)| {
            let likeness =
                |row: usize| (0..LENGTH).map(|column| word[column] * sign(row, column) * sign(place + 1, column)).sum::<f64>();
            let best = (0..LENGTH).max_by(|&a, &b| likeness(a).total_cmp(&likeness(b))).unwrap_or(0);
            char::from(ALPHABET[best])
        });
        letters.collect::<String>().trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_through_many_wrong_signs() {
        let names = ["Ada", "Jean-Luc"].map(str::to_owned);
        let code = NameCode::new(&names).unwrap();
        assert_eq!(code.units(), 8 * 32);
        for name in &names {
            let mut signs = code.signs(name).unwrap();
            // Seven of the 32 signs of each letter: fewer than half of the sixteen that two code words differ in.
            signs
                .iter_mut()
                .enumerate()
                .filter(|(place, _)| place % 32 < 28 && place % 4 == 1)
                .for_each(|(_, sign)| *sign = -*sign);
            assert_eq!(code.name(&signs), name.to_lowercase());
        }
        assert!(
            code.signs("Maximiliane")
                .unwrap_err()
                .to_string()
                .contains("has 11 characters, but this memory holds names of at most 8")
        );
        assert!(NameCode::new(&["Åsa".to_owned()]).unwrap_err().to_string().contains("has 'å' in it"));
    }
}
