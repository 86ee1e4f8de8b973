//! `--set key.path=value`.

use toml::{Table, Value};

use super::problem::Problem;

/// Writes one `key.path=value` into the recipe. The value is TOML; what does not parse as TOML is taken as a string, so that words and
/// paths need no quotes.
pub(super) fn apply(table: &mut Table, setting: &str) -> Result<(), Problem> {
    let (path, value) = setting.split_once('=').ok_or_else(|| Problem {
        path: format!("--set {setting}"),
        message: "expected key.path=value, such as training.batch_tokens=2048".to_owned(),
    })?;
    let path = path.trim();
    let problem = |message: String| Problem { path: path.to_owned(), message: format!("{message} (in --set {setting})") };
    let keys: Vec<&str> = path.split('.').map(str::trim).collect();
    if keys.contains(&"") {
        return Err(problem("has an empty key".to_owned()));
    }
    let value = parse(value.trim()).map_err(problem)?;
    let (last, above) = keys.split_last().expect("splitting gives at least one part");
    let mut table = table;
    for (depth, key) in above.iter().enumerate() {
        let entry = table.entry(*key).or_insert_with(|| Value::Table(Table::new()));
        // A choice by name alone, such as `optimizer = "adam"`, of which a setting follows.
        if entry.as_str() == keys.get(depth + 1).copied() {
            *entry = Value::Table(Table::new());
        }
        table = match entry {
            Value::Table(table) => table,
            other => {
                let upper = keys[..=depth].join(".");
                return Err(problem(format!("`{upper}` is {other} and has no settings below it")));
            }
        };
    }
    table.insert((*last).to_owned(), value);
    Ok(())
}

fn parse(text: &str) -> Result<Value, String> {
    // With a line break the text could smuggle in keys of its own.
    if !text.contains('\n')
        && let Ok(mut table) = format!("value = {text}").parse::<Table>()
        && let Some(value) = table.remove("value")
    {
        return Ok(value);
    }
    if text.starts_with(['[', '{', '"', '\'']) {
        return Err(format!("{text} is not a TOML value"));
    }
    Ok(Value::String(text.to_owned()))
}
