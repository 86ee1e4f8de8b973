//! `targum attend scores`: the calculator.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::json;
use tch::Device;

use super::input::{EXPECTED, Named, Vectors, unnamed};
use super::{Format, save};
use crate::alignment::{AttentionMatrix, Figure, Heatmap};
use crate::attention::calculator::{Attended, Calculation, Calculator, SCORES, ScoreParameters, TrainedScore};
use crate::cli::attention::MOST_WORDS;
use crate::cli::table::{number, table};
use crate::cli::text::TextArguments;
use crate::cli::verify::VerifyArguments;
use crate::input::{lines, maximum_line_bytes, read_text};
use crate::recipe::ScoreKind;
use crate::runtime::files::Shown;
use crate::runtime::{Output, message, set_threads};
use crate::translator::{Side, Translator};

/// Numbers of a context that a table shows; of longer ones only the first.
const SHOWN: usize = 8;
const FIRST: usize = 3;

#[derive(Args)]
pub struct Arguments {
    /// A file of queries, keys and values, as lines or as JSON; standard input where there is neither a file nor --key nor --model.
    #[arg(conflicts_with_all = ["key", "keys", "model"])]
    file: Option<PathBuf>,
    /// A query, "1 0 2"; or words with --model, each a query. Several may be given.
    #[arg(long, allow_hyphen_values = true)]
    query: Vec<String>,
    /// A key, "1 0 0". Several may be given.
    #[arg(long, allow_hyphen_values = true, conflicts_with = "model")]
    key: Vec<String>,
    /// The value of a key, in the order of the keys. Without any the keys are mixed.
    #[arg(long, allow_hyphen_values = true)]
    value: Vec<String>,
    /// A translation model whose embeddings are the vectors of words: a run folder or a checkpoint inside it.
    #[arg(long)]
    model: Option<PathBuf>,
    /// Words that are the keys, "the cat sat".
    #[arg(long, requires = "model")]
    keys: Option<String>,
    /// Whose embeddings keys have.
    #[arg(long, value_enum, default_value = "source")]
    side: Side,
    /// Whose embeddings queries have; those of --side unless said otherwise.
    #[arg(long, value_enum)]
    query_side: Option<Side>,
    /// Only this score. Several may be given; all unless said otherwise.
    #[arg(long, value_parser = PossibleValuesParser::new(SCORES.map(|(name, _, _)| name)))]
    score: Vec<String>,
    /// Draw the parameters of scores from this seed, instead of matrices with ones on the diagonal. A model's own score keeps what it learned.
    #[arg(long)]
    seed: Option<u64>,
    /// What is printed.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Draw the weights of every score: PATH.svg and PATH.png.
    #[arg(long, value_name = "PATH")]
    heatmap: Option<PathBuf>,
    #[command(flatten)]
    text: TextArguments,
    #[command(flatten)]
    verify: VerifyArguments,
}

pub fn run(arguments: Arguments) -> Result<()> {
    arguments.text.apply();
    set_threads(None);
    let (vectors, mut trained) = arguments.vectors()?;
    let (queries, keys, values) = vectors.check()?;
    let calculator = Calculator::new(queries, keys, values)?;
    let plain = arguments.seed.map_or(ScoreParameters::Identity, |seed| ScoreParameters::Random { seed });
    let mut calculations = Vec::new();
    for (name, score) in arguments.scores(&calculator) {
        let own = trained.take_if(|trained| trained.recipe.score == score);
        let own = own.filter(|own| serves(own, name, calculator.sizes())).map(ScoreParameters::Trained);
        calculations.push((name, calculator.attend(score, own.as_ref().unwrap_or(&plain))?));
    }
    let mut output = Output::open();
    match arguments.format {
        Format::Text => {
            for query in 0..calculator.names()[0].len() {
                let between = if query > 0 { "\n" } else { "" };
                write!(output, "{between}{}", text(query, calculator.names(), &calculations))?;
            }
        }
        Format::Json => {
            let [queries, keys] = calculator.names();
            let found: Vec<&Calculation> = calculations.iter().map(|(_, calculation)| calculation).collect();
            writeln!(output, "{}", serde_json::to_string_pretty(&json!({ "queries": queries, "keys": keys, "scores": found }))?)?;
        }
    }
    output.finish()?;
    if let Some(path) = &arguments.heatmap {
        heatmap(&calculator, &calculations, path)?;
    }
    Ok(())
}

impl Arguments {
    fn vectors(&self) -> Result<(Vectors, Option<TrainedScore>)> {
        let given = |what: &'static str, texts: &[String]| -> Result<Vec<Named>> {
            texts.iter().map(|text| unnamed(text).with_context(|| format!("--{what}"))).collect()
        };
        let values = given("value", &self.value)?;
        if let Some(model) = &self.model {
            let Some(keys) = &self.keys else { bail!("with --model keys are words: give --keys \"the cat sat\"") };
            ensure!(!self.query.is_empty(), "there is no query: give --query WORD");
            let translator = Translator::load_with(model, Device::Cpu, self.verify.verify())?;
            let embed = |line: &str, side| -> Result<Vec<Named>> {
                let words = translator.embed_words(line, side)?.into_iter();
                Ok(words
                    .map(|word| {
                        if word.pieces.len() > 1 {
                            message!("{}: the mean of its pieces {}", word.word, word.pieces.join(" "));
                        }
                        (word.word, word.vector)
                    })
                    .collect())
            };
            let queries = embed(&self.query.join(" "), self.query_side.unwrap_or(self.side))?;
            return Ok((Vectors { queries, keys: embed(keys, self.side)?, values }, translator.trained_score()));
        }
        if !self.key.is_empty() || !self.query.is_empty() {
            return Ok((Vectors { queries: given("query", &self.query)?, keys: given("key", &self.key)?, values }, None));
        }
        ensure!(values.is_empty(), "--value needs --query and --key beside it: give {EXPECTED}");
        Ok((self.read()?, None))
    }

    fn read(&self) -> Result<Vectors> {
        if let Some(file) = &self.file {
            return Vectors::read(&file.shown(), &read_text(file, "the vectors", maximum_line_bytes() as u64)?);
        }
        if std::io::stdin().is_terminal() {
            message!("type {EXPECTED}; Ctrl-D ends");
        }
        let text = lines(None)?.collect::<Result<Vec<_>>>()?.join("\n");
        ensure!(!text.trim().is_empty(), "found no vectors on standard input: give {EXPECTED}; or --query and --key");
        Vectors::read("line", &text)
    }

    /// Those asked for, or all that can compare these vectors.
    fn scores(&self, calculator: &Calculator) -> Vec<(&'static str, ScoreKind)> {
        let asked = |name: &str| self.score.is_empty() || self.score.iter().any(|asked| asked == name);
        let all = SCORES.into_iter().filter(|(name, _, _)| asked(name));
        let fits = |&(name, score, _): &(&str, ScoreKind, _)| {
            let fits = calculator.fits(score) || !self.score.is_empty();
            if !fits {
                let [query, key] = calculator.sizes();
                message!("{name} is left out: queries have {query} numbers, keys {key}, and it needs them of one size");
            }
            fits
        };
        all.filter(fits).map(|(name, score, _)| (name, score)).collect()
    }
}

/// Whether a model's own score takes such vectors; where not, says so.
fn serves(trained: &TrainedScore, name: &str, found: [i64; 2]) -> bool {
    let wanted = trained.sizes();
    let fits = wanted.iter().zip(found).all(|(wanted, found)| wanted.is_none_or(|wanted| wanted == found));
    if !fits {
        let told = wanted.map(|size| size.map_or("any".to_owned(), |size| size.to_string()));
        message!(
            "the model's own {name} score compares states, queries of {} numbers with keys of {}; its embeddings have {} and {}, so it is not used",
            told[0],
            told[1],
            found[0],
            found[1]
        );
    }
    fits
}

/// A table of one query: a column a score.
fn text(query: usize, [queries, keys]: [&[String]; 2], calculations: &[(&str, Calculation)]) -> String {
    let row = |name: &str, of: &dyn Fn(&Attended) -> String| -> Vec<String> {
        let cells = calculations.iter().map(|(_, calculation)| of(&calculation.queries[query]));
        std::iter::once(name.to_owned()).chain(cells).collect()
    };
    let head = |name: &str, of: &dyn Fn(&(&str, Calculation)) -> String| -> Vec<String> {
        std::iter::once(name.to_owned()).chain(calculations.iter().map(of)).collect()
    };
    let mut rows = vec![
        head(&format!("query {}", queries[query]), &|(name, _)| (*name).to_owned()),
        head("parameters", &|(_, calculation)| calculation.parameters.clone()),
    ];
    for (at, key) in keys.iter().enumerate() {
        rows.push(row(&format!("score of {key}"), &|attended| number(attended.scores[at])));
    }
    for (at, key) in keys.iter().enumerate() {
        rows.push(row(&format!("weight of {key}"), &|attended| number(attended.weights[at])));
    }
    rows.push(row("largest weight", &|attended| number(attended.largest_weight)));
    rows.push(row("entropy, nats", &|attended| number(attended.entropy)));
    rows.push(row("norm of the Jacobian", &|attended| number(attended.jacobian_norm)));
    rows.push(row("hard choice: key", &|attended| (attended.hard + 1).to_string()));
    let contexts = [("context", false), ("hard context", true)].map(|(name, hard)| {
        let of = |attended: &Attended| if hard { attended.hard_context.clone() } else { attended.context.clone() };
        let size = calculations.first().map_or(0, |(_, first)| of(&first.queries[query]).len());
        let shown = if size > SHOWN { FIRST } else { size };
        let numbers = (0..shown).map(|at| row(&format!("{name}, number {}", at + 1), &|attended| number(of(attended)[at])));
        let more = size - shown;
        numbers.chain((more > 0).then(|| head(&format!("  and {more} more"), &|_| "…".to_owned()))).collect::<Vec<_>>()
    });
    rows.extend(contexts.into_iter().flatten());
    table(&rows)
}

/// A panel a score: queries down, keys across.
fn heatmap(calculator: &Calculator, calculations: &[(&str, Calculation)], path: &Path) -> Result<()> {
    let [queries, keys] = calculator.names();
    ensure!(
        queries.len().max(keys.len()) <= MOST_WORDS,
        "--heatmap: no picture of {} queries and {} keys: at most {MOST_WORDS} can be seen",
        queries.len(),
        keys.len()
    );
    let panel = |(name, calculation): &(&str, Calculation)| {
        let rows: Vec<Vec<f32>> =
            calculation.queries.iter().map(|attended| attended.weights.iter().map(|&weight| weight as f32).collect()).collect();
        Heatmap::new(&format!("{name}: {}", calculation.formula), queries, keys, AttentionMatrix::from_rows(&rows)?)
    };
    save(&Figure::new("", calculations.iter().map(panel).collect::<Result<_>>()?).drawing(), path)
}
