//! Reports of a stay, generated from templates. The class is what the writer thought of the place; other sentences say the same words of
//! other people, other times and other things, so that no word alone gives the deciding sentence away.

use std::collections::BTreeSet;

use crate::studies::random::RandomGenerator;

/// Words for each class, from the worst to the best.
const GRADES: [&[&str]; 5] = [
    &["terrible", "awful", "dreadful"],
    &["poor", "shabby", "dull"],
    &["fair", "passable", "ordinary"],
    &["good", "pleasant", "nice"],
    &["wonderful", "splendid", "excellent"],
];

/// How many classes there are.
pub const CLASSES: i64 = GRADES.len() as i64;

/// What a slot of a template may hold.
const SLOTS: [(&str, &[&str]); 10] = [
    ("{writer}", &["I", "we"]),
    ("{other}", &["my sister", "our guide", "his wife", "the neighbours", "a friend"]),
    ("{found}", &["found", "thought", "considered"]),
    ("{place}", &["hotel", "inn", "guesthouse"]),
    ("{part}", &["breakfast", "garden", "room", "terrace", "lift"]),
    ("{elsewhere}", &["museum", "castle", "station", "market"]),
    ("{day}", &["Monday", "Tuesday", "Friday", "Sunday"]),
    ("{food}", &["soup", "fish", "bread", "plums"]),
    ("{meal}", &["lunch", "dinner"]),
    ("{colour}", &["red", "green", "blue", "grey"]),
];

/// The sentence that decides.
const DECISIVE: [&str; 4] = [
    "{writer} {found} the {place} {grade}",
    "all in all {writer} {found} the {place} {grade}",
    "this time {writer} {found} the {place} {grade}",
    "in the end {writer} {found} the {place} {grade} after all",
];

/// Sentences that do not, most of which hold a grade.
const OTHERS: [&str; 12] = [
    "{other} {found} the {place} {grade}",
    "all in all {other} {found} the {place} {grade}",
    "this time {other} {found} the {place} {grade} after all",
    "{writer} {found} the {part} {grade}",
    "in the end {writer} {found} the {part} {grade}",
    "all in all {writer} {found} the {elsewhere} {grade}",
    "last year {writer} {found} the {place} {grade}",
    "last year {writer} {found} the {place} {grade} in the end",
    "it rained in the end on {day}",
    "{writer} had {food} for {meal} at the {place}",
    "the {part} at the {place} was {colour}",
    "on {day} {other} went to the {elsewhere}",
];

/// A report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    pub sentences: Vec<Vec<&'static str>>,
    /// 0 is the worst.
    pub class: usize,
    /// Which sentence decides.
    pub decisive: usize,
}

impl Document {
    /// A report of so many sentences, one or more.
    pub fn draw(sentences: usize, random: &mut RandomGenerator) -> Self {
        let class = random.between(0, GRADES.len() - 1);
        let decisive = random.between(0, sentences - 1);
        let sentences = (0..sentences).map(|sentence| {
            if sentence == decisive {
                fill(random.pick::<&str>(&DECISIVE), class, random)
            } else {
                let (template, class) = (*random.pick(&OTHERS), random.between(0, GRADES.len() - 1));
                fill(template, class, random)
            }
        });
        Document { sentences: sentences.collect(), class, decisive }
    }
}

fn fill(template: &'static str, class: usize, random: &mut RandomGenerator) -> Vec<&'static str> {
    let of_word = |word: &'static str| match choices(word) {
        Some(choices) => *random.pick(choices),
        None if word == "{grade}" => *random.pick(GRADES[class]),
        None => word,
    };
    template.split(' ').map(of_word).flat_map(|words| words.split(' ')).collect()
}

fn choices(slot: &str) -> Option<&'static [&'static str]> {
    SLOTS.iter().find(|(name, _)| *name == slot).map(|(_, choices)| *choices)
}

/// What a class is called: the first of its words.
pub fn class_name(class: usize) -> &'static str {
    GRADES[class][0]
}

/// The class that a word is a grade of.
pub fn grade(word: &str) -> Option<usize> {
    GRADES.iter().position(|words| words.contains(&word))
}

/// Every word there is, in order: a word's id is its place.
pub fn vocabulary() -> Vec<&'static str> {
    let templates = DECISIVE.iter().chain(&OTHERS).flat_map(|template| template.split(' ')).filter(|word| !word.starts_with('{'));
    let slots = SLOTS.iter().flat_map(|(_, choices)| choices.iter()).flat_map(|words| words.split(' '));
    let grades = GRADES.iter().flat_map(|words| words.iter().copied());
    templates.chain(slots).chain(grades).collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents() -> Vec<Document> {
        (0..400).map(|number| Document::draw(8 + number as usize % 9, &mut RandomGenerator::new(1, number))).collect()
    }

    /// The rule in other words: the writer, of the place, now.
    fn decides(sentence: &[&str]) -> bool {
        let has = |words: &[&str]| sentence.iter().any(|word| words.contains(word));
        has(&["I", "we"]) && has(&["hotel", "inn", "guesthouse"]) && has(&["found", "thought", "considered"]) && !has(&["year"])
    }

    #[test]
    fn one_sentence_decides() {
        for document in documents() {
            let deciding: Vec<usize> = (0..document.sentences.len()).filter(|&at| decides(&document.sentences[at])).collect();
            assert_eq!(deciding, [document.decisive]);
            let grades: Vec<usize> = document.sentences[document.decisive].iter().filter_map(|word| grade(word)).collect();
            assert_eq!(grades, [document.class]);
        }
    }

    #[test]
    fn no_word_but_the_grade_tells_the_class_and_none_the_place() {
        let documents = documents();
        // Every word of deciding sentences is in others too.
        let (mut deciding, mut others): (BTreeSet<&str>, BTreeSet<&str>) = (BTreeSet::new(), BTreeSet::new());
        for document in &documents {
            for (at, sentence) in document.sentences.iter().enumerate() {
                if at == document.decisive { deciding.extend(sentence) } else { others.extend(sentence) }
            }
        }
        assert!(deciding.is_subset(&others), "{:?}", deciding.difference(&others));
        for class in 0..5 {
            let share = documents.iter().filter(|document| document.class == class).count() as f64 / 400.0;
            assert!((share - 0.2).abs() < 0.07, "{share} of class {class}");
        }
    }

    #[test]
    fn the_vocabulary_is_closed() {
        let vocabulary = vocabulary();
        assert!(vocabulary.is_sorted() && vocabulary.iter().all(|word| !word.contains(['{', ' '])));
        assert!(documents().iter().flat_map(|document| &document.sentences).flatten().all(|word| vocabulary.contains(word)));
    }
}
