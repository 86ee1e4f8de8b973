//! Abstract sentences: what is said, before either language says it.

use super::closed::{Fixed, Name, Town};
use super::lexicon::{Adjective, Gender, Noun};
use super::verbs::Verb;

/// Gender stands where French needs it: for *it* and *they* it is that of what they stand for, for *you* that of the one addressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pronoun {
    I,
    /// *tu*.
    You(Gender),
    /// *vous* to one person, after *Sir* or *Madam*.
    Polite(Gender),
    He,
    She,
    It(Gender),
    We,
    They(Gender),
    /// The question word as subject.
    Who,
}

#[derive(Clone, Debug)]
pub(super) enum Nominal {
    Pronoun(Pronoun),
    Name(&'static Name),
    Noun(Box<NounPhrase>),
    And(Box<Nominal>, Box<Nominal>),
}

#[derive(Clone, Debug)]
pub(super) enum Determiner {
    The,
    /// *a*; *de* under negation.
    A,
    /// *some*, under negation *any*: *des*, *du*, *de la*; *de* under negation.
    Some,
    /// None in English, the definite article in French: *Paul loves apples.*
    Generic,
    This,
    Possessive(Pronoun),
    Every,
    /// From two to ten.
    Number(usize),
    Many,
    Which,
    HowMany,
    /// *Paul's*.
    Of(Nominal),
}

#[derive(Clone, Debug)]
pub(super) enum Modifier {
    At(&'static Fixed, Nominal),
    /// The noun is the subject of the clause.
    Subject(Predicate),
    /// The noun is the object of the clause.
    Object(Nominal, Predicate),
    /// Something of the noun's is the subject of the clause: *whose car is red*.
    Whose(&'static Noun, Predicate),
}

#[derive(Clone, Debug)]
pub(super) struct NounPhrase {
    pub determiner: Determiner,
    pub noun: &'static Noun,
    pub plural: bool,
    /// Stands before the noun in French.
    pub before: Option<&'static Adjective>,
    /// Stands after the noun in French.
    pub after: Option<&'static Adjective>,
    pub modifier: Option<Modifier>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tense {
    Present,
    /// *is eating*: the French present.
    Progressive,
    /// The compound past, for states the imperfect.
    Past,
    Future,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Polarity {
    Affirmative,
    Not { contracted: bool },
    Never,
}

/// With the present tense only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Modal {
    Can,
    Must,
    Want,
    GoingTo,
}

#[derive(Clone, Debug)]
pub(super) enum Degree {
    Plain,
    Very,
    Too,
    More(Nominal),
    As(Nominal),
}

#[derive(Clone, Debug)]
pub(super) enum Core {
    Verb {
        verb: &'static Verb,
        object: Option<Nominal>,
        recipient: Option<Nominal>,
        that: Option<Box<Clause>>,
    },
    /// *be*, with an adjective or, where an adjunct says where, alone.
    Be(Option<(Degree, &'static Adjective)>),
}

#[derive(Clone, Debug)]
pub(super) enum Adjunct {
    Fixed(&'static Fixed),
    At(&'static Fixed, Nominal),
    Town(&'static str, &'static Town),
}

#[derive(Clone, Debug)]
pub(super) struct Predicate {
    pub tense: Tense,
    pub polarity: Polarity,
    pub modal: Option<Modal>,
    pub adverb: Option<&'static Fixed>,
    pub core: Core,
    pub adjuncts: Vec<Adjunct>,
}

#[derive(Clone, Debug)]
pub(super) struct Clause {
    pub subject: Nominal,
    pub predicate: Predicate,
}

#[derive(Clone, Debug)]
pub(super) enum Wh {
    /// A fixed word that takes no place in the clause: where, why, when.
    Adverb(&'static Fixed),
    /// What or who as object.
    Object(&'static Fixed),
    /// *which …*, *how many …* as object.
    Phrase(NounPhrase),
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    Statement(Clause),
    /// Two clauses; the conjunction opens the second.
    Joined {
        first: Clause,
        comma: bool,
        conjunction: &'static Fixed,
        second: Clause,
    },
    /// Two clauses; the conjunction opens the first.
    Fronted {
        conjunction: &'static Fixed,
        first: Clause,
        second: Clause,
    },
    Question {
        wh: Option<Wh>,
        clause: Clause,
    },
    Order {
        predicate: Predicate,
        please: bool,
    },
    /// *There is …*.
    Existence {
        what: NounPhrase,
        negative: bool,
        place: Adjunct,
    },
}

#[derive(Clone, Debug)]
pub(super) enum Vocative {
    Name(&'static Name),
    Polite(&'static Fixed),
}

#[derive(Clone, Debug)]
pub(super) struct Sentence {
    pub vocative: Option<Vocative>,
    /// An adverbial before the clause.
    pub opening: Option<&'static Fixed>,
    pub body: Body,
}
