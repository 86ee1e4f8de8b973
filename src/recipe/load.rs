//! From TOML to a recipe, telling all problems at once.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::check::Checks;
use super::init::Origin;
use super::overrides;
use super::problem::{Problem, RecipeError};
use super::reader::{Fault, FaultKind, Node, list};
use super::sizes;
use super::{Metric, ModelRecipe, Recipe};
use crate::input::plain;
use crate::runtime::files::Shown;

/// A recipe with more faults than this is something else: the search for them ends.
const MOST_FAULTS: usize = 50;

/// A recipe is written by hand: what is larger is something else.
const MOST_BYTES: u64 = 1 << 20;

/// A recipe's file, read once: it may be a pipe, which can be read no second time.
pub struct RecipeText {
    path: PathBuf,
    /// What the recipe is called where it does not say.
    name: String,
    text: String,
}

impl RecipeText {
    /// Reads the file.
    ///
    /// # Errors
    /// A file that cannot be read, is no UTF-8 or larger than any recipe; a folder.
    pub fn read(path: &Path) -> Result<Self> {
        let unreadable = || format!("{}: cannot read the recipe", path.shown());
        let file = File::open(path).with_context(unreadable)?;
        let kind = file.metadata().with_context(unreadable)?.file_type();
        ensure!(!kind.is_dir(), "{}: is a folder, expected a recipe's file or a run folder", path.shown());
        let mut text = String::new();
        let length = file.take(MOST_BYTES + 1).read_to_string(&mut text).with_context(unreadable)?;
        ensure!(length as u64 <= MOST_BYTES, "{}: larger than 1 MiB, which no recipe is", path.shown());
        // The names of pipes are numbers of chance.
        let stem = path.file_stem().filter(|_| kind.is_file());
        let name = stem.map_or_else(|| "recipe".to_owned(), |stem| stem.to_string_lossy().into_owned());
        Ok(RecipeText { path: path.to_owned(), name, text })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the recipe is of a study, that is, has `[task]`; whatever else it says may be wrong.
    pub fn is_of_study(&self) -> bool {
        self.text.parse::<Table>().is_ok_and(|table| table.contains_key("task"))
    }

    /// The checkpoint or run folder that the recipe starts from, `init`, where it says so; whatever else it says may be wrong.
    pub fn init(&self, overrides: &[String]) -> Option<PathBuf> {
        let mut table: Table = self.text.parse().ok()?;
        overrides.iter().for_each(|setting| drop(overrides::apply(&mut table, setting)));
        table.get("init").and_then(Value::as_str).map(PathBuf::from)
    }

    pub(super) fn recipe<R: RecipeFile>(&self, overrides: &[String], origin: Option<&Origin>) -> Result<R> {
        read(&self.text, &self.name, &self.path, overrides, origin)
    }
}

/// What a recipe file may be about.
pub(super) trait RecipeFile: Serialize + DeserializeOwned + Default {
    /// Looks for what the types let through.
    fn check(&self, checks: &mut Checks);
}

impl Recipe {
    /// Reads a recipe and writes `overrides`, each `key.path=value`, over it.
    ///
    /// # Errors
    /// A file that cannot be read or is not TOML; otherwise a [`RecipeError`] with everything that is wrong.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Self> {
        Self::of_text(&RecipeText::read(path)?, overrides, None)
    }

    /// The same of a file that was read. For a run that starts from a checkpoint, `origin`, the model is the checkpoint's, and what the
    /// recipe says of it has to agree.
    ///
    /// # Errors
    /// No TOML, or a [`RecipeError`] with everything that is wrong; every disagreement with `origin` is one of the problems.
    pub fn of_text(text: &RecipeText, overrides: &[String], origin: Option<&Origin>) -> Result<Self> {
        text.recipe(overrides, origin)
    }

    /// The whole recipe as TOML, defaults included; reading it gives the same recipe.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string_pretty(self).context("cannot write the recipe as TOML")
    }

    /// Looks for the files of every corpus.
    ///
    /// # Errors
    /// A [`RecipeError`] with all that are missing, speaking of the recipe as `file`.
    pub fn check_paths(&self, file: &Path) -> Result<()> {
        let mut problems = Vec::new();
        for (key, corpus) in self.data.corpora() {
            let missing = corpus.missing(&self.data.source, &self.data.target);
            problems.extend(missing.into_iter().map(|message| Problem { path: key.to_owned(), message }));
        }
        if let Some(file) = self.data.alignment.as_ref().filter(|file| !file.is_file()) {
            problems.push(Problem { path: "data.alignment".to_owned(), message: format!("no file {}", file.shown()) });
        }
        if self.training.metric == Metric::Aer && self.data.validation.gold_file().is_none() {
            let message = "aer needs gold alignments: give `gold` in `data.validation`, or choose another metric".to_owned();
            problems.push(Problem { path: "training.metric".to_owned(), message });
        }
        if problems.is_empty() { Ok(()) } else { Err(RecipeError { file: file.to_owned(), problems }.into()) }
    }
}

impl RecipeFile for Recipe {
    fn check(&self, checks: &mut Checks) {
        check_name_and_seed(&self.name, self.seed, checks);
        self.data.check(checks);
        self.tokenizer.check(checks);
        self.model.check(checks);
        let (tied, length) = ["tied", "maximum_length"].map(|key| format!("model.{}.{key}", self.model.family())).into();
        // A checkpoint may have one vocabulary and two ways to cut, as Marian's have.
        let apart = self.init.is_none() && !self.tokenizer.joint;
        checks.conflict(&[&tied, "tokenizer.joint"], self.model.tied() == super::Tied::All && apart, || {
            "`all` shares one embedding between both sides and needs `tokenizer.joint = true`; or use `decoder`".to_owned()
        });
        let (longest, limit) = (self.data.filters.maximum_length, self.model.maximum_length());
        checks.conflict(
            &["data.filters.maximum_length", &length],
            i64::try_from(longest).map_or(true, |longest| longest >= limit),
            || format!("lets {longest} pieces and the end of sentence through, more than `{length} = {limit}`"),
        );
        let shortest = self.search.minimum_length;
        let produces = matches!(self.model, ModelRecipe::Transformer(_)).then_some(limit);
        checks.conflict(
            &["search.minimum_length", &length],
            produces.is_some_and(|most| i64::try_from(shortest).map_or(true, |shortest| shortest >= most)),
            || format!("asks for {shortest} pieces and the end of sentence, more than `{length} = {limit}`"),
        );
        self.training.check(checks);
        let metric = self.training.metric;
        checks.ensure("training.metric", metric.is_of_translation(), || {
            format!("is {}, by which studies alone are scored (recipes with `[task]`)", metric.name())
        });
        let guided = self.training.guided_alignment.is_some();
        checks.conflict(&["training.guided_alignment", "data.alignment"], guided && self.data.alignment.is_none(), || {
            "needs word links of the training corpus: give them as `data.alignment`".to_owned()
        });
        checks.conflict(&["data.alignment", "training.guided_alignment"], !guided && self.data.alignment.is_some(), || {
            "is for guided alignment alone: give `training.guided_alignment = {}` too, or leave this out".to_owned()
        });
        let smoothed = self.training.label_smoothing > 0.0;
        checks.conflict(&["training.label_smoothing", "model.recurrent.copy"], smoothed && self.model.copies(), || {
            "is spread over the words of the vocabulary, a copied word is none of them: set one to 0 or `false`".to_owned()
        });
        let hard = self.model.hard_attention().is_some();
        checks.conflict(&["training.guided_alignment", "model.recurrent.attention.hard"], guided && hard, || {
            "teaches soft weights, which hard attention does not show: leave one of them out".to_owned()
        });
        self.search.check(checks);
    }
}

pub(super) fn check_name_and_seed(name: &str, seed: u64, checks: &mut Checks) {
    let good_name = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0']);
    checks.ensure("name", good_name, || format!("is {name:?}, expected the name of a folder"));
    checks.value("seed", seed, "less than 2^63", |seed| i64::try_from(seed).is_ok());
}

/// Reads a recipe's text. `name` stands in where it gives none; `file` is what errors call it.
pub(super) fn read<R: RecipeFile>(
    text: &str,
    name: &str,
    file: &Path,
    overrides: &[String],
    origin: Option<&Origin>,
) -> Result<R> {
    let mut table: Table = text.parse().map_err(|error| anyhow::anyhow!("{}: not TOML\n{error}", file.shown()))?;
    table.entry("name").or_insert_with(|| Value::String(name.to_owned()));
    let mut problems: Vec<Problem> = overrides.iter().filter_map(|setting| overrides::apply(&mut table, setting).err()).collect();
    if let Some(origin) = origin {
        problems.extend(origin.apply(&mut table));
    }
    let recipe: Option<R> = read_table(&table, &mut problems);
    let mut checks = Checks::new(&table, problems);
    if let Some(recipe) = &recipe {
        recipe.check(&mut checks);
        if let Ok(resolved) = Table::try_from(recipe) {
            sizes::check(&resolved, &mut checks);
        }
    }
    match (recipe, checks.into_problems()) {
        (Some(recipe), problems) if problems.is_empty() => Ok(recipe),
        (_, problems) => Err(RecipeError { file: file.to_owned(), problems }.into()),
    }
}

/// Reads the table as often as it takes: serde stops at the first fault, so each is noted and mended from the defaults until none is left.
/// Returns nothing where a fault cannot be mended.
fn read_table<R: RecipeFile>(table: &Table, problems: &mut Vec<Problem>) -> Option<R> {
    let defaults = Table::try_from(R::default()).expect("the default recipe is TOML");
    let mut table = table.clone();
    loop {
        let fault = match R::deserialize(Node::Table(&table)) {
            Ok(recipe) => return Some(recipe),
            Err(fault) => fault,
        };
        let before = table.clone();
        let (at, message) = describe(&fault, &defaults);
        problems.push(Problem { path: at.join("."), message });
        let unknown = matches!(fault.kind, FaultKind::UnknownKey { .. });
        match lookup(&defaults, &at) {
            Some(value) if !unknown => insert(&mut table, &at, value.clone()),
            _ => {
                remove(&mut table, &at);
                // What is left of a choice without what it chose is no fault of its own.
                let above = &at[..at.len().saturating_sub(1)];
                if let (Some(Value::Table(left)), Some(value)) = (lookup(&table, above), lookup(&defaults, above))
                    && left.is_empty()
                {
                    insert(&mut table, above, value.clone());
                }
            }
        }
        if table == before || problems.len() >= MOST_FAULTS {
            return None;
        }
    }
}

/// Where a fault is and what to say about it.
fn describe(fault: &Fault, defaults: &Table) -> (Vec<String>, String) {
    let mut path = fault.path.clone();
    let message = match &fault.kind {
        FaultKind::UnknownKey { key, known } => {
            path.push(key.clone());
            let likely = nearest(key, known).map_or_else(|| elsewhere(key, defaults), |right| vec![right.to_owned()]);
            match likely.as_slice() {
                [] => format!("unknown key; known here: {}", list(known)),
                likely => format!("unknown key; did you mean `{}`?", likely.join("` or `")),
            }
        }
        FaultKind::UnknownChoice { name, known } => {
            let hint = nearest(name, known).map_or_else(String::new, |right| format!("did you mean `{right}`? "));
            format!("unknown choice `{}`; {hint}known: {}", plain(name), list(known))
        }
        FaultKind::Missing { key } => {
            path.push((*key).to_owned());
            "is missing and has no default".to_owned()
        }
        FaultKind::Other(message) => message.clone(),
    };
    (path, message)
}

/// The name that was probably meant: a slip of the fingers away, or holding what was written.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    // No name is so long, and comparing takes the product of the lengths.
    if name.len() > 100 {
        return None;
    }
    let plain = name.replace('-', "_").to_lowercase();
    let distance = |right: &str| strsim::damerau_levenshtein(&plain, &right.replace('-', "_"));
    let right = known.iter().copied().min_by_key(|right| distance(right))?;
    if distance(right) <= (plain.chars().count() / 3).max(1) {
        return Some(right);
    }
    let holding: Vec<&str> = known.iter().copied().filter(|right| plain.len() >= 3 && right.contains(&plain)).collect();
    if let [right] = holding[..] { Some(right) } else { None }
}

/// The paths of keys in other tables that have this name.
fn elsewhere(key: &str, defaults: &Table) -> Vec<String> {
    let mut paths = Vec::new();
    collect(defaults, "", &mut paths);
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let known: Vec<String> = paths.iter().map(|path| last(path)).collect();
    match nearest(key, &known.iter().map(String::as_str).collect::<Vec<_>>()) {
        Some(right) => paths.into_iter().filter(|path| last(path) == right).collect(),
        None => Vec::new(),
    }
}

fn collect(table: &Table, above: &str, paths: &mut Vec<String>) {
    for (key, value) in table {
        let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        if let Value::Table(below) = value {
            collect(below, &path, paths);
        }
        paths.push(path);
    }
}

fn lookup<'a>(table: &'a Table, path: &[String]) -> Option<&'a Value> {
    let (last, above) = path.split_last()?;
    above.iter().try_fold(table, |table, key| table.get(key)?.as_table())?.get(last)
}

fn parent<'a>(table: &'a mut Table, path: &[String]) -> Option<&'a mut Table> {
    path.iter().try_fold(table, |table, key| table.get_mut(key)?.as_table_mut())
}

fn insert(table: &mut Table, path: &[String], value: Value) {
    if let Some((last, above)) = path.split_last()
        && let Some(table) = parent(table, above)
    {
        table.insert(last.clone(), value);
    }
}

fn remove(table: &mut Table, path: &[String]) {
    if let Some((last, above)) = path.split_last()
        && let Some(table) = parent(table, above)
    {
        table.remove(last);
    }
}
