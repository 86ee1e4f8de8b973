//! A run that starts from a checkpoint: the checkpoint's model and what the recipe says have to agree.

use toml::{Table, Value};

use super::ModelRecipe;
use super::problem::Problem;

/// What a checkpoint fixes for a run that starts from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// What the checkpoint is called in errors.
    pub name: String,
    pub model: ModelRecipe,
    pub lowercase: bool,
    /// Whether one tokenizer serves both sides.
    pub joint: bool,
    /// Pieces of the source and the target vocabulary.
    pub vocabularies: (usize, usize),
    /// The piece that its sources begin with.
    pub source_prefix: Option<String>,
}

impl Origin {
    /// Puts the checkpoint's model in the place of the recipe's, and gives what they disagree about. Keys that the recipe leaves out follow
    /// the checkpoint; what no weight belongs to ([`is_free`]) follows the recipe where it has it.
    pub(super) fn apply(&self, table: &mut Table) -> Vec<Problem> {
        let mut problems = self.tokenizer_problems(table);
        let model = Value::try_from(&self.model).expect("a model's recipe is TOML");
        let families = |model: &Value| model.as_table().map(|table| table.keys().cloned().collect::<Vec<_>>().join(" and a "));
        let merged = match table.get("model") {
            Some(written) if families(written).is_some_and(|found| !found.is_empty() && found != self.model.family()) => {
                let (written, found) = (families(written).unwrap_or_default(), self.model.family());
                let message = format!("is a {written}, but {} has a {found}; leave it out to take that", self.name);
                problems.push(Problem { path: "model".to_owned(), message });
                model
            }
            Some(written) => self.merge("model", written, &model, &mut problems),
            None => model,
        };
        table.insert("model".to_owned(), merged);
        let tokenizer = table.entry("tokenizer").or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(tokenizer) = tokenizer {
            tokenizer.insert("lowercase".to_owned(), self.lowercase.into());
            tokenizer.insert("joint".to_owned(), self.joint.into());
        }
        if let (Some(prefix), Some(Value::Table(data))) = (&self.source_prefix, table.get_mut("data")) {
            data.entry("source_prefix").or_insert_with(|| prefix.as_str().into());
        }
        problems
    }

    /// What stands in the checkpoint, and what is free as `written`.
    fn merge(&self, path: &str, written: &Value, found: &Value, problems: &mut Vec<Problem>) -> Value {
        match (written, found) {
            (Value::Table(written), Value::Table(found)) => {
                let mut merged = found.clone();
                for (key, value) in written {
                    let below = format!("{path}.{key}");
                    let value = match found.get(key) {
                        Some(found) => self.merge(&below, value, found, problems),
                        // Unknown keys are told as in every recipe; known ones have a default that is not written down.
                        None => value.clone(),
                    };
                    merged.insert(key.clone(), value);
                }
                Value::Table(merged)
            }
            // A family by its name alone leaves all its keys out.
            (Value::String(name), Value::Table(table)) if table.len() == 1 && table.contains_key(name) => found.clone(),
            _ if is_free(path) || equal(written, found) => written.clone(),
            _ => {
                let message = format!("is {written}, but {} has {found}; leave it out to take that", self.name);
                problems.push(Problem { path: path.to_owned(), message });
                found.clone()
            }
        }
    }

    fn tokenizer_problems(&self, table: &Table) -> Vec<Problem> {
        let tokenizer = table.get("tokenizer").and_then(Value::as_table);
        let written = |key: &str| tokenizer.and_then(|tokenizer| tokenizer.get(key));
        let mut problems = Vec::new();
        let mut problem = |key: &str, written: &Value, found: String| {
            let message = format!("is {written}, but {} has {found}; leave it out to take that", self.name);
            problems.push(Problem { path: format!("tokenizer.{key}"), message });
        };
        for (key, found) in [("lowercase", self.lowercase), ("joint", self.joint)] {
            if let Some(written) = written(key).filter(|written| written.as_bool().is_some_and(|written| written != found)) {
                problem(key, written, found.to_string());
            }
        }
        let (source, target) = self.vocabularies;
        let largest = source.max(target);
        // Data may have supported fewer pieces than were asked for, never more.
        for (key, size) in [("size", largest), ("source_size", source), ("target_size", target)] {
            let own = key != "size" || ["source_size", "target_size"].iter().all(|key| written(key).is_none());
            let fewer = |written: &&Value| written.as_integer().is_some_and(|written| (0..size as i64).contains(&written));
            if let Some(written) = written(key).filter(|written| own && fewer(written)) {
                problem(key, written, format!("{size} pieces"));
            }
        }
        problems
    }
}

/// Whether a key may change from one training to the next: rates of dropout, how hard attention learns, and retrieval steps, which use the
/// weights of one more often.
fn is_free(path: &str) -> bool {
    path.ends_with("dropout") || path.contains(".hard.") || path.ends_with(".hopfield_steps")
}

/// Whether two values mean the same; whole numbers may stand for others.
fn equal(written: &Value, found: &Value) -> bool {
    match (written, found) {
        (Value::Integer(one), Value::Float(other)) => *one as f64 == *other,
        _ => written == found,
    }
}
