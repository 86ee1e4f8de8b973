//! Where sentences end: Unicode's sentence boundaries (UAX #29, by the crate `unicode-segmentation`), without those that an abbreviation,
//! an initial or an ordinal number only seems to make. Where it is doubtful the text stays in one piece: two sentences translated together
//! do less harm than half a sentence.

use unicode_segmentation::UnicodeSegmentation;

/// In lower case and without their period: words that something always follows. Those of one letter, and those with periods inside (e.g.,
/// z.B.), need no list.
const BEFORE_ANYTHING: &[&str] = &[
    // English
    "mr", "mrs", "ms", "dr", "prof", "st", "mt", "rev", "hon", "gen", "col", "capt", "cmdr", "lt", "sgt", "gov", "sen", "rep",
    "messrs", "vs", "approx", "cf", "viz", // German
    "hr", "frl", "dipl", "ing", "bzw", "vgl", "ca", "inkl", "ggf", "evtl", "sog", "geb", "gest", "hrsg", // French
    "mme", "mmes", "mlle", "mlles", "mm", "mgr", // Spanish, Portuguese, Italian
    "sr", "sra", "srta", "sres", "dra", "ud", "uds", "sig", "sigg", "dott", "avv", // Dutch, Czech
    "dhr", "mevr", "mw", "drs", "tzv", "napr", "např",
];

/// The same for words that a number follows; before anything else they may end a sentence ("He said no. Then …").
const BEFORE_NUMBERS: &[&str] = &[
    "no", "nos", "nr", "núm", "num", "fig", "figs", "abb", "tab", "vol", "vols", "bd", "pp", "pg", "ch", "chap", "kap", "cap",
    "sec", "art", "arts", "abs", "eq", "ed", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "okt", "nov",
    "dec", "dez", "janv", "févr", "avr", "juil", "déc",
];

/// Byte ranges of the sentences of a line, in order and without white space around them; they hold every byte that is not white space.
pub fn sentences(line: &str) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    let mut says_something = false;
    for (start, segment) in line.split_sentence_bound_indices() {
        let end = start + segment.len();
        match found.last_mut() {
            Some((first, before)) if !says_something || goes_on(&line[*first..*before], segment) => *before = end,
            _ => {
                found.push((start, end));
                says_something = false;
            }
        }
        says_something |= segment.chars().any(char::is_alphanumeric);
    }
    let trim = |(start, end): (usize, usize)| {
        let text = &line[start..end];
        let start = start + text.len() - text.trim_start().len();
        (start, (start + line[start..end].trim_end().len()).max(start))
    };
    found.into_iter().map(trim).filter(|(start, end)| start < end).collect()
}

/// Whether `next` belongs to the sentence that `before` seemed to end.
fn goes_on(before: &str, next: &str) -> bool {
    match next.chars().find(|character| character.is_alphanumeric()) {
        Some(first) => first.is_lowercase() || ends_with_abbreviation(before, first.is_numeric()),
        None => true,
    }
}

/// Whether the period at the end is that of an abbreviation, an initial or an ordinal.
fn ends_with_abbreviation(text: &str, before_number: bool) -> bool {
    let Some(stem) = text.trim_end().strip_suffix('.') else { return false };
    let word = stem.rsplit(char::is_whitespace).next().unwrap_or_default();
    let word = word.trim_start_matches(|character: char| !character.is_alphanumeric()).to_lowercase();
    let mut characters = word.chars();
    match (characters.next(), characters.next()) {
        (Some(only), None) => only.is_alphanumeric(),
        (Some(_), Some(_)) if word.chars().all(|character| character.is_ascii_digit()) => word.len() <= 2,
        (Some(_), Some(_)) => {
            let inside = word.split('.').all(|part| (1..=3).contains(&part.chars().count())) && word.contains('.');
            let letters = word.chars().all(|character| character.is_alphabetic() || character == '.');
            inside && letters
                || BEFORE_ANYTHING.contains(&word.as_str())
                || before_number && BEFORE_NUMBERS.contains(&word.as_str())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(line: &str) -> Vec<&str> {
        sentences(line).into_iter().map(|(start, end)| &line[start..end]).collect()
    }

    #[test]
    fn sentences_end_where_they_end() {
        assert_eq!(cut(" One here.  Two there!\u{a0}Three? "), ["One here.", "Two there!", "Three?"]);
        assert_eq!(cut("“Is it?” He went. (So did I.) “Yes.”"), ["“Is it?”", "He went.", "(So did I.)", "“Yes.”"]);
        assert_eq!(cut("你好。再见！好吗？"), ["你好。", "再见！", "好吗？"]);
        assert_eq!(
            cut("Wait... What? It cost 3.50 in 1990. Then it rose."),
            ["Wait...", "What?", "It cost 3.50 in 1990.", "Then it rose."]
        );
        assert_eq!(cut("no end"), ["no end"]);
        assert!(cut("").is_empty() && cut(" \u{3000} ").is_empty());
        assert_eq!(cut("He said no. Then he left."), ["He said no.", "Then he left."]);
    }

    #[test]
    fn abbreviations_initials_and_ordinals_end_nothing() {
        for line in [
            "Mr. Smith met Dr. J. R. Brown.",
            "Some birds, e.g. Robins, in the U.S. Senate.",
            "Am 3. Mai kam Hr. Meier, z.B. Montag.",
            "M. Dupont et Mme. Durand, cf. Fig. 3 et No. 5.",
            "Yahoo! announced it… and left.",
            "“Stop!” he cried.",
            "She (Prof. Lee) came ...",
        ] {
            assert_eq!(cut(line), [line]);
        }
    }

    proptest! {
        #[test]
        fn nothing_but_white_space_is_between(line in any::<String>(), plain in "[a-zA-Z0-9.!? “)。]{0,40}") {
            for line in [line, plain] {
                let mut end = 0;
                for (start, next) in sentences(&line) {
                    prop_assert!(start < next);
                    prop_assert!(line[end..start].trim().is_empty());
                    prop_assert_eq!(line[start..next].trim(), &line[start..next]);
                    end = next;
                }
                prop_assert!(line[end..].trim().is_empty());
            }
        }
    }
}
