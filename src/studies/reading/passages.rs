//! Passages about people, things, places and times, generated with questions. Facts of one passage share words: first and family names,
//! adjectives and nouns, days and hours, so that no word alone gives the answer away; a question seldom says what its fact says in the same words.

use crate::studies::random::RandomGenerator;

const FIRST_NAMES: [&str; 10] = ["Anna", "Bruno", "Clara", "David", "Elsa", "Felix", "Greta", "Hugo", "Ida", "Jonas"];
const FAMILY_NAMES: [&str; 8] = ["Holm", "Berg", "Stein", "Lund", "Fischer", "Moor", "Weber", "Vogel"];
const COLOURS: [&str; 6] = ["red", "blue", "green", "yellow", "white", "black"];
const THINGS: [&str; 10] = ["umbrella", "ring", "clock", "lamp", "book", "violin", "scarf", "map", "basket", "kettle"];
const BUILDINGS: [&str; 10] =
    ["mill", "harbour", "station", "market", "bridge", "church", "garden", "school", "museum", "castle"];
/// What sets one place apart from another of its kind: before and behind the noun.
const SITUATIONS: [(&str, &str); 6] =
    [("old ", ""), ("new ", ""), ("", " by the river"), ("", " behind the wood"), ("", " near the lake"), ("little ", "")];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const HOURS: [(&str, &str); 6] = [
    ("on {day}", " morning"),
    ("on {day}", " evening"),
    ("late on {day}", ""),
    ("early on {day}", ""),
    ("at noon on {day}", ""),
    ("on the last {day} of the month", ""),
];

/// A role that a fact has somebody or something in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Who,
    Whom,
    What,
    Where,
    When,
}

use Role::{What, When, Where, Who, Whom};

impl Role {
    /// As it stands in templates.
    fn slot(self) -> &'static str {
        match self {
            Who => "{who}",
            Whom => "{whom}",
            What => "{what}",
            Where => "{where}",
            When => "{when}",
        }
    }

    /// The question word of its answers.
    fn kind(self) -> &'static str {
        match self {
            Who | Whom => "who",
            What => "what",
            Where => "where",
            When => "when",
        }
    }
}

/// A kind of fact: how it is told, and how each of its roles is asked for.
struct Relation {
    roles: &'static [Role],
    told: &'static [&'static str],
    asked: &'static [(Role, &'static [&'static str])],
}

const RELATIONS: [Relation; 5] = [
    Relation {
        roles: &[Who, Where, When],
        told: &[
            "{who} went to {where} {when}.",
            "{when} {who} travelled to {where}.",
            "{who} set out for {where} {when}.",
            "{when} the coach brought {who} to {where}.",
            "{who} arrived at {where} {when} after a long walk.",
        ],
        asked: &[
            (Who, &["Who went to {where}?", "Who was the visitor of {where}?", "Which person travelled to {where} {when}?"]),
            (Where, &["Where did {who} go?", "Which place did {who} visit?", "What was the destination of {who}?"]),
            (When, &["When did {who} go to {where}?", "When was the journey of {who}?", "On which day did {who} travel?"]),
        ],
    },
    Relation {
        roles: &[Who, Whom, What],
        told: &[
            "{who} gave {what} to {whom}.",
            "{whom} got {what} from {who} as a present.",
            "{who} handed {what} over to {whom} as a present.",
            "{what} was what {who} gave to {whom}.",
            "{whom} thanked {who} for the gift of {what}.",
        ],
        asked: &[
            (Who, &["Who gave {what} to {whom}?", "Who made a present to {whom}?", "Which person was the giver of {what}?"]),
            (
                Whom,
                &["To whom did {who} give {what}?", "Who received {what} as a gift?", "Which person got a present from {who}?"],
            ),
            (What, &["What did {who} give to {whom}?", "Which gift did {whom} receive?", "What was the present from {who}?"]),
        ],
    },
    Relation {
        roles: &[Who, Whom, What],
        told: &[
            "{who} bought {what} from {whom}.",
            "{whom} sold {what} to {who}.",
            "{who} paid {whom} ten coins for {what}.",
            "{what} was sold to {who} by {whom}.",
        ],
        asked: &[
            (Who, &["Who bought {what}?", "Who was the buyer of {what}?", "To whom did {whom} sell {what}?"]),
            (Whom, &["Who sold {what}?", "From whom did {who} buy {what}?", "Which person was paid by {who}?"]),
            (What, &["What did {who} buy?", "What did {whom} sell to {who}?", "Which thing did {who} pay for?"]),
        ],
    },
    Relation {
        roles: &[Who, What, Where],
        told: &[
            "{who} found {what} at {where}.",
            "at {where} {who} discovered {what}.",
            "{what} turned up at {where} and {who} picked it up.",
            "{who} came across {what} at {where}.",
        ],
        asked: &[
            (Who, &["Who found {what}?", "Who was the finder of {what}?", "Which person discovered something at {where}?"]),
            (What, &["What did {who} find?", "What was discovered at {where}?", "Which thing did {who} come across at {where}?"]),
            (Where, &["Where did {who} find {what}?", "Where was {what} discovered?", "At which place did {what} turn up?"]),
        ],
    },
    Relation {
        roles: &[Who, What, When],
        told: &[
            "{who} lost {what} {when}.",
            "{when} {what} of {who} went missing.",
            "{when} {who} could not find {what} any more.",
            "{what} was stolen from {who} {when}.",
        ],
        asked: &[
            (
                Who,
                &["Who lost {what}?", "Who was the owner of the missing thing {what}?", "Which person missed something {when}?"],
            ),
            (What, &["What did {who} lose?", "What went missing {when}?", "Which thing was {who} missing?"]),
            (When, &["When did {who} lose {what}?", "When did {what} go missing?", "On which day was {who} without {what}?"]),
        ],
    },
];

/// Sentences that tell nothing that is asked for.
const DISTRACTORS: [&str; 8] = [
    "{who} wrote a letter to {whom} about {what}.",
    "{who} had often talked of {where}.",
    "{when} it rained at {where}.",
    "{whom} wanted to have {what} but had no money.",
    "{who} would rather have stayed with {whom}.",
    "nobody knew {where} better than {who}.",
    "{whom} thought of {what} {when}.",
    "{who} and {whom} were old friends.",
];

/// A passage with a question that one of its sentences answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    pub sentences: Vec<String>,
    /// Which sentence holds the answer.
    pub supporting: usize,
    pub question: String,
    /// Words of that sentence, one after another.
    pub answer: String,
    /// Who, what, where or when.
    pub kind: &'static str,
}

/// The people, things, places and times of a passage: of each kind all pairs of three and two of its parts.
struct World {
    people: Vec<String>,
    things: Vec<String>,
    places: Vec<String>,
    times: Vec<String>,
}

impl World {
    fn draw(random: &mut RandomGenerator) -> Self {
        World {
            people: pairs(&FIRST_NAMES, &FAMILY_NAMES, random, |first, family| format!("{first} {family}")),
            things: pairs(&THINGS, &COLOURS, random, |thing, colour| format!("the {colour} {thing}")),
            places: pairs(&BUILDINGS, &SITUATIONS, random, |place, (before, behind)| format!("the {before}{place}{behind}")),
            times: pairs(&DAYS, &HOURS, random, |day, (before, behind)| format!("{}{behind}", before.replace("{day}", day))),
        }
    }

    fn of(&self, role: Role) -> &[String] {
        match role {
            Who | Whom => &self.people,
            What => &self.things,
            Where => &self.places,
            When => &self.times,
        }
    }
}

/// All pairs of three of the first and two of the second.
fn pairs<A, B>(first: &[A], second: &[B], random: &mut RandomGenerator, join: impl Fn(&A, &B) -> String) -> Vec<String> {
    let first = some(3, first, random);
    let second = some(2, second, random);
    first.into_iter().flat_map(|first| second.iter().map(move |second| (first, *second))).map(|(a, b)| join(a, b)).collect()
}

/// So many of them, each at most once.
fn some<'a, T>(count: usize, from: &'a [T], random: &mut RandomGenerator) -> Vec<&'a T> {
    let mut all: Vec<&T> = from.iter().collect();
    random.shuffle(&mut all);
    all.truncate(count);
    all
}

/// Somebody or something in each role.
type Filled = Vec<(Role, String)>;

impl Passage {
    /// A passage of so many sentences, 1 to [`MOST_SENTENCES`]; one in four tells nothing that can be asked for.
    pub fn draw(sentences: usize, random: &mut RandomGenerator) -> Self {
        let world = World::draw(random);
        // Of one kind of fact everybody and everything has a part in one alone, whatever the role: every question has one answer.
        let mut taken: Vec<Vec<String>> = vec![Vec::new(); RELATIONS.len()];
        let facts: Vec<(usize, Filled)> = (0..sentences - sentences / 4).map(|_| fact(&world, &mut taken, random)).collect();
        let (relation, filled) = random.pick(&facts).clone();
        let (role, templates) = random.pick(RELATIONS[relation].asked);
        let question = fill(random.pick::<&str>(templates), &filled);
        let mut told: Vec<(bool, String)> = Vec::new();
        for (number, fact) in &facts {
            told.push((*fact == filled && *number == relation, fill(random.pick::<&str>(RELATIONS[*number].told), fact)));
        }
        for _ in facts.len()..sentences {
            let mut filled = Filled::new();
            for role in [Who, Whom, What, Where, When] {
                let free: Vec<&String> =
                    world.of(role).iter().filter(|name| filled.iter().all(|(_, other)| other != *name)).collect();
                filled.push((role, (*random.pick(&free)).clone()));
            }
            told.push((false, fill(random.pick::<&str>(&DISTRACTORS), &filled)));
        }
        random.shuffle(&mut told);
        let supporting = told.iter().position(|(answers, _)| *answers).expect("the fact that is asked for is told");
        let (_, answer) = filled.into_iter().find(|(other, _)| other == role).expect("a role of the fact");
        Passage { sentences: told.into_iter().map(|(_, text)| text).collect(), supporting, question, answer, kind: role.kind() }
    }
}

/// Of no kind are there more than three facts, as each has two of six people.
pub const MOST_SENTENCES: usize = 15;

/// A fact of a kind of which there can be one more.
fn fact(world: &World, taken: &mut [Vec<String>], random: &mut RandomGenerator) -> (usize, Filled) {
    let free = |relation: usize, role: Role, taken: &[Vec<String>], filled: &Filled| -> Vec<String> {
        let is_free = |name: &&String| !taken[relation].contains(name) && filled.iter().all(|(_, other)| other != *name);
        world.of(role).iter().filter(is_free).cloned().collect()
    };
    let mut order: Vec<usize> = (0..RELATIONS.len()).collect();
    random.shuffle(&mut order);
    for relation in order {
        let mut filled = Filled::new();
        for &role in RELATIONS[relation].roles {
            let names = free(relation, role, taken, &filled);
            if names.is_empty() {
                break;
            }
            filled.push((role, random.pick(&names).clone()));
        }
        if filled.len() == RELATIONS[relation].roles.len() {
            taken[relation].extend(filled.iter().map(|(_, name)| name.clone()));
            return (relation, filled);
        }
    }
    unreachable!("{} kinds have three facts each, and no passage has more than {MOST_SENTENCES}", RELATIONS.len())
}

/// The template with its roles filled, and a capital letter.
fn fill(template: &str, filled: &Filled) -> String {
    let text = filled.iter().fold(template.to_owned(), |text, (role, name)| text.replace(role.slot(), name));
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(count: usize) -> impl Iterator<Item = Passage> {
        let mut random = RandomGenerator::new(7, 0);
        (0..count).map(move |number| Passage::draw(1 + number % MOST_SENTENCES, &mut random))
    }

    #[test]
    fn the_sentence_that_answers_holds_the_answer_and_the_question_does_not() {
        let mut kinds = std::collections::BTreeMap::new();
        for (number, passage) in drawn(600).enumerate() {
            assert_eq!(passage.sentences.len(), 1 + number % MOST_SENTENCES);
            let sentence = passage.sentences[passage.supporting].to_lowercase();
            assert!(sentence.contains(&passage.answer.to_lowercase()), "{passage:?}");
            assert!(!passage.question.contains(&passage.answer) && passage.question.ends_with('?'), "{passage:?}");
            let whole = passage.sentences.join(" ") + &passage.question;
            assert!(!whole.contains(['{', '}']), "{passage:?}");
            *kinds.entry(passage.kind).or_insert(0) += 1;
        }
        assert!(kinds.len() == 4 && kinds.values().all(|&count| count > 60), "{kinds:?}");
    }

    /// The same question is answered by one fact alone: of its kind none other has any of the names that the question says.
    #[test]
    fn nobody_has_a_part_in_two_facts_of_a_kind() {
        let mut random = RandomGenerator::new(8, 0);
        for _ in 0..50 {
            let world = World::draw(&mut random);
            let mut taken = vec![Vec::new(); RELATIONS.len()];
            for _ in 0..MOST_SENTENCES {
                fact(&world, &mut taken, &mut random);
            }
            for names in taken {
                let once: std::collections::BTreeSet<&String> = names.iter().collect();
                assert_eq!(once.len(), names.len());
            }
        }
    }

    #[test]
    fn names_of_a_passage_share_their_parts() {
        let world = World::draw(&mut RandomGenerator::new(9, 0));
        for names in [&world.people, &world.things, &world.places, &world.times] {
            assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), 6);
        }
        let first = |name: &String| name.split(' ').next().unwrap().to_owned();
        let firsts: std::collections::BTreeSet<String> = world.people.iter().map(first).collect();
        assert_eq!(firsts.len(), 3, "two people for each first name: {:?}", world.people);
    }

    #[test]
    fn a_seed_gives_the_same_passages() {
        assert!(drawn(20).eq(drawn(20)));
    }
}
