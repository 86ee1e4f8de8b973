//! Phrases and how they must be translated.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::{Result, ensure};

use super::Translator;
use crate::search::{PhraseConstraint, SearchOptions};
use crate::text::special::{SPELLINGS, UNK};
use crate::text::words;

/// Pieces that go on with a word: behind a phrase they would make its last word another one.
#[derive(Debug, Clone)]
pub struct Continuations(Arc<HashSet<u32>>);

/// What must be in a translation when something is in the source.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Glossary {
    entries: Vec<Entry>,
    lowercase: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    source: String,
    target: String,
    constraint: PhraseConstraint,
}

impl Glossary {
    /// An empty one. With `lowercase` the case of source phrases does not matter.
    pub fn new(lowercase: bool) -> Self {
        Glossary { entries: Vec::new(), lowercase }
    }

    /// Adds an entry. Where the source phrase has another target phrase already, that one stays and is given back.
    pub fn insert(&mut self, source: &str, target: &str, constraint: PhraseConstraint) -> Option<&str> {
        let source = self.plain(source);
        match self.entries.iter().position(|entry| entry.source == source) {
            Some(index) => Some(self.entries[index].target.as_str()).filter(|&other| other != target),
            None => {
                self.entries.push(Entry { source, target: target.to_owned(), constraint });
                None
            }
        }
    }

    /// The target phrases of a line and what they demand, each once. A source phrase counts where it stands as whole words; of entries that
    /// overlap in the line the longest counts.
    pub fn of_line(&self, line: &str) -> Vec<(&str, &PhraseConstraint)> {
        let line = self.plain(line);
        let mut found: Vec<(usize, usize, usize)> = Vec::new();
        for (index, entry) in self.entries.iter().enumerate() {
            let starts = line.match_indices(entry.source.as_str()).map(|(start, _)| start);
            let whole = starts.filter(|&start| is_whole(&line, start, start + entry.source.len()));
            found.extend(whole.map(|start| (start, start + entry.source.len(), index)));
        }
        found.sort_by_key(|&(start, end, _)| (std::cmp::Reverse(end - start), start));
        let mut taken: Vec<(usize, usize, usize)> = Vec::new();
        for place in found {
            if taken.iter().all(|other| place.1 <= other.0 || other.1 <= place.0) {
                taken.push(place);
            }
        }
        taken.sort_unstable();
        let mut demands: Vec<(&str, &PhraseConstraint)> = Vec::new();
        for (_, _, index) in taken {
            let Entry { target, constraint, .. } = &self.entries[index];
            if !demands.iter().any(|(_, other)| other.tokens == constraint.tokens) {
                demands.push((target, constraint));
            }
        }
        demands
    }

    /// Words with single spaces between them.
    fn plain(&self, line: &str) -> String {
        let plain = words(line).into_iter().map(|(start, end)| &line[start..end]).collect::<Vec<_>>().join(" ");
        if self.lowercase { plain.to_lowercase() } else { plain }
    }
}

/// Whether no word goes on across either end.
fn is_whole(line: &str, start: usize, end: usize) -> bool {
    let inside = |a: Option<char>, b: Option<char>| [a, b].into_iter().all(|side| side.is_some_and(char::is_alphanumeric));
    let phrase = &line[start..end];
    !inside(line[..start].chars().next_back(), phrase.chars().next())
        && !inside(phrase.chars().next_back(), line[end..].chars().next())
}

impl Translator {
    /// Pieces of the target vocabulary that start with a letter or a digit and no space.
    pub fn continuations(&self) -> Continuations {
        let tokenizer = self.tokenizers.target();
        let ids = SPELLINGS.len() as u32..tokenizer.size() as u32;
        let goes_on = |id: &u32| tokenizer.piece(*id).chars().next().is_some_and(char::is_alphanumeric);
        Continuations(Arc::new(ids.filter(goes_on).collect()))
    }

    /// A phrase as something that translations must hold.
    ///
    /// # Errors
    /// A phrase that no translation can hold: a blank one, one with unknown characters or words, one with a suppressed piece.
    pub fn constraint(&self, phrase: &str, continuations: &Continuations, search: &SearchOptions) -> Result<PhraseConstraint> {
        let tokenizer = self.tokenizers.target();
        let encoding = tokenizer.encode(phrase);
        ensure!(!encoding.ids.is_empty(), "an empty phrase cannot be asked for");
        if let Some(place) = encoding.ids.iter().position(|&id| id == UNK) {
            let (start, end) = encoding.spans[place];
            anyhow::bail!("{phrase:?} cannot be asked for: the model's vocabulary lacks {:?}", &phrase[start..end]);
        }
        let single = encoding.ids.iter().find(|id| search.suppressed.contains(id));
        let several =
            search.suppressed_phrases.iter().find(|tokens| encoding.ids.windows(tokens.len()).any(|part| part == *tokens));
        let suppressed = single.map(|&id| vec![id]).or_else(|| several.cloned());
        if let Some(tokens) = suppressed {
            anyhow::bail!("{phrase:?} cannot be asked for: {:?} is suppressed", tokenizer.decode(&tokens));
        }
        let ends_word = phrase.trim_end().chars().next_back().is_some_and(char::is_alphanumeric);
        Ok(PhraseConstraint { tokens: encoding.ids, not_before: ends_word.then(|| Arc::clone(&continuations.0)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glossary(lowercase: bool, phrases: &[&str]) -> Glossary {
        let mut glossary = Glossary::new(lowercase);
        for (phrase, id) in phrases.iter().zip(10..) {
            glossary.insert(phrase, &phrase.to_uppercase(), PhraseConstraint { tokens: vec![id], not_before: None });
        }
        glossary
    }

    fn found(glossary: &Glossary, line: &str) -> Vec<String> {
        glossary.of_line(line).into_iter().map(|(target, _)| target.to_owned()).collect()
    }

    #[test]
    fn phrases_count_as_whole_words() {
        let glossary = glossary(false, &["apple", "red apple", "l'", "U.S."]);
        assert_eq!(found(&glossary, "an apple, two apples"), ["APPLE"]);
        assert_eq!(found(&glossary, "pineapple"), Vec::<String>::new());
        assert_eq!(found(&glossary, "Apple"), Vec::<String>::new());
        assert_eq!(found(&glossary, "l'apple of the U.S.;"), ["L'", "APPLE", "U.S."]);
    }

    #[test]
    fn the_longest_of_overlapping_phrases_counts_and_each_only_once() {
        let glossary = glossary(true, &["apple", "red apple", "red", "Red"]);
        assert_eq!(found(&glossary, "A red \t apple and a RED apple"), ["RED APPLE"]);
        assert_eq!(found(&glossary, "apple red"), ["APPLE", "RED"]);
    }
}
