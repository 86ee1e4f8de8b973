//! The Turing machine: seven parts and a tape (Turing 1936; in the form of Sipser, *Introduction to the Theory of Computation*, section 3.1).
//!
//! (Q, Σ, Γ, δ, q₀, q_accept, q_reject): states, input alphabet, tape alphabet with a blank, transition function Q × Γ → Q × Γ × {L, R}, and the
//! states that it starts, accepts and rejects in. The Neural Turing Machine's heads (`tape.rs`) do to a degree what this one does wholly.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// A machine as it is written in a file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    /// Q
    states: Vec<String>,
    /// Σ
    input_alphabet: Vec<String>,
    /// Γ
    tape_alphabet: Vec<String>,
    /// The symbol of cells that were never written, in Γ and not in Σ.
    blank: String,
    /// q₀
    start: String,
    /// q_accept
    accept: String,
    /// q_reject
    reject: String,
    /// δ, each `STATE SYMBOL -> STATE SYMBOL L` or `… R`; what is not there rejects.
    transitions: Vec<String>,
}

/// Where a head goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Not beyond the first cell, where it stays.
    Left,
    Right,
}

/// What a machine does in a state at a symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Action {
    state: String,
    write: char,
    go: Move,
}

/// A machine whose parts fit together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TuringMachine {
    input_alphabet: BTreeSet<char>,
    blank: char,
    start: String,
    accept: String,
    reject: String,
    transitions: BTreeMap<(String, char), Action>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Accepted,
    Rejected,
    /// It had not halted after so many steps as it was given.
    Running,
}

/// One moment of a run: the tape, the head and the state before a step, or at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    pub state: String,
    /// Cells up to the last that was ever reached.
    pub tape: Vec<char>,
    /// The cell under the head.
    pub head: usize,
    /// What the step writes into it; nothing at the end.
    pub written: Option<char>,
}

/// All moments of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// One more than there were steps.
    pub configurations: Vec<Configuration>,
    pub outcome: Outcome,
}

/// Turns every a into b.
pub const A_TO_B: &str = r#"states = ["scan", "accept", "reject"]
input_alphabet = ["a", "b"]
tape_alphabet = ["a", "b", "_"]
blank = "_"
start = "scan"
accept = "accept"
reject = "reject"
transitions = ["scan a -> scan b R", "scan b -> scan b R", "scan _ -> accept _ R"]
"#;

impl TuringMachine {
    /// From the TOML of a machine.
    ///
    /// # Errors
    /// What is no TOML of a machine, symbols of other than one character, and parts that do not fit: a state or symbol that is none of the machine's,
    /// a blank that is in the input alphabet, two transitions for one state and symbol, one that leads out of a state that halts.
    pub fn of_toml(text: &str) -> Result<Self> {
        let parts: Description = toml::from_str(text).map_err(|error| anyhow::anyhow!("{}", error.to_string().trim_end()))?;
        let states: BTreeSet<&str> = parts.states.iter().map(String::as_str).collect();
        let (input_alphabet, tape_alphabet) =
            (alphabet("input_alphabet", &parts.input_alphabet)?, alphabet("tape_alphabet", &parts.tape_alphabet)?);
        let blank = symbol("blank", &parts.blank)?;
        for (key, state) in [("start", &parts.start), ("accept", &parts.accept), ("reject", &parts.reject)] {
            ensure!(states.contains(state.as_str()), "{key}: {state:?} is none of the states {}", listed(&states));
        }
        ensure!(parts.accept != parts.reject, "accept and reject are both {:?}, expected two states", parts.accept);
        ensure!(tape_alphabet.contains(&blank), "blank: {blank:?} is not in tape_alphabet");
        ensure!(
            !input_alphabet.contains(&blank),
            "blank: {blank:?} is in input_alphabet, so the end of an input could not be told"
        );
        if let Some(other) = input_alphabet.difference(&tape_alphabet).next() {
            bail!("input_alphabet: {other:?} is not in tape_alphabet, which must hold all of it");
        }
        let mut transitions = BTreeMap::new();
        for text in &parts.transitions {
            let name = || format!("transition {text:?}");
            let words: Vec<&str> = text.split_whitespace().collect();
            let [state, read, "->", next, write, go] = words[..] else {
                bail!("{}: expected `STATE SYMBOL -> STATE SYMBOL L` or `R`", name());
            };
            for state in [state, next] {
                ensure!(states.contains(state), "{}: {state:?} is none of the states {}", name(), listed(&states));
            }
            let (read, write) = (symbol("symbol", read).with_context(name)?, symbol("symbol", write).with_context(name)?);
            for symbol in [read, write] {
                ensure!(tape_alphabet.contains(&symbol), "{}: {symbol:?} is not in tape_alphabet", name());
            }
            ensure!(
                state != parts.accept && state != parts.reject,
                "{}: leads out of {state:?}, where the machine halts",
                name()
            );
            let go = match go {
                "L" => Move::Left,
                "R" => Move::Right,
                _ => bail!("{}: moves {go:?}, expected L or R", name()),
            };
            let action = Action { state: next.to_owned(), write, go };
            if transitions.insert((state.to_owned(), read), action).is_some() {
                bail!("{}: there is another for state {state:?} and symbol {read:?}, expected one", name());
            }
        }
        let Description { start, accept, reject, .. } = parts;
        Ok(TuringMachine { input_alphabet, blank, start, accept, reject, transitions })
    }

    /// Runs on an input until it halts, or for `most` steps.
    ///
    /// # Errors
    /// A symbol of the input that is not in the input alphabet.
    pub fn run(&self, input: &str, most: usize) -> Result<Run> {
        if let Some((place, other)) = input.chars().enumerate().find(|(_, symbol)| !self.input_alphabet.contains(symbol)) {
            bail!("input {input:?}: symbol {} is {other:?}, expected one of {}", place + 1, listed(&self.input_alphabet));
        }
        let mut tape: Vec<char> = input.chars().collect();
        if tape.is_empty() {
            tape.push(self.blank);
        }
        let (mut state, mut head, mut configurations) = (self.start.clone(), 0, Vec::new());
        loop {
            let halted = [(&self.accept, Outcome::Accepted), (&self.reject, Outcome::Rejected)];
            let halted = halted.into_iter().find(|(end, _)| **end == state).map(|(_, outcome)| outcome);
            let outcome = halted.or_else(|| (configurations.len() == most).then_some(Outcome::Running));
            let now = |written| Configuration { state: state.clone(), tape: tape.clone(), head, written };
            if let Some(outcome) = outcome {
                configurations.push(now(None));
                return Ok(Run { configurations, outcome });
            }
            let Some(action) = self.transitions.get(&(state.clone(), tape[head])) else {
                configurations.push(now(Some(tape[head])));
                state.clone_from(&self.reject);
                continue;
            };
            configurations.push(now(Some(action.write)));
            tape[head] = action.write;
            state.clone_from(&action.state);
            head = match action.go {
                Move::Left => head.saturating_sub(1),
                Move::Right => head + 1,
            };
            if head == tape.len() {
                tape.push(self.blank);
            }
        }
    }

    /// What is on the tape, without the blanks at its end.
    pub fn output(&self, run: &Run) -> String {
        let tape: String = run.configurations.last().map(|last| last.tape.iter().collect()).unwrap_or_default();
        tape.trim_end_matches(self.blank).to_owned()
    }
}

fn alphabet(key: &str, symbols: &[String]) -> Result<BTreeSet<char>> {
    symbols.iter().map(|text| symbol(key, text)).collect()
}

fn symbol(key: &str, text: &str) -> Result<char> {
    match text.chars().collect::<Vec<_>>()[..] {
        [symbol] if !symbol.is_whitespace() => Ok(symbol),
        _ => bail!("{key}: {text:?} is no symbol: expected one character that is no space"),
    }
}

fn listed<T: ToString>(things: &BTreeSet<T>) -> String {
    things.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> TuringMachine {
        TuringMachine::of_toml(A_TO_B).unwrap()
    }

    #[test]
    fn every_a_becomes_b() {
        for (input, output) in [("aaab", "bbbb"), ("", ""), ("b", "b"), ("abab", "bbbb")] {
            let run = machine().run(input, 100).unwrap();
            assert_eq!((run.outcome, machine().output(&run)), (Outcome::Accepted, output.to_owned()));
            assert_eq!(run.configurations.len(), input.len() + 2, "a step a symbol, and one at the blank");
            for (step, now) in run.configurations[..input.len()].iter().enumerate() {
                assert_eq!((now.head, now.tape[..step].iter().collect::<String>()), (step, "b".repeat(step)));
            }
        }
    }

    /// The language aⁿbⁿ, which no machine without a tape decides: the first a is crossed out, then the first b, and back.
    const EQUALLY_MANY: &str = r#"
states = ["first", "find", "back", "rest", "yes", "no"]
input_alphabet = ["a", "b"]
tape_alphabet = ["a", "b", "x", "y", "_"]
blank = "_"
start = "first"
accept = "yes"
reject = "no"
transitions = [
  "first a -> find x R", "first y -> rest y R", "first _ -> yes _ R",
  "find a -> find a R", "find y -> find y R", "find b -> back y L",
  "back a -> back a L", "back y -> back y L", "back x -> first x R",
  "rest y -> rest y R", "rest _ -> yes _ R",
]
"#;

    #[test]
    fn a_machine_of_ones_own_decides_its_language() {
        let machine = TuringMachine::of_toml(EQUALLY_MANY).unwrap();
        for input in ["", "ab", "aabb", "aaabbb", "a", "b", "ba", "aab", "abb", "abab", "aabbb"] {
            let half = input.len() / 2;
            let equally = input == "a".repeat(half) + &"b".repeat(half);
            let expected = if equally { Outcome::Accepted } else { Outcome::Rejected };
            assert_eq!(machine.run(input, 1000).unwrap().outcome, expected, "{input}");
        }
    }

    #[test]
    fn a_run_without_end_is_ended() {
        let endless = A_TO_B.replace("scan _ -> accept _ R", "scan _ -> scan _ R");
        let run = TuringMachine::of_toml(&endless).unwrap().run("a", 7).unwrap();
        assert_eq!((run.outcome, run.configurations.len()), (Outcome::Running, 8));
        // At the left end a head stays.
        let left = A_TO_B.replace("scan a -> scan b R", "scan a -> scan b L");
        let run = TuringMachine::of_toml(&left).unwrap().run("aa", 1).unwrap();
        assert_eq!(run.configurations[1].head, 0);
    }

    #[test]
    fn parts_that_do_not_fit_are_named() {
        let error = |from: &str, to: &str| {
            let text = A_TO_B.replacen(from, to, 1);
            assert_ne!(text, A_TO_B);
            format!("{:#}", TuringMachine::of_toml(&text).unwrap_err())
        };
        assert!(error("start = \"scan\"", "start = \"go\"").contains("start: \"go\" is none of the states accept, reject, scan"));
        assert!(error("reject = \"reject\"", "reject = \"accept\"").contains("accept and reject are both \"accept\""));
        assert!(error("blank = \"_\"", "blank = \"a\"").contains("blank: 'a' is in input_alphabet"));
        assert!(error("blank = \"_\"", "blank = \"#\"").contains("blank: '#' is not in tape_alphabet"));
        assert!(
            error("input_alphabet = [\"a\"", "input_alphabet = [\"c\"").contains("input_alphabet: 'c' is not in tape_alphabet")
        );
        assert!(error("[\"a\", \"b\"]", "[\"ab\", \"b\"]").contains("\"ab\" is no symbol"));
        assert!(error("scan a -> scan b R", "scan a -> scan b").contains("expected `STATE SYMBOL -> STATE SYMBOL L`"));
        assert!(error("scan a -> scan b R", "scan a -> scan b U").contains("moves \"U\", expected L or R"));
        assert!(error("scan a -> scan b R", "scan a -> run b R").contains("\"run\" is none of the states"));
        assert!(error("scan a -> scan b R", "scan a -> scan c R").contains("'c' is not in tape_alphabet"));
        assert!(error("scan a -> scan b R", "accept a -> scan b R").contains("leads out of \"accept\""));
        assert!(error("scan b -> scan b R", "scan a -> scan b R").contains("there is another for state \"scan\" and symbol 'a'"));
        assert!(error("start", "begin").contains("unknown field `begin`"));
        let other = machine().run("aac", 9).unwrap_err().to_string();
        assert!(other.contains("symbol 3 is 'c', expected one of a, b"), "{other}");
    }
}
