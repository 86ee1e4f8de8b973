//! Every key of every recipe in `configs/` with values that nobody means: an error, or a number that a run can start with; never a panic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::recipe::load::{self, RecipeFile};
use crate::recipe::{Recipe, RecipeError, RecipeText, StudyRecipe};

const HOSTILE: [&str; 13] = [
    "0",
    "-1",
    "1000000000",
    "4611686018427387904",
    "9223372036854775807",
    "nan",
    "inf",
    "-inf",
    "1e308",
    "1e-308",
    "\"\"",
    "[]",
    "{}",
];

/// Keys by which a run ends later or says less: a large number of them costs nothing.
const MAY_BE_HUGE: [&str; 25] = [
    "seed",
    "learning_rate",
    "maximum_line_bytes",
    "after",
    "updates",
    "epochs",
    "minutes",
    "validate_every",
    "validation_sentences",
    "patience",
    "keep_best",
    "keep_last",
    "log_every",
    "pictures",
    "warmup",
    "start",
    "every",
    "wait",
    "minimum_frequency",
    "minimum_length",
    "maximum_length",
    "maximum_ratio",
    "top_k",
    "no_repeat_ngram",
    "clip_norm",
];

/// Numbers that mean something below zero too.
const MAY_BE_NEGATIVE: [&str; 1] = ["bias"];

fn configs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 20);
    files
}

/// Dotted paths of all values, with those values.
fn leaves(table: &Table, above: &str, found: &mut Vec<(String, Value)>) {
    for (key, value) in table {
        let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        match value {
            Value::Table(below) if !below.is_empty() => leaves(below, &path, found),
            _ => found.push((path, value.clone())),
        }
    }
}

/// What a recipe says under these settings: its own text when it is good, the problems when it is not.
fn resolved(file: &Path, settings: &[String]) -> Result<String, Vec<String>> {
    fn of<R: RecipeFile>(text: &str, file: &Path, settings: &[String]) -> Result<String, Vec<String>> {
        let name = file.file_stem().unwrap().to_str().unwrap();
        load::read::<R>(text, name, file, settings, None)
            .map(|recipe| toml::to_string_pretty(&recipe).unwrap())
            .map_err(|error| error.downcast::<RecipeError>().unwrap().problems.iter().map(ToString::to_string).collect())
    }
    let text = std::fs::read_to_string(file).unwrap();
    if RecipeText::read(file).unwrap().is_of_study() {
        of::<StudyRecipe>(&text, file, settings)
    } else {
        of::<Recipe>(&text, file, settings)
    }
}

#[test]
fn hostile_values_of_any_key_are_errors_or_start() {
    let mut wrong = std::collections::BTreeSet::new();
    let mut tried = 0;
    for file in configs() {
        let text = resolved(&file, &[]).unwrap();
        let mut keys = Vec::new();
        leaves(&text.parse::<Table>().unwrap(), "", &mut keys);
        for (key, value) in keys {
            for hostile in HOSTILE {
                tried += 1;
                let setting = format!("{key}={hostile}");
                let Ok(found) = catch_unwind(AssertUnwindSafe(|| resolved(&file, std::slice::from_ref(&setting)))) else {
                    wrong.insert(format!("panics at {setting}"));
                    continue;
                };
                let last = key.rsplit('.').next().unwrap();
                let numeric = matches!(value, Value::Integer(_) | Value::Float(_));
                match found {
                    Ok(_) if !numeric || hostile == "-1" && MAY_BE_NEGATIVE.contains(&last) => {}
                    Ok(_) if ["nan", "inf", "-inf", "-1", "\"\"", "[]", "{}"].contains(&hostile) => {
                        wrong.insert(format!("takes {setting}"));
                    }
                    Ok(_) if hostile.parse::<f64>().is_ok_and(|number| number > 1e9) && !MAY_BE_HUGE.contains(&last) => {
                        wrong.insert(format!("takes {setting}"));
                    }
                    Ok(_) => {}
                    // What is wrong is told of this key, not of another.
                    // A study that is not trained takes no key of [training] at all.
                    Err(problems) if problems.iter().any(|problem| problem.contains("is not trained; leave this out")) => {}
                    Err(problems)
                        if numeric
                            && !problems
                                .iter()
                                .any(|problem| problem.contains(last) || problem.contains("is below the minimum")) =>
                    {
                        wrong.insert(format!("{setting}: {problems:?}"));
                    }
                    Err(_) => {}
                }
            }
        }
    }
    assert!(tried > 10_000, "{tried}");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_recipe_with_many_faults_and_long_names_is_told_of_quickly() {
    let keys: String = (0..20_000).map(|number| format!("key{number} = 1\n")).collect();
    let problems = super::problems_of(&keys, &[]);
    assert!((20..=60).contains(&problems.len()), "{}", problems.len());
    let long = format!("{} = 1\nname = \"\\u001b[31mred/\"\n{}", "k".repeat(500_000), super::LEAST);
    let problems = super::problems_of(&long, &[]);
    assert!(problems.iter().all(|problem| problem.len() < 3000), "{}", problems.len());
    assert!(!problems.concat().contains('\u{1b}'));
}
