//! Which combinations of words are held out.
//!
//! A fact says that two words met in a relation. A hash of the fact, the same for every seed, assigns it to training, validation or
//! test: no training sentence contains a held-out fact, and every validation (test) sentence contains one of its own set and none of the
//! other.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Relation {
    /// Attributive and predicative alike.
    AdjectiveNoun,
    /// Relative clauses included.
    VerbObject,
    SubjectVerb,
    /// A verb negated with an object pronoun before it.
    CliticNegation,
    /// A verb in a question with its pronoun after it.
    Inversion,
    /// A verb in a relative clause with *que*.
    ObjectRelative,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fact {
    pub relation: Relation,
    /// English dictionary forms; `right` is empty where the relation itself is the other half.
    pub left: &'static str,
    pub right: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Split {
    Train,
    Validation,
    Test,
}

/// Per cent of facts held out for validation and for test.
const HELD_OUT: [u64; 2] = [4, 6];

impl Fact {
    pub fn split(&self) -> Split {
        // FNV-1a: stable across versions and machines, unlike the standard library's hasher.
        let relation = format!("{:?}", self.relation);
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in [relation.as_str(), "|", self.left, "|", self.right].iter().flat_map(|part| part.bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        // The low bits of FNV mix poorly for short texts.
        match (hash ^ (hash >> 32)) % 100 {
            draw if draw < HELD_OUT[0] => Split::Validation,
            draw if draw < HELD_OUT[0] + HELD_OUT[1] => Split::Test,
            _ => Split::Train,
        }
    }
}

/// Where a sentence with these facts belongs; none where it mixes held-out facts of both sets.
pub(super) fn split(facts: &[Fact]) -> Option<Split> {
    let has = |wanted: Split| facts.iter().any(|fact| fact.split() == wanted);
    match (has(Split::Validation), has(Split::Test)) {
        (false, false) => Some(Split::Train),
        (true, false) => Some(Split::Validation),
        (false, true) => Some(Split::Test),
        (true, true) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::lexicon::NOUNS;
    use super::super::verbs::VERBS;
    use super::*;

    #[test]
    fn about_the_stated_share_is_held_out() {
        let mut counts = [0.0_f64; 3];
        for verb in VERBS {
            for noun in NOUNS {
                let fact = Fact { relation: Relation::VerbObject, left: verb.english, right: noun.english };
                counts[fact.split() as usize] += 1.0;
            }
        }
        let all: f64 = counts.iter().sum();
        assert!((counts[1] / all - 0.04).abs() < 0.01, "{counts:?}");
        assert!((counts[2] / all - 0.06).abs() < 0.01, "{counts:?}");
    }

    #[test]
    fn a_sentence_goes_where_its_held_out_facts_go() {
        let facts: Vec<Fact> =
            NOUNS.iter().map(|noun| Fact { relation: Relation::VerbObject, left: "see", right: noun.english }).collect();
        let of = |wanted| *facts.iter().find(|fact| fact.split() == wanted).expect("a hundred nouns reach every split");
        let (train, validation, test) = (of(Split::Train), of(Split::Validation), of(Split::Test));
        assert_eq!(split(&[train]), Some(Split::Train));
        assert_eq!(split(&[train, validation]), Some(Split::Validation));
        assert_eq!(split(&[test, train]), Some(Split::Test));
        assert_eq!(split(&[test, validation]), None);
    }
}
