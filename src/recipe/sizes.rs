//! Numbers so large that no run with them is meant: they would run out of memory, or without end, far from the key that says them.

use toml::{Table, Value};

use super::check::Checks;

/// Most of any count, and of counts in a study's `[task]`.
const MOST: i64 = 1 << 24;
const MOST_IN_TASK: i64 = 65_536;
/// Of examples that a study makes.
const MOST_EXAMPLES: i64 = 1 << 20;
/// Largest other number.
const LARGEST: f64 = 1e6;

/// Counts that only say when something happens, or how much is left out: a large one costs nothing.
const FREE: [&str; 17] = [
    "seed",
    "learning_rate",
    "updates",
    "epochs",
    "minutes",
    "validate_every",
    "validation_sentences",
    "patience",
    "keep_best",
    "keep_last",
    "log_every",
    "minimum_frequency",
    "top_k",
    "no_repeat_ngram",
    "clip_norm",
    "maximum_ratio",
    "maximum_line_bytes",
];

/// Filters keep what they say, and a schedule begins when it says.
const FREE_TABLES: [&str; 2] = ["data.filters.", "training.schedule."];

const EXAMPLES: [&str; 5] = ["documents", "formulas", "passages", "tested", "cues"];

/// Looks through all numbers of a recipe that nothing else was wrong with.
pub(super) fn check(recipe: &Table, checks: &mut Checks) {
    visit(recipe, "", checks);
}

fn visit(table: &Table, above: &str, checks: &mut Checks) {
    for (key, value) in table {
        let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        let free = FREE.contains(&key.as_str()) || FREE_TABLES.iter().any(|table| path.starts_with(table));
        match value {
            Value::Table(below) => visit(below, &path, checks),
            Value::Integer(number) if !free => {
                let most = match (path.starts_with("task."), EXAMPLES.contains(&key.as_str())) {
                    (true, true) => MOST_EXAMPLES,
                    (true, false) => MOST_IN_TASK,
                    (false, _) => MOST,
                };
                checks
                    .limit(&path, *number <= most, || format!("is {number}, more than {most}, the most that a run has use for"));
            }
            Value::Float(number) if !free => {
                checks.limit(&path, number.abs() <= LARGEST, || format!("is {number}, expected {LARGEST} at most"));
            }
            _ => {}
        }
    }
}
