//! Whole sentences from clauses: openings, joined clauses, questions, orders, existence.

use super::Example;
use super::clause::Order;
use super::closed::PLEASE;
use super::lexicon::Gender;
use super::nominal::{Features, Realizer};
use super::phrase::{Phrase, french};
use super::split::Fact;
use super::tree::*;

/// Says a sentence in both languages; the facts are the word pairs it puts into relation.
pub(super) fn realize(sentence: &Sentence) -> (Example, Vec<Fact>) {
    let mut realizer = Realizer::default();
    let mut whole = Phrase::default();
    if let Some(vocative) = &sentence.vocative {
        let called = match vocative {
            Vocative::Name(name) => realizer.nominal(&Nominal::Name(name), false).0,
            Vocative::Polite(fixed) => realizer.fixed(fixed),
        };
        whole.append(called.comma());
    }
    if let Some(opening) = sentence.opening {
        let opening = realizer.fixed(opening).comma();
        whole.append(opening);
    }
    let (body, mark) = realizer.body(&sentence.body);
    whole.append(body);
    (whole.finish(mark), realizer.facts)
}

impl Realizer {
    fn body(&mut self, body: &Body) -> (Phrase, char) {
        match body {
            Body::Statement(clause) => (self.plain(clause), '.'),
            Body::Joined { first, comma, conjunction, second } => {
                let first = self.plain(first);
                let mut whole = if *comma { first.comma() } else { first };
                whole.append(self.fixed(conjunction));
                whole.append(self.plain(second));
                (whole, '.')
            }
            Body::Fronted { conjunction, first, second } => {
                let mut whole = self.fixed(conjunction);
                whole.append(self.plain(first));
                let mut whole = whole.comma();
                whole.append(self.plain(second));
                (whole, '.')
            }
            Body::Question { wh, clause } => (self.question(wh.as_ref(), clause), '?'),
            Body::Order { predicate, please } => {
                let you = Features { form: 1, gender: Gender::Masculine, plural: false };
                let whole = self.predicate(Phrase::default(), you, predicate, Order::Imperative, None);
                if *please {
                    let mut whole = whole.comma();
                    whole.append(self.fixed(&PLEASE));
                    (whole, '.')
                } else {
                    (whole, '!')
                }
            }
            Body::Existence { what, negative, place } => (self.existence(what, *negative, place), '.'),
        }
    }

    fn plain(&mut self, clause: &Clause) -> Phrase {
        self.clause(&clause.subject, &clause.predicate, Order::Plain, None)
    }

    fn question(&mut self, wh: Option<&Wh>, clause: &Clause) -> Phrase {
        let Clause { subject, predicate } = clause;
        if let Nominal::Pronoun(Pronoun::Who) = subject {
            return self.clause(subject, predicate, Order::Plain, None);
        }
        let noun_subject = !matches!(subject, Nominal::Pronoun(_));
        let (mut whole, order, preceding) = match wh {
            None => (Phrase::default(), Order::Question, None),
            Some(Wh::Adverb(word)) => {
                let bare = matches!(predicate.core, Core::Be(None)) && noun_subject;
                (self.fixed(word), if bare { Order::VerbFirst } else { Order::Question }, None)
            }
            Some(Wh::Object(word)) => (self.fixed(word), Order::Question, None),
            Some(Wh::Phrase(phrase)) => {
                if let Core::Verb { verb, .. } = &predicate.core {
                    self.fact(super::split::Relation::VerbObject, verb.english, phrase.noun.english);
                }
                let (words, features) = self.noun_phrase(phrase, false);
                (words, Order::Question, Some((features.gender, features.plural)))
            }
        };
        whole.append(self.clause(subject, predicate, order, preceding));
        whole
    }

    fn existence(&mut self, what: &NounPhrase, negative: bool, place: &Adjunct) -> Phrase {
        let there = self.english("there");
        let be = self.english(if what.plural { "are" } else { "is" });
        let mut words = vec![french("il").possible(there.id)];
        let mut english = Vec::new();
        let not = negative.then(|| self.english("not"));
        if let Some(not) = &not {
            words.push(french("ne").possible(not.id));
        }
        words.push(french("y").possible(there.id));
        words.push(french("a").sure(be.id).possible(there.id));
        if let Some(not) = &not {
            words.push(french("pas").sure(not.id));
        }
        english.extend([there, be]);
        english.extend(not);
        let mut whole = Phrase { english, french: words };
        whole.append(self.noun_phrase(what, negative).0);
        whole.append(self.adjunct(place));
        whole
    }
}
