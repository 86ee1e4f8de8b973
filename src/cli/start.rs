//! How a run begins: which recipe counts, which folder is written, and that neither is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};

use crate::checkpoint::collect_leaves;
use crate::recipe::{Recipe, TextFiles};
use crate::runtime::files::{self, Shown};
use crate::runtime::message;
use crate::train::RunFolder;

/// The recipe as it was resolved, in the run folder.
pub const RECIPE: &str = "recipe.toml";

/// What a signal costs before training begins.
pub const START_UP: &str = "training had not begun, so nothing is lost";

/// What a run that goes on was started with counts, not what the recipe's file says by now. `changed` says whether settings change it on purpose.
pub fn started<R: PartialEq>(recipe: R, file: &Path, out: &Path, changed: bool, load: impl Fn(&Path) -> Result<R>) -> Result<R> {
    RunFolder::ensure_ours(out)?;
    let of_folder = out.join(RECIPE);
    if of_folder == file || !of_folder.exists() {
        return Ok(recipe);
    }
    let started = load(&of_folder)?;
    // With other settings what follows from them differs as well.
    if started != recipe && !changed {
        message!(
            "{} differs from {}, which counts: change a run with --set key=value, or start another one with --out",
            file.shown(),
            of_folder.shown()
        );
    }
    Ok(started)
}

/// Refuses settings by which a run that goes on would be of another model than its checkpoints: what weights and pieces mean. Rates of dropout and
/// how weights began may change.
pub fn ensure_same_model(recipe: &Recipe, out: &Path) -> Result<()> {
    let of_folder = out.join(RECIPE);
    if !of_folder.exists() {
        return Ok(());
    }
    let fixed = |recipe: &Recipe| -> Result<BTreeMap<String, Value>> {
        let data = &recipe.data;
        let mut fixed = BTreeMap::new();
        for (key, value) in [
            ("model", serde_json::to_value(&recipe.model)?),
            ("tokenizer", serde_json::to_value(&recipe.tokenizer)?),
            ("data", json!({ "source": data.source, "target": data.target, "source_prefix": data.source_prefix })),
        ] {
            collect_leaves(key, &value, &mut fixed);
        }
        fixed.retain(|key, _| !key.ends_with("dropout") && !key.ends_with("initialization"));
        Ok(fixed)
    };
    let [before, now] = [fixed(&Recipe::load(&of_folder, &[])?)?, fixed(recipe)?];
    let keys: BTreeSet<&String> = before.keys().chain(now.keys()).filter(|key| before.get(*key) != now.get(*key)).collect();
    let shown = |value: Option<&Value>| value.map_or("none".to_owned(), Value::to_string);
    let changes = keys.iter().map(|key| format!("{key} is {}, in the run {}", shown(now.get(*key)), shown(before.get(*key))));
    ensure!(
        keys.is_empty(),
        "{}: its checkpoints are of another model: {}; leave these settings out, or start another run with --out",
        of_folder.shown(),
        changes.collect::<Vec<_>>().join("; ")
    );
    Ok(())
}

/// Refuses texts of the user's that have the name of a file that the run is to write.
pub fn ensure_apart(recipe: &Recipe, out: &Path) -> Result<()> {
    let Ok(out) = out.canonicalize() else { return Ok(()) };
    let data = &recipe.data;
    let mut inputs: Vec<(&str, PathBuf)> = data.alignment.iter().map(|path| ("data.alignment", path.clone())).collect();
    for (key, corpus) in data.corpora() {
        match corpus.text_files(&data.source, &data.target) {
            Ok(TextFiles::Pair { source, target }) => inputs.extend([(key, source), (key, target)]),
            Ok(TextFiles::Tsv(file)) => inputs.push((key, file)),
            Err(_) => {}
        }
        inputs.extend(corpus.gold_file().map(|(file, _)| (key, file)));
    }
    let written =
        [RECIPE, "log.jsonl", "train.index", "tokenizer.json", "source.tokenizer.json", "target.tokenizer.json", "test.json"];
    let hypotheses = format!("test.{}", data.target);
    let taken = |path: &Path| {
        let path = path.canonicalize().ok();
        path.is_some_and(|path| written.iter().chain([&&*hypotheses]).any(|name| path == out.join(name)))
    };
    match inputs.iter().find(|(_, path)| taken(path)) {
        Some((key, path)) => bail!("{key}: {} is a file that the run writes; name another run folder with --out", path.shown()),
        None => Ok(()),
    }
}

/// Opens the run folder, and says whether there is anything to go on with.
///
/// # Errors
/// Where a run that is there would be overwritten.
pub fn open(out: &Path, resume: bool) -> Result<(RunFolder, bool)> {
    let folder = RunFolder::open(out)?;
    let checkpoints = folder.checkpoints()?;
    match checkpoints.last() {
        Some(newest) if !resume => bail!(
            "{}: has checkpoints up to update {newest}; go on with --resume, or train elsewhere with --out",
            folder.path().shown()
        ),
        newest => {
            let resume = newest.is_some();
            Ok((folder, resume))
        }
    }
}

/// Writes the recipe of a new run into its folder. A run that goes on has one that it can be resumed with, which stays until training
/// has begun: then what is given back is called.
pub fn keep_recipe(recipe: String, folder: &RunFolder, resume: bool) -> Result<impl Fn() -> Result<()>> {
    // In one step: a run without its recipe cannot be resumed.
    let write = move || files::write(&folder.path().join(RECIPE), &recipe);
    if !resume {
        write()?;
    }
    Ok(write)
}
