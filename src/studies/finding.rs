//! What an examination found, beside an aim and the figure of a paper.

use serde::Serialize;

/// One number that an examination found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// "wrong bits of 960 at length 120".
    pub what: String,
    pub value: f64,
    /// What we want it to be.
    pub aim: Option<Aim>,
    /// What the paper has to say about it; empty where it says nothing.
    pub paper: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aim {
    AtMost(f64),
    AtLeast(f64),
}

impl Finding {
    pub fn new(what: impl Into<String>, value: f64) -> Self {
        Finding { what: what.into(), value, aim: None, paper: String::new() }
    }

    pub fn aim(self, aim: Aim) -> Self {
        Finding { aim: Some(aim), ..self }
    }

    pub fn paper(self, paper: impl Into<String>) -> Self {
        Finding { paper: paper.into(), ..self }
    }

    /// Whether the aim is reached; a finding without one has nothing to reach.
    pub fn reached(&self) -> bool {
        match self.aim {
            Some(Aim::AtMost(most)) => self.value <= most,
            Some(Aim::AtLeast(least)) => self.value >= least,
            None => true,
        }
    }

    /// A row of a Markdown table: run, what, value, aim, paper.
    pub fn row(&self, run: &str) -> String {
        let aim = match self.aim {
            Some(Aim::AtMost(most)) => format!("≤ {}", plain(most)),
            Some(Aim::AtLeast(least)) => format!("≥ {}", plain(least)),
            None => String::new(),
        };
        let falls_short = if self.reached() { "" } else { " (falls short)" };
        format!("| {run} | {} | {}{falls_short} | {aim} | {} |\n", self.what, plain(self.value), self.paper)
    }
}

/// Four digits are more than chance leaves of any of these numbers.
fn plain(value: f64) -> String {
    let decimals = if value == 0.0 { 0 } else { (3 - value.abs().log10().floor() as i32).clamp(0, 4) as usize };
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_what_they_can_say() {
        for (value, text) in [(0.0, "0"), (0.01234567, "0.0123"), (1.5, "1.5"), (133.333, "133.3"), (123456.7, "123457")] {
            assert_eq!(plain(value), text);
        }
    }

    #[test]
    fn a_row_says_what_falls_short() {
        let finding = Finding::new("wrong bits", 0.25).aim(Aim::AtMost(0.1)).paper("near 0");
        assert_eq!(finding.row("ntm-copy"), "| ntm-copy | wrong bits | 0.25 (falls short) | ≤ 0.1 | near 0 |\n");
        assert!(Finding { value: 0.1, ..finding }.reached());
        assert!(!Finding::new("accuracy", 0.9).aim(Aim::AtLeast(0.95)).reached());
    }
}
