//! Clauses in both languages at once: English auxiliaries and *do*-support against French negation, clitics, compound tenses and
//! inversion.

use super::closed::{NEVER, THAN, THAT, TO};
use super::lexicon::{Adjective, Comparison, Gender, Noun};
use super::morphology::{adjective, invert};
use super::nominal::{Features, Realizer, french_subject, pronoun_features};
use super::phrase::{EnglishWord, FrenchWord, Id, Phrase, french};
use super::split::Relation;
use super::tree::*;
use super::verb_group::{EnglishVerbs, french_verbs};
use super::verbs::Frame;

/// How a clause orders subject and verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Plain,
    /// English auxiliary first; in French a pronoun after the verb, or *est-ce que* before all other subjects, *je* and *tu*.
    Question,
    /// English auxiliary first; in French the verb before any subject: *Où est la gare ?*
    VerbFirst,
    /// No subject.
    Imperative,
}

impl Realizer {
    /// `preceding`: gender and number of an object that stands before the clause (relative pronoun, question word).
    pub fn clause(
        &mut self,
        subject: &Nominal,
        predicate: &Predicate,
        order: Order,
        preceding: Option<(Gender, bool)>,
    ) -> Phrase {
        if let Nominal::Noun(phrase) = subject {
            self.subject_facts(phrase.noun, predicate);
        }
        let inverted = match subject {
            Nominal::Pronoun(pronoun) if order == Order::Question && !matches!(pronoun, Pronoun::I | Pronoun::You(_)) => {
                Some(*pronoun)
            }
            _ => None,
        };
        let (phrase, features) = match inverted {
            Some(pronoun) => (self.nominal(&Nominal::Pronoun(pronoun), false).0, pronoun_features(pronoun)),
            None => self.nominal(subject, false),
        };
        if let (Some(_), Core::Verb { verb, .. }) = (inverted, &predicate.core) {
            self.fact(Relation::Inversion, verb.english, "");
        }
        self.assemble(phrase, features, predicate, order, preceding, inverted)
    }

    /// A predicate after a subject that is already said.
    pub fn predicate(
        &mut self,
        subject: Phrase,
        features: Features,
        predicate: &Predicate,
        order: Order,
        preceding: Option<(Gender, bool)>,
    ) -> Phrase {
        self.assemble(subject, features, predicate, order, preceding, None)
    }

    pub fn subject_facts(&mut self, noun: &Noun, predicate: &Predicate) {
        match &predicate.core {
            Core::Verb { verb, .. } => self.fact(Relation::SubjectVerb, noun.english, verb.english),
            Core::Be(Some((_, adjective))) => self.fact(Relation::AdjectiveNoun, adjective.english, noun.english),
            Core::Be(None) => {}
        }
    }

    fn assemble(
        &mut self,
        subject: Phrase,
        features: Features,
        predicate: &Predicate,
        order: Order,
        preceding: Option<(Gender, bool)>,
        inverted: Option<Pronoun>,
    ) -> Phrase {
        let verbs = self.english_verbs(features, predicate, order);
        let negated = predicate.polarity != Polarity::Affirmative;
        let adverb = match predicate.polarity {
            Polarity::Never => Some(self.fixed(&NEVER)),
            _ => None,
        };
        let never = adverb.as_ref().map(|adverb| adverb.english[0].id);
        let adverb = adverb.or_else(|| predicate.adverb.map(|adverb| self.fixed(adverb)));
        let (adverb, french_adverb) = adverb.map_or((Vec::new(), Vec::new()), |adverb| (adverb.english, adverb.french));

        let (clitics, after, agreement) = self.complements(features, predicate, &verbs, negated);
        let groups = french_verbs(features, predicate, &verbs, order, agreement.or(preceding));
        if negated
            && !clitics.is_empty()
            && let Core::Verb { verb, .. } = &predicate.core
        {
            self.fact(Relation::CliticNegation, verb.english, "");
        }

        let mut words: Vec<FrenchWord> = Vec::new();
        let subject_link = subject.english.first().map(|word| word.id);
        let question = order == Order::Question && inverted.is_none();
        if question {
            let helper = verbs.finite.id;
            words.push(french("est-ce").possible(helper));
            words.push(french("que").possible(helper));
        }
        let subject_after = order == Order::VerbFirst;
        if inverted.is_none() && !subject_after {
            words.extend(subject.french.iter().cloned());
        }
        if negated {
            let negator = verbs.negator.or(never).expect("a negated clause has a word that says so");
            words.push(french("ne").possible(negator).possible_all(&verbs.helpers));
        }
        let clitics_late = groups.infinitive.is_some();
        if !clitics_late {
            words.extend(clitics.iter().cloned());
        }
        let mut finite = groups.finite;
        if let (Some(pronoun), Some(id)) = (inverted, subject_link) {
            finite.text = invert(&finite.text, french_subject(pronoun));
            finite = finite.possible(id);
        }
        words.push(finite);
        if subject_after {
            words.extend(subject.french.iter().cloned());
        }
        if let Some(negator) = verbs.negator {
            words.push(french("pas").sure(negator).possible_all(&verbs.helpers));
        }
        words.extend(french_adverb);
        if clitics_late {
            words.extend(clitics);
        }
        words.extend(groups.infinitive);
        words.extend(groups.participle);

        let mut english = Vec::new();
        if matches!(order, Order::Question | Order::VerbFirst) {
            english.push(verbs.finite);
            english.extend(subject.english);
            english.extend(verbs.not);
            english.extend(adverb);
        } else if verbs.auxiliary {
            english.extend(subject.english);
            english.push(verbs.finite);
            english.extend(verbs.not);
            english.extend(adverb);
        } else {
            english.extend(subject.english);
            english.extend(adverb);
            english.push(verbs.finite);
        }
        english.extend(verbs.rest);
        let mut whole = Phrase { english, french: words };
        whole.append(after);
        for adjunct in &predicate.adjuncts {
            let adjunct = self.adjunct(adjunct);
            whole.append(adjunct);
        }
        whole
    }

    /// Clitics in their French order, all that follows the verb, and what the participle agrees with.
    fn complements(
        &mut self,
        features: Features,
        predicate: &Predicate,
        verbs: &EnglishVerbs,
        negated: bool,
    ) -> (Vec<FrenchWord>, Phrase, Option<(Gender, bool)>) {
        let mut after = Phrase::default();
        let (verb, object, recipient, that) = match &predicate.core {
            Core::Verb { verb, object, recipient, that } => (verb, object, recipient, that),
            Core::Be(described) => {
                if let Some((degree, adjective)) = described {
                    after.append(self.adjective_phrase(features, degree, adjective));
                }
                return (Vec::new(), after, None);
            }
        };
        if !verb.particle.is_empty() {
            let particle = self.english(verb.particle);
            after.english.push(particle);
        }
        let indirect = verb.frame == Frame::Indirect;
        let mut clitics: Vec<(u8, FrenchWord)> = Vec::new();
        let mut agreement = None;
        let mut object_phrase = Phrase::default();
        match object {
            Some(Nominal::Pronoun(pronoun)) => {
                let word = self.english(english_object(*pronoun));
                clitics.push(clitic(*pronoun, indirect, word.id));
                object_phrase.english.push(word);
                if !indirect {
                    let features = pronoun_features(*pronoun);
                    agreement = Some((features.gender, features.plural));
                }
            }
            Some(object) => {
                for noun in nouns(object) {
                    self.fact(Relation::VerbObject, verb.english, noun.english);
                }
                object_phrase = self.nominal(object, negated && !indirect).0;
                if indirect {
                    object_phrase.french.insert(0, french("à").possible(verbs.main));
                }
            }
            None => {}
        }
        let mut recipient_phrase = Phrase::default();
        let mut recipient_first = false;
        match recipient {
            Some(Nominal::Pronoun(pronoun)) => {
                let word = self.english(english_object(*pronoun));
                let (rank, clitic) = clitic(*pronoun, true, word.id);
                // English moves a pronoun before a full object only: "gives him the book", but "gives it to him".
                if matches!(object, Some(Nominal::Pronoun(_)) | None) {
                    let to = self.english("to");
                    clitics.push((rank, clitic.possible(to.id)));
                    recipient_phrase.english.extend([to, word]);
                } else {
                    clitics.push((rank, clitic));
                    recipient_first = true;
                    recipient_phrase.english.push(word);
                }
            }
            Some(recipient) => recipient_phrase = self.prepositional(&TO, recipient),
            None => {}
        }
        for phrase in if recipient_first { [recipient_phrase, object_phrase] } else { [object_phrase, recipient_phrase] } {
            after.append(phrase);
        }
        if let Some(that) = that {
            after.append(self.fixed(&THAT));
            after.append(self.clause(&that.subject, &that.predicate, Order::Plain, None));
        }
        clitics.sort_by_key(|&(rank, _)| rank);
        (clitics.into_iter().map(|(_, word)| word).collect(), after, agreement)
    }

    fn adjective_phrase(&mut self, features: Features, degree: &Degree, described: &Adjective) -> Phrase {
        let mut phrase = Phrase::default();
        let agreed = adjective(described, features.gender, features.plural);
        let plain = |phrase: &mut Phrase, word: EnglishWord| {
            // The forms before a vowel are for adjectives before their noun.
            phrase.french.push(french(agreed.as_str()).sure(word.id));
            phrase.english.push(word);
        };
        match degree {
            Degree::Plain => {
                let word = self.english(described.english);
                plain(&mut phrase, word);
            }
            Degree::Very | Degree::Too => {
                let (english, word) = if matches!(degree, Degree::Very) { ("very", "très") } else { ("too", "trop") };
                let english = self.english(english);
                phrase.french.push(french(word).sure(english.id));
                phrase.english.push(english);
                let word = self.english(described.english);
                plain(&mut phrase, word);
            }
            Degree::More(_) => match described.comparison {
                Comparison::Form(form) => {
                    let word = self.english(form);
                    phrase.french.push(french("plus").possible(word.id));
                    plain(&mut phrase, word);
                }
                Comparison::More | Comparison::None => {
                    let more = self.english("more");
                    phrase.french.push(french("plus").sure(more.id));
                    phrase.english.push(more);
                    let word = self.english(described.english);
                    plain(&mut phrase, word);
                }
            },
            Degree::As(_) => {
                let first = self.english("as");
                phrase.french.push(french("aussi").sure(first.id));
                phrase.english.push(first);
                let word = self.english(described.english);
                plain(&mut phrase, word);
            }
        }
        match degree {
            Degree::More(than) => phrase.append(self.prepositional(&THAN, than)),
            Degree::As(than) => {
                let second = self.english("as");
                phrase.french.push(french("que").sure(second.id));
                phrase.english.push(second);
                phrase.append(self.nominal(than, false).0);
            }
            _ => {}
        }
        phrase
    }
}

fn nouns(nominal: &Nominal) -> Vec<&'static Noun> {
    match nominal {
        Nominal::Noun(phrase) => vec![phrase.noun],
        Nominal::And(left, right) => [nouns(left), nouns(right)].concat(),
        Nominal::Name(_) | Nominal::Pronoun(_) => Vec::new(),
    }
}

fn english_object(pronoun: Pronoun) -> &'static str {
    match pronoun {
        Pronoun::I => "me",
        Pronoun::You(_) | Pronoun::Polite(_) => "you",
        Pronoun::He => "him",
        Pronoun::She => "her",
        Pronoun::It(_) => "it",
        Pronoun::We => "us",
        Pronoun::They(_) => "them",
        Pronoun::Who => "who",
    }
}

/// The clitic and its rank among clitics: *me le*, *le lui*.
fn clitic(pronoun: Pronoun, indirect: bool, id: Id) -> (u8, FrenchWord) {
    let (rank, text) = match pronoun {
        Pronoun::I => (0, "me"),
        Pronoun::You(_) => (0, "te"),
        Pronoun::Polite(_) => (0, "vous"),
        Pronoun::We => (0, "nous"),
        Pronoun::They(_) if indirect => (2, "leur"),
        Pronoun::They(_) => (1, "les"),
        _ if indirect => (2, "lui"),
        Pronoun::She | Pronoun::It(Gender::Feminine) => (1, "la"),
        Pronoun::He | Pronoun::It(Gender::Masculine) | Pronoun::Who => (1, "le"),
    };
    (rank, french(text).sure(id))
}
