//! Random subjects and predicates of main clauses.

use super::choose::{Sampler, Size, affirmative};
use super::closed::*;
use super::lexicon::class::*;
use super::lexicon::{Comparison, Gender, Site};
use super::tree::*;
use super::verbs::{Frame, Verb};

/// What a clause may do in its place in the sentence.
#[derive(Clone, Copy)]
pub(super) struct Leave {
    pub negation: bool,
    pub time: bool,
    pub size: Size,
    pub modal: bool,
    pub tense: Option<Tense>,
}

impl Leave {
    pub const ALL: Self = Self { negation: true, time: true, size: Size::Full, modal: true, tense: None };
    pub const SHORT: Self = Self { negation: true, time: false, size: Size::Short, modal: true, tense: None };
}

impl Sampler {
    /// A subject and its class.
    pub fn subject(&mut self, size: Size) -> (Nominal, Class) {
        if matches!(self.you, Pronoun::Polite(_)) && self.chance(60) {
            return (Nominal::Pronoun(self.you), PERSON);
        }
        let kind = self.weighted(&[(20, 0), (40, 1), (26, 2), (9, 3), (4, 4)]);
        match kind {
            0 => (self.name(), PERSON),
            1 => {
                let you = self.you;
                let they = usize::from(self.they);
                let pronoun = self.weighted(&[
                    (8, Pronoun::I),
                    (8, you),
                    (6, Pronoun::He),
                    (6, Pronoun::She),
                    (5, Pronoun::We),
                    (6 * they, Pronoun::They(Gender::Masculine)),
                ]);
                (Nominal::Pronoun(pronoun), PERSON)
            }
            2 => (Nominal::Noun(Box::new(self.subject_phrase(PERSON, size))), PERSON),
            3 => (Nominal::Noun(Box::new(self.subject_phrase(ANIMAL, size))), ANIMAL),
            _ => {
                let (left, right) = (self.name(), self.person());
                (Nominal::And(Box::new(left), Box::new(right)), PERSON)
            }
        }
    }

    pub fn clause(&mut self, leave: Leave) -> Clause {
        if leave.tense.is_none() && self.chance(8) {
            let mut phrase = self.subject_phrase(THING | CLOTHES | VEHICLE | PLACE | TEXT | DISH, Size::Short);
            // No "the blue car is red".
            phrase.after = None;
            let core = self.described(phrase.noun.class, true);
            let predicate = self.being(core, leave);
            return Clause { subject: Nominal::Noun(Box::new(phrase)), predicate };
        }
        let (subject, class) = self.subject(leave.size);
        let predicate = self.predicate_for(&subject, class, leave);
        Clause { subject, predicate }
    }

    fn polarity(&mut self, allowed: bool) -> Polarity {
        let kind = self.weighted(&[
            (72, 0),
            (10 * usize::from(allowed), 1),
            (13 * usize::from(allowed), 2),
            (5 * usize::from(allowed), 3),
        ]);
        match kind {
            0 => Polarity::Affirmative,
            1 => Polarity::Not { contracted: false },
            2 => Polarity::Not { contracted: true },
            _ => Polarity::Never,
        }
    }

    fn being(&mut self, core: Core, leave: Leave) -> Predicate {
        let lasting = matches!(&core, Core::Be(Some((_, adjective))) if adjective.comparison == Comparison::None);
        let future = if lasting { 0 } else { 15 };
        let tense =
            leave.tense.unwrap_or_else(|| self.weighted(&[(60, Tense::Present), (25, Tense::Past), (future, Tense::Future)]));
        let mut predicate = affirmative(tense, core);
        predicate.polarity = self.polarity(leave.negation);
        let plain = predicate.polarity != Polarity::Never
            && matches!(predicate.core, Core::Be(Some((Degree::Plain | Degree::Very | Degree::Too, adjective)))
                if adjective.comparison != Comparison::None);
        if leave.time && plain && self.chance(25) {
            let times = match tense {
                Tense::Past => PAST,
                Tense::Future => COMING,
                Tense::Present | Tense::Progressive => CURRENT,
            };
            predicate.adjuncts.push(Adjunct::Fixed(self.pick(times)));
        }
        predicate
    }

    pub fn predicate_for(&mut self, subject: &Nominal, class: Class, leave: Leave) -> Predicate {
        let kind = self.weighted(&[(14, 0), (7, 1), (79, 2)]);
        match kind {
            0 => {
                let core = self.described(class, true);
                self.being(core, leave)
            }
            1 => {
                let mut predicate = self.being(Core::Be(None), Leave { time: false, ..leave });
                let noun = match subject {
                    Nominal::Noun(phrase) => Some(phrase.noun),
                    _ => None,
                };
                let place = match noun {
                    Some(noun) if self.chance(if class == ANIMAL { 60 } else { 30 }) => {
                        let (preposition, place) = self.spot(noun);
                        Adjunct::At(preposition, place)
                    }
                    _ if class == ANIMAL => self.site(|place| place.site == Site::In),
                    _ if self.chance(25) => self.town("in"),
                    _ => self.site(|_| true),
                };
                predicate.adjuncts.push(place);
                predicate
            }
            _ => {
                let tense = leave.tense;
                let verb = self.verb_where(|verb| {
                    verb.subjects & class != 0
                        && verb.frame != Frame::Report
                        && (tense != Some(Tense::Past) || verb.past_is_visible())
                });
                self.verbal(subject, verb, leave)
            }
        }
    }

    /// A predicate with a given verb: tense, polarity, objects and adjuncts.
    pub fn verbal(&mut self, subject: &Nominal, verb: &'static Verb, leave: Leave) -> Predicate {
        let tense = leave.tense.unwrap_or_else(|| self.tense_for(subject, verb));
        let core = Core::Verb { verb, object: None, recipient: None, that: None };
        let mut predicate = affirmative(tense, core);
        predicate.polarity = self.polarity(leave.negation);
        let ordinary = matches!(tense, Tense::Present | Tense::Past);
        if (!ordinary || verb.state && verb.english != "have") && predicate.polarity == Polarity::Never {
            predicate.polarity = Polarity::Affirmative;
        }
        let never = predicate.polarity == Polarity::Never;
        if leave.modal
            && tense == Tense::Present
            && !verb.state
            && !never
            && !matches!(verb.english, "lose" | "forget")
            && self.chance(32)
        {
            let kinds =
                [(3, Modal::Can), (2, Modal::Must), (3, Modal::Want), (2 * usize::from(verb.english != "go"), Modal::GoingTo)];
            predicate.modal = Some(self.weighted(&kinds));
        } else if ordinary && !never && !verb.state && self.chance(14) {
            predicate.adverb = Some(self.pick(OFTEN));
        }
        let negated = predicate.polarity != Polarity::Affirmative;
        let (object, recipient) = self.objects(subject, verb, negated, leave.size);
        let modified = matches!(&object, Some(Nominal::Noun(phrase)) if phrase.modifier.is_some());
        predicate.core = Core::Verb { verb, object, recipient, that: None };
        if leave.size == Size::Full && !modified || matches!(verb.frame, Frame::Motion | Frame::Location) {
            predicate.adjuncts.extend(self.place(verb));
        }
        let passing = !verb.state || matches!(verb.english, "have" | "want" | "live");
        let free = predicate.adverb.is_none() && !never && passing;
        if leave.time && free && self.chance(32) {
            let times = match tense {
                Tense::Present if predicate.modal.is_some() => COMING,
                Tense::Present if verb.state => CURRENT,
                Tense::Present if negated => &HABITUAL[1..],
                Tense::Present => HABITUAL,
                Tense::Progressive => CURRENT,
                Tense::Past => PAST,
                Tense::Future => COMING,
            };
            predicate.adjuncts.push(Adjunct::Fixed(self.pick(times)));
        }
        predicate
    }

    fn objects(&mut self, subject: &Nominal, verb: &Verb, negated: bool, size: Size) -> (Option<Nominal>, Option<Nominal>) {
        let personal = verb.objects & PERSON != 0;
        match verb.frame {
            Frame::Direct | Frame::Indirect => {
                let share = if personal { 34 } else { 8 };
                if (personal || self.they) && self.chance(share) {
                    return (Some(Nominal::Pronoun(self.object_pronoun(subject, personal))), None);
                }
                if personal && self.chance(20) {
                    return (Some(self.name()), None);
                }
                (Some(Nominal::Noun(Box::new(self.object_phrase(verb, negated, size)))), None)
            }
            Frame::Ditransitive => {
                let object = if self.they && self.chance(14) {
                    Nominal::Pronoun(Pronoun::They(Gender::Masculine))
                } else {
                    Nominal::Noun(Box::new(self.object_phrase(verb, negated, Size::Short)))
                };
                let recipient =
                    if self.chance(50) { Nominal::Pronoun(self.object_pronoun(subject, true)) } else { self.person() };
                (Some(object), Some(recipient))
            }
            Frame::Intransitive | Frame::Motion | Frame::Location | Frame::Report => (None, None),
        }
    }

    /// No *I … me*: a person does not return as object.
    fn object_pronoun(&mut self, subject: &Nominal, personal: bool) -> Pronoun {
        let them = Pronoun::They(Gender::Masculine);
        if !personal {
            return them;
        }
        let first = !matches!(subject, Nominal::Pronoun(Pronoun::I | Pronoun::We));
        let second = !matches!(subject, Nominal::Pronoun(Pronoun::You(_) | Pronoun::Polite(_)));
        let you = self.you;
        self.weighted(&[
            (3 * usize::from(first), Pronoun::I),
            (3 * usize::from(second), you),
            (4, Pronoun::He),
            (4, Pronoun::She),
            (2 * usize::from(first), Pronoun::We),
            (4 * usize::from(self.they), them),
        ])
    }

    /// Where, whither, with whom, for whom.
    fn place(&mut self, verb: &Verb) -> Option<Adjunct> {
        match verb.frame {
            Frame::Motion if self.chance(25) => Some(self.town("to")),
            Frame::Motion => match self.site(|place| place.english != "street") {
                Adjunct::At(_, place) => Some(Adjunct::At(&TO, place)),
                other => Some(other),
            },
            Frame::Location if verb.english == "live" => Some(if self.chance(60) {
                self.town("in")
            } else {
                self.site(|place| matches!(place.english, "house" | "street" | "forest"))
            }),
            Frame::Location if self.chance(30) => Some(self.town("in")),
            Frame::Location => Some(self.site(|place| place.site == Site::At)),
            Frame::Intransitive if self.chance(22) => {
                let with = if self.chance(75) { &WITH } else { &WITHOUT };
                Some(Adjunct::At(with, self.person()))
            }
            Frame::Intransitive if self.chance(30) => Some(self.site(|_| true)),
            Frame::Direct if matches!(verb.english, "buy" | "choose" | "prepare" | "write") && self.chance(30) => {
                Some(Adjunct::At(&FOR, self.person()))
            }
            Frame::Direct if matches!(verb.english, "eat" | "drink" | "read" | "buy" | "sell" | "find" | "lose" | "wait") => {
                self.chance(25).then(|| self.site(|_| true))
            }
            _ => None,
        }
    }
}
