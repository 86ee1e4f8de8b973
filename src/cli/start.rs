//! How a run begins: which recipe counts, which folder is written, and that neither is lost.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::recipe::{Recipe, TextFiles};
use crate::runtime::files::{self, Shown};
use crate::runtime::message;
use crate::train::RunFolder;

/// The recipe as it was resolved, in the run folder.
pub const RECIPE: &str = "recipe.toml";

/// What a signal costs before training begins.
pub const START_UP: &str = "training had not begun, so nothing is lost";

/// What a run that goes on was started with counts, not what the recipe's file says by now.
pub fn started<R: PartialEq>(recipe: R, file: &Path, out: &Path, load: impl Fn(&Path) -> Result<R>) -> Result<R> {
    RunFolder::ensure_ours(out)?;
    let of_folder = out.join(RECIPE);
    if of_folder == file || !of_folder.exists() {
        return Ok(recipe);
    }
    let started = load(&of_folder)?;
    if started != recipe {
        message!(
            "{} differs from {}, which counts: change a run with --set key=value, or start another one with --out",
            file.shown(),
            of_folder.shown()
        );
    }
    Ok(started)
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
