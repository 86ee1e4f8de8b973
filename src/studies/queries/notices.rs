//! Notices of events, generated: who invites, where and when it is. Other sentences name other people, places and days, so that no word alone gives
//! an answer away.

use crate::studies::random::RandomGenerator;

/// What is asked, and what the answers may be.
pub const ASKED: [(&str, &[&str]); 3] = [
    ("who", &["anna", "bruno", "clara", "david", "elsa", "felix"]),
    ("where", &["hall", "garden", "museum", "school", "harbour", "castle"]),
    ("when", &["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]),
];

const EVENTS: [&str; 6] = ["concert", "lecture", "feast", "market", "game", "reading"];

/// What tells an answer: by number as in [`ASKED`].
const TELLING: [&[&str]; 3] = [
    &[
        "{who} invites everybody to the {event}",
        "the {event} is given by {who}",
        "come to the {event} of {who}",
        "this time it is {who} who looks forward to seeing you at the {event}",
    ],
    &[
        "it takes place in the {where}",
        "we meet in the {where}",
        "the {where} is where you find us",
        "the {event} will be held in the {where}",
    ],
    &["it begins on {when}", "the doors open on {when}", "{when} is the day", "please keep {when} free for the {event}"],
];

/// What tells none.
const OTHERS: [&str; 10] = [
    "{who} cannot come",
    "ask {who} for the tickets",
    "last year {who} gave the {event}",
    "last year it took place in the {where}",
    "the {where} is closed for repairs",
    "the road to the {where} is open again",
    "tickets are sold until {when}",
    "last time the {event} began on {when}",
    "{who} was seen in the {where} on {when}",
    "on {when} the {where} belongs to {who}",
];

/// A notice of three telling sentences and so many `others`: its words, and the right answers.
pub fn draw(others: usize, random: &mut RandomGenerator) -> (Vec<&'static str>, [&'static str; 3]) {
    let right = ASKED.map(|(_, answers)| *random.pick::<&str>(answers));
    let event = *random.pick::<&str>(&EVENTS);
    let mut sentences: Vec<Vec<&'static str>> = Vec::new();
    for told in TELLING {
        let template = *random.pick::<&str>(told);
        sentences.push(fill(template, event, right));
    }
    for _ in 0..others {
        // Never the right answer.
        let mut number = 0;
        let wrong = ASKED.map(|(_, answers)| {
            let wrong: Vec<&'static str> = answers.iter().copied().filter(|answer| *answer != right[number]).collect();
            number += 1;
            *random.pick(&wrong)
        });
        sentences.push(fill(random.pick::<&str>(&OTHERS), event, wrong));
    }
    random.shuffle(&mut sentences);
    (sentences.concat(), right)
}

fn fill(template: &'static str, event: &'static str, answers: [&'static str; 3]) -> Vec<&'static str> {
    let of_word = |word| match word {
        "{event}" => event,
        "{who}" => answers[0],
        "{where}" => answers[1],
        "{when}" => answers[2],
        word => word,
    };
    template.split(' ').map(of_word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_says_each_right_answer_once_and_leaves_no_slot() {
        let mut random = RandomGenerator::new(3, 0);
        for number in 0..300 {
            let (words, right) = draw(number % 7, &mut random);
            for answer in right {
                assert_eq!(words.iter().filter(|word| **word == answer).count(), 1, "{words:?} {right:?}");
            }
            assert!(!words.iter().any(|word| word.contains(['{', '}'])), "{words:?}");
        }
    }

    #[test]
    fn every_answer_is_drawn() {
        let mut random = RandomGenerator::new(4, 0);
        let drawn: Vec<[&str; 3]> = (0..600).map(|_| draw(1, &mut random).1).collect();
        for (number, (_, answers)) in ASKED.iter().enumerate() {
            assert!(answers.iter().all(|answer| drawn.iter().any(|right| right[number] == *answer)));
        }
    }
}
