//! Verb groups: English auxiliaries with *do*-support and *not*, French tenses and modals.

use super::clause::Order;
use super::closed::{ALLER, AVOIR, DEVOIR, ETRE, POUVOIR, VOULOIR};
use super::lexicon::Gender;
use super::morphology::*;
use super::nominal::{Features, Realizer};
use super::phrase::{EnglishWord, FrenchWord, Id, french};
use super::tree::*;

/// The English verb group: the finite word moves in questions and takes *not*.
pub(super) struct EnglishVerbs {
    pub finite: EnglishWord,
    /// *not* as a word of its own.
    pub not: Option<EnglishWord>,
    pub rest: Vec<EnglishWord>,
    /// Whether the finite word is an auxiliary or *be*: adverbs follow it.
    pub auxiliary: bool,
    /// The word that means what the French verb means.
    pub main: Id,
    /// The word that means what the French modal means.
    pub modal: Option<Id>,
    /// Words without a French counterpart of their own: *does*, *will*, *to*.
    pub helpers: Vec<Id>,
    /// The word that says *not*.
    pub negator: Option<Id>,
}

/// The French verb group.
pub(super) struct FrenchVerbs {
    pub finite: FrenchWord,
    pub infinitive: Option<FrenchWord>,
    pub participle: Option<FrenchWord>,
}

impl Realizer {
    pub fn english_verbs(&mut self, features: Features, predicate: &Predicate, order: Order) -> EnglishVerbs {
        let third = features.form == 2;
        let be = |past: bool| match (past, features.form) {
            (false, 0) => "am",
            (false, 2) => "is",
            (false, _) => "are",
            (true, 0 | 2) => "was",
            (true, _) => "were",
        };
        let lexical = |base: &str| if third { english_third_person(base) } else { base.to_string() };
        // Words in order with what they are to the French: helper, modal or main.
        #[derive(Clone, Copy, PartialEq)]
        enum Role {
            Helper,
            Modal,
            Main,
        }
        let mut chain: Vec<(Role, String)> = Vec::new();
        let mut auxiliary = true;
        match &predicate.core {
            Core::Be(_) => match predicate.tense {
                Tense::Future => chain.extend([(Role::Helper, "will".into()), (Role::Main, "be".into())]),
                tense => chain.push((Role::Main, be(tense == Tense::Past).into())),
            },
            Core::Verb { verb, .. } => {
                let base = verb.english;
                match (predicate.modal, predicate.tense) {
                    (Some(Modal::Can), _) => chain.push((Role::Modal, "can".into())),
                    (Some(Modal::Must), _) => chain.push((Role::Modal, "must".into())),
                    (Some(Modal::GoingTo), _) => {
                        chain.extend([
                            (Role::Helper, be(false).into()),
                            (Role::Modal, "going".into()),
                            (Role::Helper, "to".into()),
                        ]);
                    }
                    (Some(Modal::Want), _) => {
                        auxiliary = false;
                        chain.extend([(Role::Modal, lexical("want")), (Role::Helper, "to".into())]);
                    }
                    (None, Tense::Future) => chain.push((Role::Helper, "will".into())),
                    (None, Tense::Progressive) => chain.push((Role::Helper, be(false).into())),
                    (None, Tense::Present | Tense::Past) => auxiliary = false,
                }
                let main = match (predicate.modal, predicate.tense) {
                    (None, Tense::Progressive) => english_progressive(verb),
                    (None, Tense::Past) => english_past(verb),
                    (None, Tense::Present) if order != Order::Imperative => lexical(base),
                    _ => base.to_string(),
                };
                chain.push((Role::Main, main));
            }
        }
        let not = matches!(predicate.polarity, Polarity::Not { .. });
        if !auxiliary && (not || matches!(order, Order::Question | Order::VerbFirst)) {
            let past = predicate.tense == Tense::Past;
            if let Core::Verb { verb, .. } = &predicate.core {
                chain[0].1 = if predicate.modal.is_some() { "want".into() } else { verb.english.into() };
            }
            let does = if past {
                "did"
            } else if third && order != Order::Imperative {
                "does"
            } else {
                "do"
            };
            chain.insert(0, (Role::Helper, does.into()));
            auxiliary = true;
        }
        let mut separate = None;
        if let Polarity::Not { contracted } = predicate.polarity {
            let finite = chain[0].1.as_str();
            match (finite, contracted) {
                ("can", false) => chain[0].1 = "cannot".into(),
                ("will", true) => chain[0].1 = "won't".into(),
                ("can", true) => chain[0].1 = "can't".into(),
                ("am", _) | (_, false) => separate = Some(self.english("not")),
                (_, true) => chain[0].1.push_str("n't"),
            }
        }
        let words: Vec<(Role, EnglishWord)> = chain.into_iter().map(|(role, text)| (role, self.english(text))).collect();
        let ids = |wanted: Role| words.iter().filter(move |(role, _)| *role == wanted).map(|(_, word)| word.id);
        let (main, modal) = (ids(Role::Main).next().expect("a verb group has a main word"), ids(Role::Modal).next());
        let negator = not.then(|| separate.as_ref().map_or(words[0].1.id, |not| not.id));
        let helpers = ids(Role::Helper).filter(|&id| Some(id) != negator).collect();
        let mut words = words.into_iter().map(|(_, word)| word);
        let finite = words.next().expect("a verb group has a finite word");
        EnglishVerbs { finite, not: separate, rest: words.collect(), auxiliary, main, modal, helpers, negator }
    }
}

pub(super) fn french_verbs(
    features: Features,
    predicate: &Predicate,
    verbs: &EnglishVerbs,
    order: Order,
    agreement: Option<(Gender, bool)>,
) -> FrenchVerbs {
    let form = features.form;
    let meaning = |text: String, id: Id| french(text).sure(id).possible_all(&verbs.helpers);
    let simple = |text: String| FrenchVerbs { finite: meaning(text, verbs.main), infinitive: None, participle: None };
    let verb = match &predicate.core {
        Core::Be(_) => {
            return simple(match predicate.tense {
                Tense::Past => imperfect(&ETRE, form),
                Tense::Future => future(&ETRE, form),
                Tense::Present | Tense::Progressive => present(&ETRE, form),
            });
        }
        Core::Verb { verb, .. } => verb,
    };
    if let (Some(modal), Some(word)) = (predicate.modal, verbs.modal) {
        let helper = match modal {
            Modal::Can => &POUVOIR,
            Modal::Must => &DEVOIR,
            Modal::Want => &VOULOIR,
            Modal::GoingTo => &ALLER,
        };
        let infinitive = Some(meaning(verb.french.to_string(), verbs.main));
        return FrenchVerbs { finite: meaning(present(helper, form), word), infinitive, participle: None };
    }
    match predicate.tense {
        Tense::Present if order == Order::Imperative => simple(imperative(verb)),
        Tense::Present | Tense::Progressive => simple(present(verb, form)),
        Tense::Future => simple(future(verb, form)),
        Tense::Past if verb.state => simple(imperfect(verb, form)),
        Tense::Past => {
            let agreement = if verb.etre { Some((features.gender, features.plural)) } else { agreement };
            let participle = past_participle(verb);
            let participle = agreement.map_or(participle.clone(), |(gender, plural)| agree(&participle, gender, plural));
            let finite = present(if verb.etre { &ETRE } else { &AVOIR }, form);
            FrenchVerbs {
                finite: french(finite).possible(verbs.main).possible_all(&verbs.helpers),
                infinitive: None,
                participle: Some(meaning(participle, verbs.main)),
            }
        }
    }
}
