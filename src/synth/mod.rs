//! The built-in English–French corpus: generated from a synchronous grammar, with gold word alignments.
//!
//! A random abstract sentence (`tree`) is said in both languages at once (`nominal`, `clause`, `sentence`), so that every French
//! word knows the English words it comes from, and is then spelled (`phrase`, `morphology`). It is text to learn and test on, not text that
//! anybody wrote or said.
//!
//! French is a function of the English sentence. Where English leaves something open, a convention decides: *you* is *tu*, and *vous* after
//! *Sir* or *Madam*; *I*, *we*, and a *they* that stands for nothing named are masculine; *it* always stands for a noun named before; a question
//! with a pronoun subject inverts (*je* and *tu* take *est-ce que*, as all other subjects do); the simple past is the compound past, for states
//! the imperfect.
//!
//! Links: every French word has at most one sure link, to the English word that means the same, and any number of possible ones, to words
//! that only share in it (auxiliaries, the article in *l'ami*, the *not* of *ne*); no French word is without a link.

mod choose;
mod clause;
mod closed;
mod lexicon;
mod morphology;
mod news;
mod nominal;
mod phrase;
mod predicate;
mod sample;
mod sentence;
mod split;
mod tree;
mod verb_group;
mod verbs;
mod write;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::fmt;

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use choose::Sampler;
use closed::NAMES;
use lexicon::{ADJECTIVES, NOUNS};
use sentence::realize;
use split::{Split, split};

pub use news::{NewsOptions, Report, news};
pub use write::{Summary, write, write_news};

/// What to generate. The same options give the same corpus everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SynthOptions {
    pub seed: u64,
    /// Sentence pairs for training. The first `n` are the same for every larger number.
    pub train: usize,
    pub validation: usize,
    pub test: usize,
}

impl Default for SynthOptions {
    fn default() -> Self {
        Self { seed: 1, train: 20_000, validation: 500, test: 500 }
    }
}

/// A link between word `source` of the English and word `target` of the French, numbered from 0 over whitespace-separated words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    pub source: usize,
    pub target: usize,
    pub sure: bool,
}

/// Pharaoh notation: `i-j` sure, `ipj` possible.
impl fmt::Display for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}{}", self.source, if self.sure { '-' } else { 'p' }, self.target)
    }
}

/// A sentence pair as raw text with its gold links, sorted by source, then target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    pub source: String,
    pub target: String,
    pub links: Vec<Link>,
}

impl Example {
    /// All links on one line, in Pharaoh notation.
    pub fn gold(&self) -> String {
        self.links.iter().map(Link::to_string).collect::<Vec<_>>().join(" ")
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splits {
    pub train: Vec<Example>,
    pub validation: Vec<Example>,
    pub test: Vec<Example>,
}

const SHORTEST: usize = 3;
const LONGEST: usize = 20;

/// Generates the three splits. No sentence occurs twice in all of them together.
///
/// Validation and test hold out combinations: each of their sentences has a pair of words in a relation (adjective and noun, verb and object,
/// subject and verb, a verb negated with a clitic, inverted, in a relative clause) that no training sentence has, while every word of theirs
/// occurs in training. A training set too small to have their words, or a request beyond what the grammar yields, gives fewer pairs
/// than asked for.
pub fn generate(options: &SynthOptions) -> Splits {
    let mut seen = HashSet::new();
    let train = collect(options, Split::Train, options.train, &mut seen, |_| true);
    let mut counts: HashMap<String, usize> = HashMap::new();
    for word in train.iter().flat_map(words) {
        *counts.entry(word).or_default() += 1;
    }
    let floor = (options.train / 2000).clamp(1, 10);
    let known = |example: &Example| words(example).all(|word| counts.get(&word).is_some_and(|&count| count >= floor));
    let validation = collect(options, Split::Validation, options.validation, &mut seen, known);
    let test = collect(options, Split::Test, options.test, &mut seen, known);
    Splits { train, validation, test }
}

fn collect(
    options: &SynthOptions,
    wanted: Split,
    count: usize,
    seen: &mut HashSet<String>,
    accept: impl Fn(&Example) -> bool,
) -> Vec<Example> {
    let mut random = ChaCha8Rng::seed_from_u64(options.seed);
    random.set_stream(wanted as u64);
    let mut sampler = Sampler::new(random);
    let mut examples = Vec::new();
    // A twelfth or more of all draws suit each split; the bound only ends hopeless requests.
    let mut draws = count.saturating_mul(200).saturating_add(1000);
    while examples.len() < count && draws > 0 {
        draws -= 1;
        let (example, facts) = realize(&sampler.sentence());
        let length = example.source.split(' ').count();
        if split(&facts) == Some(wanted)
            && (SHORTEST..=LONGEST).contains(&length)
            && !repeats(&example.source)
            && accept(&example)
            && !seen.contains(&example.source)
        {
            seen.insert(example.source.clone());
            examples.push(example);
        }
    }
    examples
}

/// Whether a name, noun or adjective occurs twice, as it hardly does in one good sentence.
fn repeats(english: &str) -> bool {
    let stem =
        |word: &str| word.trim_end_matches(['.', ',', '?', '!']).trim_end_matches("'s").trim_end_matches('s').to_lowercase();
    let stems: Vec<String> = english.split(' ').map(stem).collect();
    let open = NAMES
        .iter()
        .map(|name| name.text)
        .chain(NOUNS.iter().map(|noun| noun.english))
        .chain(ADJECTIVES.iter().map(|word| word.english));
    stems.iter().enumerate().any(|(at, word)| stems[..at].contains(word))
        && open.map(stem).any(|word| stems.iter().filter(|stem| **stem == word).count() > 1)
}

/// Word forms of both sides, told apart by language: lower case, without punctuation, French divided at apostrophes and inversion hyphens.
fn words(example: &Example) -> impl Iterator<Item = String> {
    let side = |language: char, text: &str| {
        let text = text.to_lowercase().replace("aujourd'hui", "aujourdhui");
        let ends: &[char] = if language == 'f' { &[' ', '-', '\''] } else { &[' '] };
        let forms: Vec<String> = text
            .split(ends)
            .map(|word| word.trim_end_matches(['.', ',', '?', '!']))
            .filter(|word| !word.is_empty())
            .map(|word| format!("{language}{word}"))
            .collect();
        forms
    };
    let (english, french) = (side('e', &example.source), side('f', &example.target));
    english.into_iter().chain(french)
}
