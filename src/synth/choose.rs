//! Random noun phrases and predicates that make sense: verbs and adjectives meet only nouns of the classes they go with.

use rand::Rng;
use rand::rngs::ChaCha8Rng;

use super::closed::*;
use super::lexicon::class::*;
use super::lexicon::{ADJECTIVES, Adjective, Comparison, Gender, NOUNS, Noun, Owned, Position, Site};
use super::tree::*;
use super::verbs::{Frame, VERBS, Verb};

/// Draws sentences; what it may draw depends on what the sentence has said.
pub(super) struct Sampler {
    pub random: ChaCha8Rng,
    /// Whom *you* means.
    pub you: Pronoun,
    /// Whether *they* and *them* may stand alone; they then are masculine.
    pub they: bool,
}

/// How much a noun phrase may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    Full,
    /// No modifier after the noun.
    Short,
}

impl Sampler {
    pub fn below(&mut self, bound: usize) -> usize {
        ((u64::from(self.random.next_u32()) * bound as u64) >> 32) as usize
    }

    pub fn chance(&mut self, per_cent: usize) -> bool {
        self.below(100) < per_cent
    }

    pub fn pick<T>(&mut self, items: &'static [T]) -> &'static T {
        &items[self.below(items.len())]
    }

    pub fn weighted<T: Copy>(&mut self, items: &[(usize, T)]) -> T {
        let mut draw = self.below(items.iter().map(|item| item.0).sum());
        for &(weight, item) in items {
            if draw < weight {
                return item;
            }
            draw -= weight;
        }
        unreachable!("the draw lies below the sum of the weights")
    }

    pub fn noun(&mut self, class: Class) -> &'static Noun {
        self.noun_where(|noun| noun.is(class))
    }

    pub fn noun_where(&mut self, fits: impl Fn(&Noun) -> bool) -> &'static Noun {
        let count = NOUNS.iter().filter(|noun| fits(noun)).count();
        let at = self.below(count);
        NOUNS.iter().filter(|noun| fits(noun)).nth(at).expect("the draw lies below the count")
    }

    fn adjective_where(&mut self, fits: impl Fn(&Adjective) -> bool) -> Option<&'static Adjective> {
        let count = ADJECTIVES.iter().filter(|adjective| fits(adjective)).count();
        if count == 0 {
            return None;
        }
        let at = self.below(count);
        ADJECTIVES.iter().filter(|adjective| fits(adjective)).nth(at)
    }

    pub fn verb_where(&mut self, fits: impl Fn(&Verb) -> bool) -> &'static Verb {
        let count = VERBS.iter().filter(|verb| fits(verb)).count();
        let at = self.below(count);
        VERBS.iter().filter(|verb| fits(verb)).nth(at).expect("the draw lies below the count")
    }

    pub fn name(&mut self) -> Nominal {
        Nominal::Name(self.pick(NAMES))
    }

    pub fn owner(&mut self) -> Pronoun {
        let you = self.you;
        self.weighted(&[
            (3, Pronoun::I),
            (2, you),
            (2, Pronoun::He),
            (2, Pronoun::She),
            (1, Pronoun::We),
            (1, Pronoun::They(Gender::Masculine)),
        ])
    }

    pub fn phrase(&mut self, noun: &'static Noun, determiner: Determiner, plural: bool) -> NounPhrase {
        NounPhrase { determiner, noun, plural, before: None, after: None, modifier: None }
    }

    /// *the*, *my* or *this*, singular, with no more words.
    pub fn plain(&mut self, noun: &'static Noun) -> NounPhrase {
        let determiner = self.definite(noun, 40);
        self.phrase(noun, determiner, false)
    }

    /// *the*, or *my* with the given share where the noun allows.
    fn definite(&mut self, noun: &Noun, per_cent: usize) -> Determiner {
        let share = match noun.owned {
            Owned::Never => 0,
            Owned::Maybe => per_cent,
            Owned::Mostly => 85,
        };
        if self.chance(share) { Determiner::Possessive(self.owner()) } else { Determiner::The }
    }

    pub fn describe(&mut self, phrase: &mut NounPhrase, per_cent: usize) {
        let class = phrase.noun.class;
        if self.chance(per_cent) {
            let position = if self.chance(50) { Position::Before } else { Position::After };
            let both = self.chance(12);
            for place in [Position::Before, Position::After] {
                if both || place == position {
                    let adjective = self.adjective_where(|adjective| adjective.class & class != 0 && adjective.position == place);
                    match place {
                        Position::Before => phrase.before = adjective,
                        Position::After => phrase.after = adjective,
                    }
                }
            }
        }
    }

    /// Someone or something that acts or is described.
    pub fn subject_phrase(&mut self, class: Class, size: Size) -> NounPhrase {
        let noun = self.noun_where(|noun| noun.is(class) && !noun.is(MASS));
        let number = 2 + self.below(NUMBERS.len());
        let actor = usize::from(noun.is(PERSON | ANIMAL));
        let owned = usize::from(noun.owned != Owned::Never);
        let kind =
            self.weighted(&[(60, 0), (9, 2), (8 * actor, 3), (4 * actor, 4), (9 * actor, 5), (4 * actor, 6), (6 * owned, 7)]);
        let (determiner, plural) = match kind {
            0 => (self.definite(noun, 30), self.chance(42)),
            2 => (Determiner::This, self.chance(42)),
            3 => (Determiner::A, false),
            4 => (Determiner::Every, false),
            5 => (Determiner::Number(number), true),
            6 => (Determiner::Many, true),
            _ => (Determiner::Of(self.possessor()), self.chance(40)),
        };
        let mut phrase = self.phrase(noun, determiner, plural);
        self.describe(&mut phrase, 35);
        if size == Size::Full && self.chance(25) {
            self.modify(&mut phrase);
        }
        phrase
    }

    fn possessor(&mut self) -> Nominal {
        if self.chance(60) {
            return self.name();
        }
        let noun = self.noun(PERSON);
        Nominal::Noun(Box::new(self.plain(noun)))
    }

    pub fn object_phrase(&mut self, verb: &Verb, negated: bool, size: Size) -> NounPhrase {
        let noun = self.noun(verb.objects);
        let mass = noun.is(MASS);
        if matches!(verb.english, "love" | "hate") && self.chance(45) {
            return self.phrase(noun, Determiner::Generic, !mass);
        }
        let indefinite = usize::from(!matches!(
            verb.english,
            "love" | "hate" | "know" | "obey" | "answer" | "call" | "leave" | "wait" | "listen"
        ));
        let counted = usize::from(!mass);
        let number = 2 + self.below(NUMBERS.len());
        let owned = usize::from(noun.owned != Owned::Never);
        let plain = usize::from(!negated) * counted;
        let kind = self.weighted(&[
            (44, 0),
            (9, 2),
            (22 * indefinite * counted, 3),
            (9 * plain * indefinite, 4),
            (4 * plain * indefinite, 5),
            (12 * indefinite, 6),
            (6 * counted * owned, 7),
        ]);
        let (determiner, plural) = match kind {
            0 => (self.definite(noun, 30), self.chance(35)),
            2 => (Determiner::This, self.chance(35)),
            3 => (Determiner::A, false),
            4 => (Determiner::Number(number), true),
            5 => (Determiner::Many, true),
            6 => (Determiner::Some, true),
            _ => (Determiner::Of(self.possessor()), self.chance(35)),
        };
        let mut phrase = self.phrase(noun, determiner, plural && !mass);
        self.describe(&mut phrase, 35);
        // A relative clause on a negated indefinite would want the subjunctive.
        let bare = negated && matches!(phrase.determiner, Determiner::A | Determiner::Some);
        if size == Size::Full && !mass && !bare && self.chance(32) {
            self.modify(&mut phrase);
        }
        phrase
    }

    fn modify(&mut self, phrase: &mut NounPhrase) {
        if matches!(phrase.determiner, Determiner::Of(_)) {
            return;
        }
        let noun = phrase.noun;
        let animate = noun.is(PERSON | ANIMAL);
        let kind = self.weighted(&[(3, 0), (3 * usize::from(animate), 1), (4, 2), (2 * usize::from(noun.is(PERSON)), 3)]);
        phrase.modifier = Some(match kind {
            0 if noun.is(HOUSE) && noun.is(OPENS) || noun.english == "room" => {
                let house = self.noun_where(|place| matches!(place.english, "house" | "castle" | "hotel" | "school" | "church"));
                Modifier::At(&OF, Nominal::Noun(Box::new(self.plain(house))))
            }
            0 if noun.is(ANIMAL | THING | FOOD | DISH | TEXT | CLOTHES) => {
                let (preposition, place) = self.spot(noun);
                Modifier::At(preposition, place)
            }
            0 if animate => {
                let place = self.noun_where(|place| place.is(PLACE) && place.site == Site::In);
                Modifier::At(&IN, Nominal::Noun(Box::new(self.phrase(place, Determiner::The, false))))
            }
            1 => {
                let class = if noun.is(PERSON) { PERSON } else { ANIMAL };
                Modifier::Subject(self.short_predicate(class, None))
            }
            3 => {
                let thing = self.noun(VEHICLE | CLOTHES | ANIMAL);
                let adjective =
                    self.adjective_where(|adjective| adjective.class & thing.class != 0).expect("all of these have adjectives");
                let core = Core::Be(Some((Degree::Plain, adjective)));
                Modifier::Whose(thing, affirmative(Tense::Present, core))
            }
            _ => {
                let verb = self.verb_where(|verb| verb.frame == Frame::Direct && verb.objects & noun.class != 0);
                let you = self.you;
                let pronoun = self.weighted(&[(2, Pronoun::I), (2, you), (2, Pronoun::He), (2, Pronoun::She), (1, Pronoun::We)]);
                let subject = if self.chance(45) { self.name() } else { Nominal::Pronoun(pronoun) };
                let tense = self.tense_for(&subject, verb);
                let core = Core::Verb { verb, object: None, recipient: None, that: None };
                Modifier::Object(subject, affirmative(tense, core))
            }
        });
        if matches!(phrase.determiner, Determiner::Possessive(_)) {
            phrase.determiner = Determiner::The;
        }
    }

    pub fn tense(&mut self, verb: &Verb) -> Tense {
        self.weighted(&[
            (42, Tense::Present),
            (14 * usize::from(!verb.state && !verb.momentary), Tense::Progressive),
            (26 * usize::from(verb.past_is_visible()), Tense::Past),
            (20 * usize::from(!verb.state || matches!(verb.english, "have" | "know" | "live")), Tense::Future),
        ])
    }

    /// The simple future stays with *je* and the third persons, so that each of its many forms is seen often enough to be learned.
    pub fn tense_for(&mut self, subject: &Nominal, verb: &Verb) -> Tense {
        let tense = self.tense(verb);
        let rare = matches!(subject, Nominal::Pronoun(Pronoun::You(_) | Pronoun::Polite(_) | Pronoun::We));
        if rare && tense == Tense::Future { Tense::Present } else { tense }
    }

    /// A verb alone or with a short object; no negation.
    pub fn short_predicate(&mut self, class: Class, tense: Option<Tense>) -> Predicate {
        if self.chance(25) {
            let core = self.described(class, false);
            return affirmative(tense.unwrap_or(Tense::Present), core);
        }
        let verb = self.verb_where(|verb| {
            verb.subjects & class != 0
                && matches!(verb.frame, Frame::Intransitive | Frame::Direct)
                && (tense != Some(Tense::Past) || verb.past_is_visible())
        });
        let tense = tense.unwrap_or_else(|| self.tense(verb));
        let object = (verb.frame == Frame::Direct).then(|| Nominal::Noun(Box::new(self.object_phrase(verb, false, Size::Short))));
        affirmative(tense, Core::Verb { verb, object, recipient: None, that: None })
    }

    /// *be* with an adjective that fits.
    pub fn described(&mut self, class: Class, degrees: bool) -> Core {
        let adjective = self.adjective_where(|adjective| adjective.class & class != 0).expect("every class has adjectives");
        if !degrees || adjective.comparison == Comparison::None {
            return Core::Be(Some((Degree::Plain, adjective)));
        }
        let kind = self.weighted(&[(50, 0), (20, 1), (10, 2), (12, 3), (8, 4)]);
        let degree = match kind {
            0 => Degree::Plain,
            1 => Degree::Very,
            2 => Degree::Too,
            _ => {
                let other = if class & PERSON != 0 && self.chance(50) {
                    self.name()
                } else {
                    let noun = self.noun_where(|noun| noun.is(class & adjective.class) && !noun.is(MASS));
                    let mut phrase = self.plain(noun);
                    phrase.plural = self.chance(25);
                    Nominal::Noun(Box::new(phrase))
                };
                if kind == 3 { Degree::More(other) } else { Degree::As(other) }
            }
        };
        Core::Be(Some((degree, adjective)))
    }

    pub fn site(&mut self, fits: impl Fn(&Noun) -> bool) -> Adjunct {
        let place = self.noun_where(|noun| noun.is(PLACE) && fits(noun));
        let preposition = if place.site == Site::In { &IN } else { &AT };
        let determiner = self.definite(place, 18);
        Adjunct::At(preposition, Nominal::Noun(Box::new(self.phrase(place, determiner, false))))
    }

    /// Where something of this size can be found: on or under furniture, behind or near buildings.
    pub fn spot(&mut self, noun: &Noun) -> (&'static Fixed, Nominal) {
        let outdoors = noun.is(PERSON | LARGE | VEHICLE);
        let place = self.noun_where(|place| {
            !std::ptr::eq(place, noun)
                && if outdoors {
                    place.is(PLACE) && place.site == Site::At || place.english == "tree"
                } else {
                    place.is(SUPPORT | PLANT)
                }
        });
        let preposition = if outdoors || place.english == "tree" { self.pick(&SPATIAL[1..]) } else { self.pick(SPATIAL) };
        let preposition = if outdoors && preposition.english == "under" { &SPATIAL[3] } else { preposition };
        (preposition, Nominal::Noun(Box::new(self.plain(place))))
    }

    pub fn town(&mut self, preposition: &'static str) -> Adjunct {
        Adjunct::Town(preposition, self.pick(TOWNS))
    }

    pub fn person(&mut self) -> Nominal {
        if self.chance(50) {
            return self.name();
        }
        let noun = self.noun(PERSON);
        Nominal::Noun(Box::new(self.plain(noun)))
    }
}

pub(super) fn affirmative(tense: Tense, core: Core) -> Predicate {
    Predicate { tense, polarity: Polarity::Affirmative, modal: None, adverb: None, core, adjuncts: Vec::new() }
}
