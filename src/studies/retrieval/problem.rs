//! The sequences, generated or given: pairs of a letter and a digit, two question marks, and a letter.

use anyhow::{Result, bail, ensure};

use crate::studies::random::RandomGenerator;

/// Letters, digits, and the question mark.
pub const VOCABULARY: i64 = 37;
const LETTERS: usize = 26;
const QUESTION: i64 = 36;

/// What is read, and the digit that is asked for, as ids: `c9k8j3f1??c` and 9.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retrieval {
    pub inputs: Vec<i64>,
    pub answer: i64,
}

/// `pairs` of different letters with any digits, one of them asked for.
pub fn draw(pairs: usize, random: &mut RandomGenerator) -> Retrieval {
    let mut letters: Vec<i64> = (0..LETTERS as i64).collect();
    random.shuffle(&mut letters);
    let pairs: Vec<(i64, i64)> =
        letters[..pairs].iter().map(|&letter| (letter, (LETTERS + random.between(0, 9)) as i64)).collect();
    let &(letter, answer) = random.pick(&pairs);
    asked(&pairs, letter, answer)
}

fn asked(pairs: &[(i64, i64)], letter: i64, answer: i64) -> Retrieval {
    let mut inputs: Vec<i64> = pairs.iter().flat_map(|&(letter, digit)| [letter, digit]).collect();
    inputs.extend([QUESTION, QUESTION, letter]);
    Retrieval { inputs, answer }
}

impl Retrieval {
    /// `c9k8j3f1??c`.
    ///
    /// # Errors
    /// Names what is no pair, a letter that comes twice, or one that is asked for and was never there.
    pub fn of_text(text: &str) -> Result<Self> {
        let shape = "expected pairs of a small letter and a digit, two question marks, and one of the letters: c9k8j3f1??c";
        let Some((told, question)) = text.trim().split_once("??") else { bail!("{text:?} asks nothing; {shape}") };
        let characters: Vec<char> = told.chars().collect();
        ensure!(!characters.is_empty() && characters.len().is_multiple_of(2), "{told:?} are no pairs; {shape}");
        let mut pairs: Vec<(i64, i64)> = Vec::new();
        for pair in characters.chunks(2) {
            let (Some(letter), Some(digit)) = (id(pair[0]), id(pair[1])) else {
                bail!("{}{} is no pair; {shape}", pair[0], pair[1])
            };
            ensure!(letter < LETTERS as i64 && digit >= LETTERS as i64, "{}{} is no pair; {shape}", pair[0], pair[1]);
            ensure!(pairs.iter().all(|&(other, _)| other != letter), "the letter {} has two digits, expected one", pair[0]);
            pairs.push((letter, digit));
        }
        let letter = match question.chars().collect::<Vec<_>>()[..] {
            [letter] => id(letter),
            _ => bail!("{question:?} is not one letter; {shape}"),
        };
        match pairs.iter().find(|&&(other, _)| Some(other) == letter) {
            Some(&(letter, answer)) => Ok(asked(&pairs, letter, answer)),
            None => bail!("{question} is asked for, and no digit stands behind it; {shape}"),
        }
    }

    pub fn pairs(&self) -> usize {
        (self.inputs.len() - 3) / 2
    }
}

fn id(character: char) -> Option<i64> {
    match character {
        'a'..='z' => Some(i64::from(character as u32 - 'a' as u32)),
        '0'..='9' => Some(i64::from(character as u32 - '0' as u32) + LETTERS as i64),
        _ => None,
    }
}

/// How an id is written.
pub fn spelled(id: i64) -> String {
    match id as u8 {
        letter @ 0..26 => char::from(b'a' + letter).to_string(),
        digit @ 26..36 => char::from(b'0' + digit - 26).to_string(),
        _ => "?".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digit_stands_behind_the_letter_that_is_asked_for() {
        for number in 0..50 {
            let drawn = draw(4, &mut RandomGenerator::new(3, number));
            let text: String = drawn.inputs.iter().map(|&id| spelled(id)).collect();
            assert_eq!((text.len(), &text[8..10], drawn.pairs()), (11, "??", 4));
            let place = text[..8].find(&text[10..]).unwrap();
            assert_eq!(text[place + 1..=place + 1], spelled(drawn.answer));
            assert_eq!(Retrieval::of_text(&text).unwrap(), drawn);
        }
        assert_eq!(spelled(Retrieval::of_text("c9k8j3f1??c").unwrap().answer), "9");
    }

    #[test]
    fn what_cannot_be_asked_is_named() {
        let error = |text: &str| Retrieval::of_text(text).unwrap_err().to_string();
        assert!(error("c9k8").contains("asks nothing"));
        assert!(error("c9k??c").contains("\"c9k\" are no pairs"));
        assert!(error("??c").contains("are no pairs"));
        assert!(error("c9kk??c").contains("kk is no pair"));
        assert!(error("C9k8??k").contains("C9 is no pair"));
        assert!(error("c9c8??c").contains("the letter c has two digits"));
        assert!(error("c9k8??j").contains("j is asked for, and no digit"));
        assert!(error("c9k8??ck").contains("\"ck\" is not one letter"));
    }
}
