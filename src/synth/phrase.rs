//! Words under construction: both languages side by side, with links between them that survive every later merge of French words
//! (*le ami* → *l'ami*, *de le* → *du*).

use super::morphology::{before_vowel, contraction, starts_with_vowel_sound};
use super::{Example, Link};

/// Names an English word until its place in the sentence is known.
pub(super) type Id = u16;

#[derive(Clone, Debug)]
pub(super) struct EnglishWord {
    pub id: Id,
    pub text: String,
}

/// A French word in its dictionary spelling, before elision and contraction.
#[derive(Clone, Debug)]
pub(super) struct FrenchWord {
    pub text: String,
    /// The spelling before a vowel sound; one that ends in an apostrophe joins the next word.
    pub before_vowel: Option<String>,
    /// English words and whether the link is sure.
    pub links: Vec<(Id, bool)>,
}

pub(super) fn french(text: impl Into<String>) -> FrenchWord {
    let text = text.into();
    FrenchWord { before_vowel: before_vowel(&text).map(str::to_string), text, links: Vec::new() }
}

impl FrenchWord {
    pub fn sure(mut self, id: Id) -> Self {
        self.links.push((id, true));
        self
    }

    pub fn possible(mut self, id: Id) -> Self {
        self.links.push((id, false));
        self
    }

    pub fn possible_all(mut self, ids: &[Id]) -> Self {
        self.links.extend(ids.iter().map(|&id| (id, false)));
        self
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Phrase {
    pub english: Vec<EnglishWord>,
    pub french: Vec<FrenchWord>,
}

impl Phrase {
    pub fn append(&mut self, other: Phrase) {
        self.english.extend(other.english);
        self.french.extend(other.french);
    }

    /// Attaches a comma to the last word of both languages.
    pub fn comma(mut self) -> Self {
        if let Some(word) = self.english.last_mut() {
            word.text.push(',');
        }
        if let Some(word) = self.french.last_mut() {
            word.text.push(',');
        }
        self
    }

    /// The raw sentence pair: elision, contraction, *a*/*an*, capitals and the closing mark, with links over whitespace words.
    ///
    /// French sets a space before `?` and `!`; that mark is a word of its own and is linked to the English word that carries the mark.
    pub fn finish(mut self, mark: char) -> Example {
        let last = self.english.last_mut().expect("a sentence has words");
        last.text.push(mark);
        let last = last.id;
        if mark == '.' {
            self.french.last_mut().expect("a sentence has words").text.push(mark);
        } else {
            self.french.push(french(mark.to_string()).possible(last));
        }
        let english = self.english;
        let words = spell_french(self.french);
        let mut source: Vec<String> = Vec::with_capacity(english.len());
        for (at, word) in english.iter().enumerate() {
            let next = english.get(at + 1).map_or("", |next| next.text.as_str());
            source.push(if word.text == "a" && takes_an(next) { "an".to_string() } else { word.text.clone() });
        }
        let mut links = Vec::new();
        for (target, word) in words.iter().enumerate() {
            for &(id, sure) in &word.links {
                let place = english.iter().position(|word| word.id == id).expect("every link names a word of the sentence");
                links.push(Link { source: place, target, sure });
            }
        }
        links.sort_by_key(|link| (link.source, link.target));
        let target: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        Example { source: capitalize(&source.join(" ")), target: capitalize(&target.join(" ")), links }
    }
}

/// Elision and contraction depend on the next word as it is finally written, so words are spelled from the right.
fn spell_french(words: Vec<FrenchWord>) -> Vec<FrenchWord> {
    let mut spelled: Vec<FrenchWord> = Vec::with_capacity(words.len());
    for mut word in words.into_iter().rev() {
        let Some(next) = spelled.last_mut() else {
            spelled.push(word);
            continue;
        };
        let elided = match &word.before_vowel {
            Some(form) if starts_with_vowel_sound(&next.text) => Some(form.clone()),
            _ if word.text == "si" && matches!(next.text.as_str(), "il" | "ils") => Some("s'".to_string()),
            _ => None,
        };
        if let Some(form) = elided {
            if form.ends_with('\'') {
                next.text.insert_str(0, &form);
                let host = std::mem::take(&mut next.links);
                next.links = merge(host, word.links);
                continue;
            }
            word.text = form;
        } else if let Some(form) = contraction(&word.text, &next.text) {
            next.text = form.to_string();
            next.links = merge(word.links, std::mem::take(&mut next.links));
            continue;
        }
        spelled.push(word);
    }
    spelled.reverse();
    for word in &mut spelled {
        word.links = merge(std::mem::take(&mut word.links), Vec::new());
    }
    spelled
}

/// Joins the links of two words written as one. Only one part keeps its sure links, the leading one where it has any: a consumer
/// that takes one link for each target word can then still reach every sure link.
fn merge(leading: Vec<(Id, bool)>, other: Vec<(Id, bool)>) -> Vec<(Id, bool)> {
    let led = leading.iter().any(|link| link.1);
    let mut links: Vec<(Id, bool)> = Vec::with_capacity(leading.len() + other.len());
    for (id, sure) in leading.into_iter().chain(other.into_iter().map(|(id, sure)| (id, sure && !led))) {
        match links.iter_mut().find(|link| link.0 == id) {
            Some(link) => link.1 |= sure,
            None => links.push((id, sure)),
        }
    }
    links
}

fn takes_an(next: &str) -> bool {
    next.starts_with(['a', 'e', 'i', 'o', 'u']) && !next.starts_with("uni")
}

fn capitalize(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn english(words: &[&str]) -> Vec<EnglishWord> {
        words.iter().enumerate().map(|(id, text)| EnglishWord { id: id as Id, text: text.to_string() }).collect()
    }

    #[test]
    fn elided_word_keeps_the_sure_link_of_its_host() {
        let pair = Phrase { english: english(&["the", "friend"]), french: vec![french("le").sure(0), french("ami").sure(1)] }
            .finish('.');
        assert_eq!((pair.source.as_str(), pair.target.as_str()), ("The friend.", "L'ami."));
        assert_eq!(pair.gold(), "0p0 1-0");
    }

    #[test]
    fn contraction_keeps_the_sure_link_of_the_preposition() {
        let words = vec![french("à").sure(0), french("le").sure(1), french("marché").sure(2)];
        let pair = Phrase { english: english(&["to", "the", "market"]), french: words }.finish('?');
        assert_eq!((pair.source.as_str(), pair.target.as_str()), ("To the market?", "Au marché ?"));
        assert_eq!(pair.gold(), "0-0 1p0 2-1 2p2");
    }

    #[test]
    fn elision_goes_before_contraction() {
        let words = vec![french("de").sure(0), french("le").sure(1), french("oncle").sure(2)];
        let pair = Phrase { english: english(&["of", "the", "uncle"]), french: words }.finish('.');
        assert_eq!(pair.target, "De l'oncle.");
    }
}
