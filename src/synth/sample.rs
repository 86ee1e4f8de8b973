//! Random sentences: which shape, and what must agree across clauses.

use rand::rngs::ChaCha8Rng;

use super::choose::{Sampler, Size, affirmative};
use super::closed::*;
use super::lexicon::class::*;
use super::lexicon::{Comparison, Gender, Noun, Site};
use super::predicate::Leave;
use super::tree::*;
use super::verbs::Frame;

impl Sampler {
    pub fn new(random: ChaCha8Rng) -> Self {
        Self { random, you: Pronoun::You(Gender::Masculine), they: true }
    }

    pub fn sentence(&mut self) -> Sentence {
        self.you = Pronoun::You(Gender::Masculine);
        self.they = true;
        let kind = self.weighted(&[(40, 0), (11, 1), (15, 2), (5, 3), (5, 4), (8, 5), (9, 6), (5, 7), (5, 8)]);
        let vocative = self.vocative(kind);
        let body = match kind {
            0 if vocative.is_some() => {
                let subject = Nominal::Pronoun(self.you);
                let predicate = self.predicate_for(&subject, PERSON, Leave::ALL);
                Body::Statement(Clause { subject, predicate })
            }
            0 => Body::Statement(self.clause(Leave::ALL)),
            1 => self.yes_no(),
            2 => self.wh(),
            3 => self.order(),
            4 => self.existence(),
            5 => self.joined(),
            6 => self.anaphora(),
            7 => self.fronted(),
            _ => self.report(),
        };
        let mut sentence = Sentence { vocative, opening: None, body };
        if sentence.vocative.is_none() && self.chance(40) {
            open(&mut sentence);
        }
        sentence
    }

    /// Someone is called in some questions and orders, and then *you* is that one.
    fn vocative(&mut self, kind: usize) -> Option<Vocative> {
        let share = match kind {
            0 => 6,
            1 => 35,
            2 => 20,
            3 => 25,
            _ => 0,
        };
        if !self.chance(share) {
            return None;
        }
        if kind == 3 || self.chance(35) {
            let name = self.pick(NAMES);
            self.you = Pronoun::You(name.gender);
            return Some(Vocative::Name(name));
        }
        let (gender, word) = if self.chance(50) { (Gender::Masculine, &SIR) } else { (Gender::Feminine, &MADAM) };
        self.you = Pronoun::Polite(gender);
        Some(Vocative::Polite(word))
    }

    fn yes_no(&mut self) -> Body {
        let negated = self.chance(14);
        let mut clause = self.clause(Leave { negation: false, ..Leave::ALL });
        if negated {
            let allowed = !matches!(&clause.predicate.core, Core::Verb { object: Some(Nominal::Noun(phrase)), .. }
                if matches!(phrase.determiner, Determiner::Number(_) | Determiner::Many));
            if allowed {
                clause.predicate.polarity = Polarity::Not { contracted: true };
            }
        }
        Body::Question { wh: None, clause }
    }

    fn wh(&mut self) -> Body {
        let leave = Leave { negation: false, ..Leave::SHORT };
        let kind = self.weighted(&[(16, 0), (14, 1), (20, 2), (12, 3), (18, 4), (14, 5), (14, 6), (18, 7)]);
        let wh = match kind {
            0 => {
                let subject = if self.chance(30) {
                    let they = Pronoun::They(Gender::Masculine);
                    let you = self.you;
                    Nominal::Pronoun(self.weighted(&[(2, Pronoun::He), (2, Pronoun::She), (1, they), (1, you)]))
                } else if self.chance(25) {
                    self.name()
                } else {
                    let class = PERSON | ANIMAL | THING | CLOTHES | VEHICLE | PLACE | TEXT;
                    let noun = self.noun(class);
                    let mut phrase = self.plain(noun);
                    phrase.plural = self.chance(35);
                    self.describe(&mut phrase, 25);
                    Nominal::Noun(Box::new(phrase))
                };
                let tense = if self.chance(75) { Tense::Present } else { Tense::Past };
                let clause = Clause { subject, predicate: affirmative(tense, Core::Be(None)) };
                return Body::Question { wh: Some(Wh::Adverb(&WHERE)), clause };
            }
            1 => {
                let subject = self.someone();
                let verb = self.verb_where(|verb| {
                    matches!(
                        verb.english,
                        "live" | "work" | "sleep" | "go" | "buy" | "find" | "sing" | "swim" | "eat" | "see" | "wait"
                    ) && verb.subjects & PERSON != 0
                });
                let mut predicate = self.verbal(&subject, verb, leave);
                predicate.adjuncts.clear();
                predicate.adverb = None;
                return Body::Question { wh: Some(Wh::Adverb(&WHERE)), clause: Clause { subject, predicate } };
            }
            2 => {
                let clause = self.clause(Leave::SHORT);
                return Body::Question { wh: Some(Wh::Adverb(&WHY)), clause };
            }
            3 => {
                let (subject, class) = self.subject(Size::Short);
                let tense = if self.chance(50) { Tense::Past } else { Tense::Future };
                let verb = self.verb_where(|verb| {
                    verb.subjects & class != 0 && !verb.state && verb.past_is_visible() && verb.frame != Frame::Report
                });
                let second = matches!(subject, Nominal::Pronoun(Pronoun::You(_) | Pronoun::Polite(_) | Pronoun::We));
                let tense = if second { Tense::Past } else { tense };
                let mut predicate = self.verbal(&subject, verb, Leave { tense: Some(tense), ..leave });
                predicate.adverb = None;
                return Body::Question { wh: Some(Wh::Adverb(&WHEN)), clause: Clause { subject, predicate } };
            }
            4 => {
                let predicate = self.predicate_for(&Nominal::Pronoun(Pronoun::Who), PERSON, Leave { time: true, ..leave });
                return Body::Question { wh: None, clause: Clause { subject: Nominal::Pronoun(Pronoun::Who), predicate } };
            }
            5 => Wh::Object(&WHAT),
            6 => Wh::Object(&WHOM),
            _ => {
                let noun = self.noun_where(|noun| noun.is(FOOD | DISH | TEXT | CLOTHES | VEHICLE | ANIMAL) && !noun.is(MASS));
                let many = self.chance(45);
                let determiner = if many { Determiner::HowMany } else { Determiner::Which };
                let plural = many || self.chance(40);
                Wh::Phrase(self.phrase(noun, determiner, plural))
            }
        };
        let class = match &wh {
            Wh::Phrase(phrase) => phrase.noun.class,
            _ if kind == 6 => PERSON,
            _ => GOODS,
        };
        let subject = self.someone();
        let verb = self.verb_where(|verb| verb.frame == Frame::Direct && verb.objects & class != 0);
        let mut predicate = self.verbal(&subject, verb, leave);
        predicate.adverb = None;
        predicate.adjuncts.clear();
        predicate.core = Core::Verb { verb, object: None, recipient: None, that: None };
        Body::Question { wh: Some(wh), clause: Clause { subject, predicate } }
    }

    fn someone(&mut self) -> Nominal {
        loop {
            let (subject, class) = self.subject(Size::Short);
            if class == PERSON {
                return subject;
            }
        }
    }

    fn order(&mut self) -> Body {
        let you = Nominal::Pronoun(self.you);
        let verb = self.verb_where(|verb| {
            !verb.state
                && !verb.momentary
                && matches!(
                    verb.frame,
                    Frame::Direct | Frame::Intransitive | Frame::Ditransitive | Frame::Motion | Frame::Indirect
                )
        });
        let leave = Leave { negation: false, time: false, size: Size::Short, modal: false, tense: Some(Tense::Present) };
        let mut predicate = self.verbal(&you, verb, leave);
        predicate.adverb = None;
        let please = self.chance(35);
        let number = matches!(&predicate.core, Core::Verb { object: Some(Nominal::Noun(phrase)), .. }
            if matches!(phrase.determiner, Determiner::Number(_) | Determiner::Many));
        // French moves the pronoun behind an order that is not negated; the grammar leaves that to textbooks.
        let clitic = matches!(&predicate.core, Core::Verb { object, recipient, .. }
            if matches!(object, Some(Nominal::Pronoun(_))) || matches!(recipient, Some(Nominal::Pronoun(_))));
        if clitic || !number && self.chance(35) {
            predicate.polarity = Polarity::Not { contracted: self.chance(70) };
        }
        Body::Order { predicate, please }
    }

    fn existence(&mut self) -> Body {
        let noun = self.noun_where(|noun| noun.is(PERSON | ANIMAL | THING | FOOD | TEXT | VEHICLE) && !noun.is(MASS));
        let negative = self.chance(22);
        let number = 2 + self.below(NUMBERS.len());
        let kind = if negative { self.weighted(&[(1, 0), (2, 1)]) } else { self.weighted(&[(4, 0), (2, 1), (3, 2), (2, 3)]) };
        let (determiner, plural) = match kind {
            0 => (Determiner::A, false),
            1 => (Determiner::Some, true),
            2 => (Determiner::Number(number), true),
            _ => (Determiner::Many, true),
        };
        let mut what = self.phrase(noun, determiner, plural);
        self.describe(&mut what, 40);
        let place = if self.chance(55) && !noun.is(SUPPORT) {
            let (preposition, place) = self.spot(noun);
            Adjunct::At(preposition, place)
        } else {
            self.site(|place| noun.is(PERSON) || place.site == Site::In)
        };
        Body::Existence { what, negative, place }
    }

    /// Two clauses side by side. A free *they* in the second would seem to mean something in the first.
    fn joined(&mut self) -> Body {
        self.they = false;
        let first = self.clause(Leave::SHORT);
        let second = self.clause(Leave { time: true, ..Leave::SHORT });
        let conjunction = self.weighted(&[(4, &AND), (4, &BUT), (3, &BECAUSE)]);
        Body::Joined { first, comma: !std::ptr::eq(conjunction, &BECAUSE), conjunction, second }
    }

    fn fronted(&mut self) -> Body {
        self.they = false;
        let conditional = self.chance(55);
        let present = Leave { tense: Some(Tense::Present), modal: false, ..Leave::SHORT };
        let mut first = self.clause(present);
        first.predicate.adverb = None;
        let second = if conditional { Leave { tense: Some(Tense::Future), ..Leave::SHORT } } else { present };
        let mut second = self.clause(second);
        if conditional && matches!(second.subject, Nominal::Pronoun(Pronoun::You(_) | Pronoun::We)) {
            second.subject = self.name();
        }
        Body::Fronted { conjunction: if conditional { &IF } else { &WHEN }, first, second }
    }

    fn report(&mut self) -> Body {
        let subject = self.someone();
        self.they = false;
        let verb = self.verb_where(|verb| verb.frame == Frame::Report);
        let past = self.chance(35);
        let clause = if past {
            // In the past, what is reported is a state: French then has the imperfect as English has its simple past.
            let (about, class) = self.subject(Size::Short);
            let core = self.described(class, false);
            let mut predicate = affirmative(Tense::Past, core);
            if self.chance(25) {
                predicate.polarity = Polarity::Not { contracted: self.chance(50) };
            }
            Clause { subject: about, predicate }
        } else {
            self.clause(Leave::SHORT)
        };
        let core = Core::Verb { verb, object: None, recipient: None, that: Some(Box::new(clause)) };
        Body::Statement(Clause { subject, predicate: affirmative(if past { Tense::Past } else { Tense::Present }, core) })
    }

    /// A second clause whose *it* or *they* stands for the one noun of the first that it can stand for.
    fn anaphora(&mut self) -> Body {
        self.they = false;
        let plural = self.chance(35);
        let kind = self.weighted(&[(4, 0), (4, 1), (3, 2)]);
        if kind == 2 {
            let class = if plural { PERSON | ANIMAL } else { ANIMAL };
            let noun = self.noun(class);
            let (subject, pronoun) = self.antecedent(noun, plural);
            let class = noun.class;
            let first = self.alone(class);
            let second = self.mood(class);
            return Body::Joined {
                first: Clause { subject, predicate: first },
                comma: false,
                conjunction: &BECAUSE,
                second: Clause { subject: Nominal::Pronoun(pronoun), predicate: second },
            };
        }
        let class = THING | CLOTHES | VEHICLE | TEXT;
        let noun = self.noun(class);
        let (phrase, pronoun) = self.antecedent(noun, plural);
        let you = self.you;
        let actor = if self.chance(50) {
            self.name()
        } else {
            Nominal::Pronoun(self.weighted(&[(2, Pronoun::I), (1, you), (2, Pronoun::He), (2, Pronoun::She), (1, Pronoun::We)]))
        };
        let verb = self.verb_where(|verb| verb.frame == Frame::Direct && verb.objects & noun.class != 0);
        let tense = self.tense_for(&actor, verb);
        let with = |object| affirmative(tense, Core::Verb { verb, object: Some(object), recipient: None, that: None });
        let described = self.described_plain(noun.class);
        if kind == 0 {
            let mut predicate = with(Nominal::Pronoun(pronoun));
            if self.chance(50) {
                predicate.polarity = Polarity::Not { contracted: self.chance(60) };
            }
            let conjunction = if self.chance(70) { &BUT } else { &AND };
            Body::Joined {
                first: Clause { subject: phrase, predicate: described },
                comma: true,
                conjunction,
                second: Clause { subject: actor, predicate },
            }
        } else {
            Body::Joined {
                first: Clause { subject: actor, predicate: with(phrase) },
                comma: false,
                conjunction: &BECAUSE,
                second: Clause { subject: Nominal::Pronoun(pronoun), predicate: described },
            }
        }
    }

    fn antecedent(&mut self, noun: &'static Noun, plural: bool) -> (Nominal, Pronoun) {
        let mut phrase = self.plain(noun);
        phrase.plural = plural;
        if self.chance(20) {
            phrase.determiner = Determiner::This;
        }
        self.describe(&mut phrase, 25);
        phrase.after = None;
        let pronoun = if plural { Pronoun::They(noun.gender) } else { Pronoun::It(noun.gender) };
        (Nominal::Noun(Box::new(phrase)), pronoun)
    }

    /// A predicate that names nothing else.
    fn alone(&mut self, class: Class) -> Predicate {
        let verb = self.verb_where(|verb| verb.frame == Frame::Intransitive && verb.subjects & class != 0);
        let tense = self.tense(verb);
        affirmative(tense, Core::Verb { verb, object: None, recipient: None, that: None })
    }

    /// A state of mind or body that can be a reason.
    fn mood(&mut self, class: Class) -> Predicate {
        loop {
            let predicate = self.described_plain(class);
            if matches!(&predicate.core, Core::Be(Some((_, adjective)))
                if matches!(adjective.english, "tired" | "happy" | "sad" | "lazy" | "curious" | "old" | "young" | "clever"))
            {
                return predicate;
            }
        }
    }

    fn described_plain(&mut self, class: Class) -> Predicate {
        let core = match self.described(class, false) {
            Core::Be(Some((Degree::Plain, adjective))) if adjective.comparison != Comparison::None && self.chance(35) => {
                Core::Be(Some((if self.chance(60) { Degree::Very } else { Degree::Too }, adjective)))
            }
            core => core,
        };
        affirmative(if self.chance(70) { Tense::Present } else { Tense::Past }, core)
    }
}

/// Moves a closing time to the front of a statement.
fn open(sentence: &mut Sentence) {
    if let Body::Statement(clause) = &mut sentence.body
        && let Some(Adjunct::Fixed(time)) = clause.predicate.adjuncts.last()
    {
        sentence.opening = Some(time);
        clause.predicate.adjuncts.pop();
    }
}
