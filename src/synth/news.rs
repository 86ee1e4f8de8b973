//! Generated news: paragraphs with their headlines, to learn summaries from (See et al. 2017 learn them from newspapers). Nobody wrote any of it.
//!
//! A paragraph reports one event, and mentions people and places that have nothing to do with it. The headline names those of the event, so that it must
//! be known which sentence counts. Names are made of syllables, and those of validation and test are in no other part: a model can only copy them.

use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

/// How many paragraphs of each part to generate. The same options give the same corpus everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewsOptions {
    pub seed: u64,
    /// Paragraphs of train, validation and test.
    pub paragraphs: [usize; 3],
}

impl Default for NewsOptions {
    fn default() -> Self {
        Self { seed: 1, paragraphs: [10_000, 300, 500] }
    }
}

/// A paragraph and its headline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub article: String,
    pub headline: String,
}

const ONSETS: [&str; 14] = ["b", "d", "dr", "f", "g", "h", "k", "l", "m", "n", "r", "s", "t", "v"];
const VOWELS: [&str; 6] = ["a", "e", "i", "o", "u", "ai"];
const CODAS: [&str; 8] = ["", "", "l", "n", "r", "s", "m", "k"];
const TOWNS: [&str; 6] = ["ton", "ford", "bridge", "field", "mouth", "dale"];

const ROLES: [&str; 8] = ["mayor", "minister", "bishop", "governor", "headmaster", "director", "judge", "professor"];
const BUILDINGS: [&str; 10] =
    ["school", "library", "hospital", "museum", "theatre", "market", "harbour", "station", "stadium", "laboratory"];
const FACTORIES: [&str; 7] = ["shipyard", "mill", "mine", "brewery", "refinery", "bakery", "foundry"];
const STORMS: [&str; 6] = ["storm", "flood", "fire", "earthquake", "landslide", "hurricane"];
const HARMED: [&str; 6] = ["houses", "bridges", "barns", "boats", "roads", "orchards"];
const SPORTS: [&str; 6] = ["football", "rowing", "chess", "handball", "cricket", "curling"];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const NUMBERS: [&str; 10] = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve"];

/// The corpus, part by part.
pub fn news(options: &NewsOptions) -> [Vec<Report>; 3] {
    [0, 1, 2].map(|part| {
        let mut writer = Writer { random: ChaCha8Rng::seed_from_u64(options.seed.wrapping_mul(3).wrapping_add(part)), part };
        (0..options.paragraphs[part as usize]).map(|_| writer.report()).collect()
    })
}

struct Writer {
    random: ChaCha8Rng,
    /// 0 train, 1 validation, 2 test.
    part: u64,
}

impl Writer {
    fn pick(&mut self, words: &[&'static str]) -> &'static str {
        words.choose(&mut self.random).copied().unwrap_or_default()
    }

    /// A name of this part alone: a sum of its letters says of which.
    fn name(&mut self, end: &[&'static str]) -> String {
        loop {
            let mut name = String::new();
            for _ in 0..2 {
                name += self.pick(&ONSETS);
                name += self.pick(&VOWELS);
                name += self.pick(&CODAS);
            }
            name += self.pick(end);
            let part = match name.bytes().map(u64::from).sum::<u64>() % 10 {
                8 => 1,
                9 => 2,
                _ => 0,
            };
            if part == self.part {
                return name[..1].to_uppercase() + &name[1..];
            }
        }
    }

    fn person(&mut self) -> String {
        self.name(&["", "a", "o", "in"])
    }

    fn town(&mut self) -> String {
        self.name(&TOWNS)
    }

    fn report(&mut self) -> Report {
        let (lead, detail, headline) = self.event();
        let mut sentences = vec![lead];
        if self.random.random_bool(0.5) {
            sentences.push(detail);
        }
        let aside = self.aside();
        // What happened may stand first or come later.
        if self.random.random_bool(0.4) {
            sentences.insert(0, aside);
        } else {
            sentences.push(aside);
        }
        if self.random.random_bool(0.4) {
            sentences.push(self.aside());
        }
        Report { article: sentences.join(" "), headline }
    }

    /// What happened in a sentence, one more about it, and the headline.
    fn event(&mut self) -> (String, String, String) {
        let (town, day, number) = (self.town(), self.pick(&DAYS), self.pick(&NUMBERS));
        match self.random.random_range(0..5) {
            0 => {
                let (person, role, building) = (self.person(), self.pick(&ROLES), self.pick(&BUILDINGS));
                let lead = match self.random.random_range(0..3) {
                    0 => format!("On {day} the {role} {person} opened a new {building} in {town} ."),
                    1 => format!("A new {building} was opened in {town} by the {role} {person} on {day} ."),
                    _ => format!("In {town} , {person} , who is {role} there , opened the new {building} on {day} ."),
                };
                (lead, format!("It took {number} years to build ."), format!("{role} {person} opens {building} in {town}"))
            }
            1 => {
                let (other, sport) = (self.town(), self.pick(&SPORTS));
                let lead = match self.random.random_range(0..3) {
                    0 => format!("The {sport} team of {town} beat {other} on {day} and goes to the final ."),
                    1 => format!("{other} lost to {town} in the {sport} cup on {day} ."),
                    _ => format!("On {day} {town} won against {other} in {sport} , before {number} thousand people ."),
                };
                (lead, format!("The next match is in {number} weeks ."), format!("{town} beats {other} in {sport}"))
            }
            2 => {
                let (storm, harmed) = (self.pick(&STORMS), self.pick(&HARMED));
                let lead = match self.random.random_range(0..2) {
                    0 => format!("A {storm} destroyed {number} {harmed} near {town} on {day} ."),
                    _ => format!("{town} lost {number} {harmed} when a {storm} came in the night to {day} ."),
                };
                (lead, "Nobody was hurt .".to_owned(), format!("{storm} destroys {number} {harmed} in {town}"))
            }
            3 => {
                let (owner, factory) = (self.person(), self.pick(&FACTORIES));
                let lead = match self.random.random_range(0..2) {
                    0 => format!("The family {owner} will close its {factory} in {town} , it said on {day} ."),
                    _ => format!("On {day} workers in {town} heard that {owner} closes the {factory} ."),
                };
                (lead, format!("It had {number} hundred workers ."), format!("{owner} closes {factory} in {town}"))
            }
            _ => {
                let (person, role) = (self.person(), self.pick(&ROLES));
                let lead = match self.random.random_range(0..2) {
                    0 => format!("The people of {town} chose {person} as their {role} on {day} ."),
                    _ => format!("{person} becomes {role} of {town} after a vote on {day} ."),
                };
                (lead, format!("There were {number} others who wanted to be ."), format!("{town} chooses {person} as {role}"))
            }
        }
    }

    /// Somebody else, or somewhere else.
    fn aside(&mut self) -> String {
        let (person, town, role) = (self.person(), self.town(), self.pick(&ROLES));
        match self.random.random_range(0..4) {
            0 => format!("The {role} of {town} , {person} , was not there ."),
            1 => format!("{person} , a {role} from {town} , called it good news ."),
            2 => format!("In {town} there was rain all {} .", self.pick(&DAYS)),
            _ => format!("Many came by train from {town} , among them {person} ."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn names(reports: &[Report]) -> HashSet<&str> {
        let days: HashSet<&str> = DAYS.into_iter().collect();
        let words = reports.iter().flat_map(|report| report.headline.split(' '));
        words.filter(|word| word.starts_with(char::is_uppercase) && !days.contains(word)).collect()
    }

    #[test]
    fn headlines_name_what_the_paragraph_has_and_parts_share_no_name() {
        let parts = news(&NewsOptions { seed: 4, paragraphs: [400, 100, 100] });
        assert_eq!(parts.each_ref().map(Vec::len), [400, 100, 100]);
        for report in parts.iter().flatten() {
            let words: HashSet<&str> = report.article.split(' ').collect();
            let named = names(std::slice::from_ref(report));
            assert!(!named.is_empty() && named.iter().all(|name| words.contains(name)), "{report:?}");
            assert!(
                names(std::slice::from_ref(report)).len()
                    < report.article.split(' ').filter(|word| word.starts_with(char::is_uppercase)).count()
            );
        }
        let of = parts.each_ref().map(|part| names(part));
        assert!(of[0].is_disjoint(&of[1]) && of[0].is_disjoint(&of[2]) && of[1].is_disjoint(&of[2]));
        assert_eq!(parts, news(&NewsOptions { seed: 4, paragraphs: [400, 100, 100] }));
        assert_ne!(parts, news(&NewsOptions { seed: 5, paragraphs: [400, 100, 100] }));
    }
}
