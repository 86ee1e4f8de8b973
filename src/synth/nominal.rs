//! Noun phrases and adjuncts in both languages at once.

use super::clause::Order;
use super::closed::{Fixed, NUMBERS, RELATIVE_OBJECT, RELATIVE_PERSON, RELATIVE_THING, WHOSE};
use super::lexicon::{Adjective, Gender, Noun, class};
use super::morphology::{Form, adjective, english_plural, french_plural};
use super::phrase::{EnglishWord, FrenchWord, Id, Phrase, french};
use super::split::{Fact, Relation};
use super::tree::*;

/// What a subject gives to the verb and to what agrees with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Features {
    /// Row of the conjugation table.
    pub form: Form,
    pub gender: Gender,
    /// For adjectives: a polite *vous* is one person.
    pub plural: bool,
}

/// Hands out English words and notes which words met in which relation.
#[derive(Default)]
pub(super) struct Realizer {
    next: Id,
    pub facts: Vec<Fact>,
}

impl Realizer {
    pub fn english(&mut self, text: impl Into<String>) -> EnglishWord {
        self.next += 1;
        EnglishWord { id: self.next, text: text.into() }
    }

    pub fn fact(&mut self, relation: Relation, left: &'static str, right: &'static str) {
        self.facts.push(Fact { relation, left, right });
    }

    pub fn fixed(&mut self, fixed: &Fixed) -> Phrase {
        let english: Vec<EnglishWord> = fixed.english.split(' ').map(|word| self.english(word)).collect();
        let mut words: Vec<FrenchWord> = fixed.french.split(' ').map(french).collect();
        for link in fixed.links.split(' ') {
            let sure = link.contains('-');
            let (source, target) = link.split_once(['-', 'p']).expect("a link joins two numbers");
            let source: usize = source.parse().expect("a link joins two numbers");
            let target: usize = target.parse().expect("a link joins two numbers");
            words[target].links.push((english[source].id, sure));
        }
        Phrase { english, french: words }
    }

    /// A subject, or an object that is no clitic. `negated`: the indefinite article becomes *de*.
    pub fn nominal(&mut self, nominal: &Nominal, negated: bool) -> (Phrase, Features) {
        match nominal {
            Nominal::Pronoun(pronoun) => self.subject_pronoun(*pronoun),
            Nominal::Name(name) => {
                let word = self.english(name.text);
                let french = vec![french(name.text).sure(word.id)];
                (Phrase { english: vec![word], french }, Features { form: 2, gender: name.gender, plural: false })
            }
            Nominal::Noun(phrase) => self.noun_phrase(phrase, negated),
            Nominal::And(left, right) => {
                let (mut whole, first) = self.nominal(left, negated);
                let and = self.english("and");
                let (right, second) = self.nominal(right, negated);
                whole.french.push(french("et").sure(and.id));
                whole.english.push(and);
                whole.append(right);
                let feminine = first.gender == Gender::Feminine && second.gender == Gender::Feminine;
                let gender = if feminine { Gender::Feminine } else { Gender::Masculine };
                (whole, Features { form: 5, gender, plural: true })
            }
        }
    }

    fn subject_pronoun(&mut self, pronoun: Pronoun) -> (Phrase, Features) {
        let (word, features) = (english_subject(pronoun), pronoun_features(pronoun));
        let word = self.english(word);
        let french = vec![french(french_subject(pronoun)).sure(word.id)];
        (Phrase { english: vec![word], french }, features)
    }

    pub fn noun_phrase(&mut self, phrase: &NounPhrase, negated: bool) -> (Phrase, Features) {
        let NounPhrase { noun, plural, .. } = *phrase;
        let gender = noun.gender;
        let mut possessor = None;
        let (english_determiner, french_determiner) = match &phrase.determiner {
            Determiner::Of(owner) => {
                let (mut owner, _) = self.nominal(owner, false);
                let last = owner.english.last_mut().expect("a phrase has words");
                last.text.push_str("'s");
                let id = last.id;
                let article = vec![french(article(gender, plural)).possible(id)];
                owner.french.insert(0, french("de").possible(id));
                possessor = Some(owner.french);
                (owner.english, article)
            }
            determiner => self.determiner(determiner, phrase, negated),
        };
        let mut english = english_determiner;
        let mut words = french_determiner;
        for described in [phrase.before, phrase.after].into_iter().flatten() {
            let word = self.english(described.english);
            self.fact(Relation::AdjectiveNoun, described.english, noun.english);
            english.push(word);
        }
        let adjectives = english.len();
        let head = self.english(if plural { english_plural(noun) } else { noun.english.to_string() });
        if let Determiner::Generic = phrase.determiner {
            words[0].links.push((head.id, false));
        }
        let after = phrase.after.map(|described| agreed(described, gender, plural).sure(english[adjectives - 1].id));
        if let Some(described) = phrase.before {
            let place = adjectives - 1 - usize::from(phrase.after.is_some());
            let mut word = agreed(described, gender, plural).sure(english[place].id);
            if gender == Gender::Masculine && !plural && !described.before_vowel.is_empty() {
                word.before_vowel = Some(described.before_vowel.to_string());
            }
            words.push(word);
        }
        words.push(french(if plural { french_plural(noun) } else { noun.french.to_string() }).sure(head.id));
        words.extend(after);
        words.extend(possessor.into_iter().flatten());
        english.push(head);
        let mut whole = Phrase { english, french: words };
        if let Some(modifier) = &phrase.modifier {
            let modifier = self.modifier(modifier, noun, plural);
            whole.append(modifier);
        }
        (whole, Features { form: if plural { 5 } else { 2 }, gender, plural })
    }

    fn determiner(&mut self, determiner: &Determiner, phrase: &NounPhrase, negated: bool) -> (Vec<EnglishWord>, Vec<FrenchWord>) {
        let NounPhrase { noun, plural, .. } = *phrase;
        let gender = noun.gender;
        let feminine = gender == Gender::Feminine;
        let (english, word) = match determiner {
            Determiner::The => ("the", article(gender, plural)),
            Determiner::A if negated => ("a", "de"),
            Determiner::A => ("a", if feminine { "une" } else { "un" }),
            Determiner::Some if negated => ("any", "de"),
            Determiner::Some if plural && phrase.before.is_some() => ("some", "de"),
            Determiner::Some if plural => ("some", "des"),
            Determiner::Some => {
                let some = self.english("some");
                let words = vec![french("de").sure(some.id), french(article(gender, false)).possible(some.id)];
                return (vec![some], words);
            }
            Determiner::Generic => return (Vec::new(), vec![french(article(gender, plural))]),
            Determiner::This if plural => ("these", "ces"),
            Determiner::This => ("this", if feminine { "cette" } else { "ce" }),
            Determiner::Possessive(owner) => possessive(*owner, gender, plural),
            Determiner::Every => ("every", "chaque"),
            Determiner::Number(number) => NUMBERS[number - 2],
            Determiner::Which => {
                ("which", ["quel", "quelle", "quels", "quelles"][usize::from(feminine) + 2 * usize::from(plural)])
            }
            Determiner::Many => {
                let many = self.english("many");
                let words = vec![french("beaucoup").sure(many.id), french("de").possible(many.id)];
                return (vec![many], words);
            }
            Determiner::HowMany => {
                let (how, many) = (self.english("how"), self.english("many"));
                let words = vec![french("combien").sure(many.id).possible(how.id), french("de").possible(many.id)];
                return (vec![how, many], words);
            }
            Determiner::Of(_) => unreachable!("the possessor is placed by the noun phrase"),
        };
        let english = self.english(english);
        let word = french(word).sure(english.id);
        (vec![english], vec![word])
    }

    fn modifier(&mut self, modifier: &Modifier, noun: &'static Noun, plural: bool) -> Phrase {
        match modifier {
            Modifier::At(preposition, place) => self.prepositional(preposition, place),
            Modifier::Subject(predicate) => {
                let link = if noun.is(class::PERSON) { &RELATIVE_PERSON } else { &RELATIVE_THING };
                let mut whole = self.fixed(link);
                let features = Features { form: if plural { 5 } else { 2 }, gender: noun.gender, plural };
                self.subject_facts(noun, predicate);
                whole.append(self.predicate(Phrase::default(), features, predicate, Order::Plain, None));
                whole
            }
            Modifier::Object(subject, predicate) => {
                let mut whole = self.fixed(&RELATIVE_OBJECT);
                if let Core::Verb { verb, .. } = &predicate.core {
                    self.fact(Relation::VerbObject, verb.english, noun.english);
                    self.fact(Relation::ObjectRelative, verb.english, "");
                }
                whole.append(self.clause(subject, predicate, Order::Plain, Some((noun.gender, plural))));
                whole
            }
            Modifier::Whose(thing, predicate) => {
                let mut whole = self.fixed(&WHOSE);
                let whose = whole.english[0].id;
                let head = self.english(thing.english);
                whole.french.push(french(article(thing.gender, false)).possible(whose));
                whole.french.push(french(thing.french).sure(head.id));
                whole.english.push(head);
                let features = Features { form: 2, gender: thing.gender, plural: false };
                self.subject_facts(thing, predicate);
                whole.append(self.predicate(Phrase::default(), features, predicate, Order::Plain, None));
                whole
            }
        }
    }

    pub fn prepositional(&mut self, preposition: &Fixed, place: &Nominal) -> Phrase {
        let mut whole = self.fixed(preposition);
        let (place, _) = self.nominal(place, false);
        whole.append(place);
        whole
    }

    pub fn adjunct(&mut self, adjunct: &Adjunct) -> Phrase {
        match adjunct {
            Adjunct::Fixed(fixed) => self.fixed(fixed),
            Adjunct::At(preposition, place) => self.prepositional(preposition, place),
            Adjunct::Town(preposition, town) => {
                let (preposition, name) = (self.english(*preposition), self.english(town.english));
                let words = vec![french(town.preposition).sure(preposition.id), french(town.french).sure(name.id)];
                Phrase { english: vec![preposition, name], french: words }
            }
        }
    }
}

fn agreed(described: &Adjective, gender: Gender, plural: bool) -> FrenchWord {
    french(adjective(described, gender, plural))
}

pub(super) fn article(gender: Gender, plural: bool) -> &'static str {
    match (gender, plural) {
        (_, true) => "les",
        (Gender::Masculine, false) => "le",
        (Gender::Feminine, false) => "la",
    }
}

fn possessive(owner: Pronoun, gender: Gender, plural: bool) -> (&'static str, &'static str) {
    let column = if plural { 2 } else { usize::from(gender == Gender::Feminine) };
    match owner {
        Pronoun::I => ("my", ["mon", "ma", "mes"][column]),
        Pronoun::You(_) => ("your", ["ton", "ta", "tes"][column]),
        Pronoun::Polite(_) => ("your", ["votre", "votre", "vos"][column]),
        Pronoun::He | Pronoun::Who => ("his", ["son", "sa", "ses"][column]),
        Pronoun::She => ("her", ["son", "sa", "ses"][column]),
        Pronoun::It(_) => ("its", ["son", "sa", "ses"][column]),
        Pronoun::We => ("our", ["notre", "notre", "nos"][column]),
        Pronoun::They(_) => ("their", ["leur", "leur", "leurs"][column]),
    }
}

fn english_subject(pronoun: Pronoun) -> &'static str {
    match pronoun {
        Pronoun::I => "I",
        Pronoun::You(_) | Pronoun::Polite(_) => "you",
        Pronoun::He => "he",
        Pronoun::She => "she",
        Pronoun::It(_) => "it",
        Pronoun::We => "we",
        Pronoun::They(_) => "they",
        Pronoun::Who => "who",
    }
}

pub(super) fn french_subject(pronoun: Pronoun) -> &'static str {
    match pronoun {
        Pronoun::I => "je",
        Pronoun::You(_) => "tu",
        Pronoun::Polite(_) => "vous",
        Pronoun::He | Pronoun::It(Gender::Masculine) => "il",
        Pronoun::She | Pronoun::It(Gender::Feminine) => "elle",
        Pronoun::We => "nous",
        Pronoun::They(Gender::Masculine) => "ils",
        Pronoun::They(Gender::Feminine) => "elles",
        Pronoun::Who => "qui",
    }
}

pub(super) fn pronoun_features(pronoun: Pronoun) -> Features {
    let masculine = Gender::Masculine;
    let (form, gender, plural) = match pronoun {
        Pronoun::I => (0, masculine, false),
        Pronoun::You(gender) => (1, gender, false),
        Pronoun::He | Pronoun::Who => (2, masculine, false),
        Pronoun::She => (2, Gender::Feminine, false),
        Pronoun::It(gender) => (2, gender, false),
        Pronoun::We => (3, masculine, true),
        Pronoun::Polite(gender) => (4, gender, false),
        Pronoun::They(gender) => (5, gender, true),
    };
    Features { form, gender, plural }
}
