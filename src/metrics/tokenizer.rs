//! sacreBLEU's tokenizers for BLEU.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use regex::Regex;
use thiserror::Error;

use super::ngrams::is_space;

/// How BLEU parts a sentence into tokens; the names are sacreBLEU's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BleuTokenizer {
    /// `13a`: as `mteval-v13a.pl` of WMT, for languages in Latin script.
    #[default]
    Mteval13a,
    /// `intl`: as `mteval-v14.pl --international-tokenization`, by Unicode's punctuation and symbols.
    International,
    /// `zh`: Chinese characters one by one, the rest as 13a.
    Chinese,
    /// `char`: every character.
    Character,
    /// `none`: at white space, for text that is tokenized already.
    None,
}

const NAMES: [(BleuTokenizer, &str); 5] = [
    (BleuTokenizer::Mteval13a, "13a"),
    (BleuTokenizer::International, "intl"),
    (BleuTokenizer::Chinese, "zh"),
    (BleuTokenizer::Character, "char"),
    (BleuTokenizer::None, "none"),
];

/// A name that is no tokenizer's.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{found:?} is no BLEU tokenizer; expected 13a, intl, zh, char or none")]
pub struct UnknownTokenizer {
    found: String,
}

impl FromStr for BleuTokenizer {
    type Err = UnknownTokenizer;

    fn from_str(name: &str) -> Result<Self, UnknownTokenizer> {
        let known = NAMES.iter().find(|(_, known)| *known == name);
        known.map(|(tokenizer, _)| *tokenizer).ok_or_else(|| UnknownTokenizer { found: name.to_owned() })
    }
}

impl fmt::Display for BleuTokenizer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, name) = NAMES.iter().find(|(tokenizer, _)| tokenizer == self).expect("every tokenizer has a name");
        out.write_str(name)
    }
}

impl BleuTokenizer {
    /// The line with white space, of any kind and amount, between its tokens.
    pub(super) fn separate(self, line: &str) -> String {
        match self {
            Self::Mteval13a => mteval13a(line),
            Self::International => international(line),
            Self::Chinese => chinese(line),
            Self::Character => surround(line, |_| true),
            Self::None => line.to_owned(),
        }
    }
}

fn mteval13a(line: &str) -> String {
    let mut line = line.replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
    if line.contains('&') {
        line = line.replace("&quot;", "\"").replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">");
    }
    western(&format!(" {line} "))
}

/// The rules that 13a and zh share. The four passes are those of `mteval-v13a.pl`; each sees the spaces of the one before.
fn western(line: &str) -> String {
    let is_stop = |character| matches!(character, '.' | ',');
    let line = surround(line, |character| matches!(character, '{'..='~' | '['..='`' | ' '..='&' | '('..='+' | ':'..='@' | '/'));
    let line = part_pairs(&line, |character| !character.is_ascii_digit(), is_stop, "", " ");
    let line = part_pairs(&line, is_stop, |character| !character.is_ascii_digit(), " ", "");
    part_pairs(&line, |character| character.is_ascii_digit(), |character| character == '-', "", " ")
}

/// Spaces on both sides of the characters that `stands_alone` picks.
fn surround(line: &str, stands_alone: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(line.len() * 2);
    for character in line.chars() {
        if stands_alone(character) {
            out.extend([' ', character, ' ']);
        } else {
            out.push(character);
        }
    }
    out
}

/// A space inside each pair of characters that `first` and `second` pick, and `before` and `after` around it. As with a
/// regular expression, pairs do not overlap: the second of one is not the first of the next.
fn part_pairs(line: &str, first: impl Fn(char) -> bool, second: impl Fn(char) -> bool, before: &str, after: &str) -> String {
    let mut out = String::with_capacity(line.len() * 2);
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match characters.next_if(|&next| first(character) && second(next)) {
            Some(next) => {
                out.push_str(before);
                out.extend([character, ' ', next]);
                out.push_str(after);
            }
            None => out.push(character),
        }
    }
    out
}

fn international(line: &str) -> String {
    static RULES: LazyLock<[(Regex, &str); 3]> = LazyLock::new(|| {
        [(r"(\P{N})(\p{P})", "$1 $2 "), (r"(\p{P})(\P{N})", " $1 $2"), (r"(\p{S})", " $1 ")]
            .map(|(pattern, replacement)| (Regex::new(pattern).expect("a valid pattern"), replacement))
    });
    RULES.iter().fold(line.to_owned(), |line, (pattern, replacement)| pattern.replace_all(&line, *replacement).into_owned())
}

fn chinese(line: &str) -> String {
    western(&surround(line.trim_matches(is_space), is_chinese))
}

/// sacreBLEU's ranges. Its ranges for the extensions beyond U+FFFF, written with four digits to a `\u`, mean
/// U+2001..=U+2A6D and U+2F81..=U+2FA1 to Python; its scores depend on that, so ours do.
fn is_chinese(character: char) -> bool {
    matches!(character,
        '\u{2001}'..='\u{2a6d}'
        | '\u{2e80}'..='\u{2eff}'
        | '\u{2f00}'..='\u{2fdf}'
        | '\u{2ff0}'..='\u{303f}'
        | '\u{3100}'..='\u{312f}'
        | '\u{31a0}'..='\u{31bf}'
        | '\u{31c0}'..='\u{31ef}'
        | '\u{3200}'..='\u{4db5}'
        | '\u{4e00}'..='\u{9fbb}'
        | '\u{f900}'..='\u{fa2d}'
        | '\u{fa30}'..='\u{fa6a}'
        | '\u{fa70}'..='\u{fad9}'
        | '\u{fe10}'..='\u{fe1f}'
        | '\u{fe30}'..='\u{fe4f}'
        | '\u{ff00}'..='\u{ffef}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_to_the_tokenizer_that_prints_them() {
        for (tokenizer, name) in NAMES {
            assert_eq!(name.parse(), Ok(tokenizer));
            assert_eq!(tokenizer.to_string(), name);
        }
        let error = "13b".parse::<BleuTokenizer>().unwrap_err();
        assert_eq!(error.to_string(), "\"13b\" is no BLEU tokenizer; expected 13a, intl, zh, char or none");
    }
}
