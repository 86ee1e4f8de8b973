//! The closed word classes: names, towns, prepositions, adverbs and conjunctions.

use super::lexicon::Gender::{self, Feminine as F, Masculine as M};
use super::verbs::Verb;

#[derive(Debug)]
pub(super) struct Name {
    /// The same in both languages.
    pub text: &'static str,
    pub gender: Gender,
}

pub(super) static NAMES: &[Name] = &[
    Name { text: "Paul", gender: M },
    Name { text: "Pierre", gender: M },
    Name { text: "Thomas", gender: M },
    Name { text: "Antoine", gender: M },
    Name { text: "Marie", gender: F },
    Name { text: "Julie", gender: F },
    Name { text: "Alice", gender: F },
    Name { text: "Emma", gender: F },
];

#[derive(Debug)]
pub(super) struct Town {
    pub english: &'static str,
    pub french: &'static str,
    /// For being there and for going there alike.
    pub preposition: &'static str,
}

pub(super) static TOWNS: &[Town] = &[
    Town { english: "Paris", french: "Paris", preposition: "à" },
    Town { english: "London", french: "Londres", preposition: "à" },
    Town { english: "Brussels", french: "Bruxelles", preposition: "à" },
    Town { english: "France", french: "France", preposition: "en" },
    Town { english: "Italy", french: "Italie", preposition: "en" },
    Town { english: "Canada", french: "Canada", preposition: "au" },
];

/// A fixed phrase in both languages with its links, numbered within the phrase.
#[derive(Debug)]
pub(super) struct Fixed {
    pub english: &'static str,
    pub french: &'static str,
    /// Pharaoh: `i-j` sure, `ipj` possible.
    pub links: &'static str,
}

const fn fixed(english: &'static str, french: &'static str, links: &'static str) -> Fixed {
    Fixed { english, french, links }
}

pub(super) static IN: Fixed = fixed("in", "dans", "0-0");
pub(super) static AT: Fixed = fixed("at", "à", "0-0");
pub(super) static TO: Fixed = fixed("to", "à", "0-0");
pub(super) static OF: Fixed = fixed("of", "de", "0-0");
pub(super) static WITH: Fixed = fixed("with", "avec", "0-0");
pub(super) static WITHOUT: Fixed = fixed("without", "sans", "0-0");
pub(super) static FOR: Fixed = fixed("for", "pour", "0-0");

pub(super) static SPATIAL: &[Fixed] = &[
    fixed("on", "sur", "0-0"),
    fixed("under", "sous", "0-0"),
    fixed("behind", "derrière", "0-0"),
    fixed("near", "près de", "0-0 0p1"),
    fixed("in front of", "devant", "0p0 1-0 2p0"),
];

pub(super) static HABITUAL: &[Fixed] = &[
    fixed("every day", "tous les jours", "0-0 0p1 1-2"),
    fixed("in the morning", "le matin", "0p0 1-0 2-1"),
    fixed("in the evening", "le soir", "0p0 1-0 2-1"),
    fixed("on Sundays", "le dimanche", "0p0 1-1"),
];
pub(super) static CURRENT: &[Fixed] = &[fixed("now", "maintenant", "0-0"), fixed("today", "aujourd'hui", "0-0")];
pub(super) static PAST: &[Fixed] = &[
    fixed("yesterday", "hier", "0-0"),
    fixed("this morning", "ce matin", "0-0 1-1"),
    fixed("last week", "la semaine dernière", "0p0 1p0 1-1 0-2"),
    fixed("last year", "l'année dernière", "1-0 0-1"),
];
pub(super) static COMING: &[Fixed] = &[
    fixed("tomorrow", "demain", "0-0"),
    fixed("tonight", "ce soir", "0p0 0-1"),
    fixed("next week", "la semaine prochaine", "0p0 1p0 1-1 0-2"),
    fixed("next year", "l'année prochaine", "1-0 0-1"),
];

pub(super) static OFTEN: &[Fixed] = &[fixed("often", "souvent", "0-0"), fixed("always", "toujours", "0-0")];
pub(super) static NEVER: Fixed = fixed("never", "jamais", "0-0");

pub(super) static BUT: Fixed = fixed("but", "mais", "0-0");
pub(super) static AND: Fixed = fixed("and", "et", "0-0");
pub(super) static BECAUSE: Fixed = fixed("because", "parce que", "0-0 0p1");
pub(super) static WHEN: Fixed = fixed("when", "quand", "0-0");
pub(super) static IF: Fixed = fixed("if", "si", "0-0");
pub(super) static THAT: Fixed = fixed("that", "que", "0-0");
pub(super) static THAN: Fixed = fixed("than", "que", "0-0");

pub(super) static SIR: Fixed = fixed("sir", "monsieur", "0-0");
pub(super) static MADAM: Fixed = fixed("madam", "madame", "0-0");
pub(super) static PLEASE: Fixed = fixed("please", "s'il te plaît", "0p0 0p1 0-2");

pub(super) static WHERE: Fixed = fixed("where", "où", "0-0");
pub(super) static WHY: Fixed = fixed("why", "pourquoi", "0-0");
pub(super) static WHAT: Fixed = fixed("what", "que", "0-0");
pub(super) static WHOM: Fixed = fixed("who", "qui", "0-0");
pub(super) static RELATIVE_PERSON: Fixed = fixed("who", "qui", "0-0");
pub(super) static RELATIVE_THING: Fixed = fixed("that", "qui", "0-0");
pub(super) static RELATIVE_OBJECT: Fixed = fixed("that", "que", "0-0");
pub(super) static WHOSE: Fixed = fixed("whose", "dont", "0-0");

pub(super) static NUMBERS: &[(&str, &str)] = &[
    ("two", "deux"),
    ("three", "trois"),
    ("four", "quatre"),
    ("five", "cinq"),
    ("six", "six"),
    ("seven", "sept"),
    ("eight", "huit"),
    ("nine", "neuf"),
    ("ten", "dix"),
];

/// Verbs that serve the grammar itself and are no entries of the lexicon.
pub(super) static ETRE: Verb = Verb::helper("être", "suis es est sommes êtes sont", "ser");
pub(super) static AVOIR: Verb = Verb::helper("avoir", "ai as a avons avez ont", "aur");
pub(super) static POUVOIR: Verb = Verb::helper("pouvoir", "peux peux peut pouvons pouvez peuvent", "pourr");
pub(super) static DEVOIR: Verb = Verb::helper("devoir", "dois dois doit devons devez doivent", "devr");
pub(super) static VOULOIR: Verb = Verb::helper("vouloir", "veux veux veut voulons voulez veulent", "voudr");
pub(super) static ALLER: Verb = Verb::helper("aller", "vais vas va allons allez vont", "ir");
