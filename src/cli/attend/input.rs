//! Queries, keys and values as text.

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::attention::calculator::NamedVectors;
use crate::input::quoted;

/// What a vector is called, and its numbers.
pub type Named = (String, Vec<f64>);

/// Vectors as they were given.
#[derive(Default)]
pub struct Vectors {
    pub queries: Vec<Named>,
    pub keys: Vec<Named>,
    pub values: Vec<Named>,
}

/// The same as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    #[serde(default)]
    query: Vec<f64>,
    #[serde(default)]
    queries: Vec<Vec<f64>>,
    keys: Vec<Vec<f64>>,
    #[serde(default)]
    values: Vec<Vec<f64>>,
    /// What keys are called.
    #[serde(default)]
    names: Vec<String>,
}

/// An example of each form, for messages.
pub const EXPECTED: &str = "lines `query 1 0 2`, `key 1 0 0` and, where values are not the keys, `value 5`; a name may stand before a colon, \
                            `key dog: 1 0 0`; or one JSON object, {\"query\": [1, 0, 2], \"keys\": [[1, 0, 0], [0, 1, 0]]}";

impl Vectors {
    /// Reads text: JSON where it begins with a brace, else lines.
    pub fn read(name: &str, text: &str) -> Result<Self> {
        if text.trim_start().starts_with('{') {
            return Self::json(text).with_context(|| format!("{name}: not the JSON that was expected; give {EXPECTED}"));
        }
        let mut vectors = Self::default();
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            vectors.line(line.trim()).with_context(|| format!("{name}:{number}"))?;
        }
        Ok(vectors)
    }

    fn line(&mut self, line: &str) -> Result<()> {
        let (what, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let vectors = match what {
            "query" => &mut self.queries,
            "key" => &mut self.keys,
            "value" => &mut self.values,
            _ => bail!("expected a line that begins with query, key or value, found {}; give {EXPECTED}", quoted(line)),
        };
        vectors.push(match rest.rsplit_once(':') {
            Some((name, rest)) => (name.trim().to_owned(), numbers(rest)?),
            None => unnamed(rest)?,
        });
        Ok(())
    }

    fn json(text: &str) -> Result<Self> {
        let Record { query, queries, keys, values, names } = serde_json::from_str(text)?;
        ensure!(
            names.is_empty() || names.len() == keys.len(),
            "found {} names and {} keys: give a name for each key, or none",
            names.len(),
            keys.len()
        );
        let unnamed =
            |vectors: Vec<Vec<f64>>| vectors.into_iter().map(|numbers| (spelled(&numbers), numbers)).collect::<Vec<_>>();
        let mut keys = unnamed(keys);
        keys.iter_mut().zip(names).for_each(|(key, name)| key.0 = name);
        let query = (!query.is_empty()).then_some(query);
        Ok(Vectors { queries: unnamed(query.into_iter().chain(queries).collect()), keys, values: unnamed(values) })
    }

    /// Checked: queries, keys, and values where there are any.
    pub fn check(self) -> Result<(NamedVectors, NamedVectors, Option<NamedVectors>)> {
        let queries = NamedVectors::new("query", self.queries)?;
        let keys = NamedVectors::new("key", self.keys)?;
        let values = (!self.values.is_empty()).then(|| NamedVectors::new("value", self.values)).transpose()?;
        Ok((queries, keys, values))
    }
}

/// A vector that is called by its numbers.
pub fn unnamed(text: &str) -> Result<Named> {
    let numbers = numbers(text)?;
    Ok((spelled(&numbers), numbers))
}

fn spelled(numbers: &[f64]) -> String {
    numbers.iter().map(f64::to_string).collect::<Vec<_>>().join(" ")
}

/// Numbers between spaces or commas.
fn numbers(text: &str) -> Result<Vec<f64>> {
    let words = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
    words
        .map(|word| {
            word.parse()
                .ok()
                .with_context(|| format!("{} is no number: give numbers between spaces, such as \"1 0 -0.5\"", quoted(word)))
        })
        .collect()
}
