//! How a run begins: which recipe counts, which folder is written, and that neither is lost.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::runtime::message;
use crate::train::RunFolder;

/// The recipe as it was resolved, in the run folder.
pub const RECIPE: &str = "recipe.toml";

/// What a signal costs before training begins.
pub const START_UP: &str = "training had not begun, so nothing is lost";

/// What a run that goes on was started with counts, not what the recipe's file says by now.
pub fn started<R: PartialEq>(recipe: R, file: &Path, out: &Path, load: impl Fn(&Path) -> Result<R>) -> Result<R> {
    let of_folder = out.join(RECIPE);
    if of_folder == file || !of_folder.exists() {
        return Ok(recipe);
    }
    let started = load(&of_folder)?;
    if started != recipe {
        message!(
            "{} differs from {}, which counts: change a run with --set key=value, or start another one with --out",
            file.display(),
            of_folder.display()
        );
    }
    Ok(started)
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
            folder.path().display()
        ),
        newest => {
            let resume = newest.is_some();
            Ok((folder, resume))
        }
    }
}

/// Writes the recipe into the run folder and does the work. Where that fails, a run that went on keeps the recipe that it can be resumed
/// with.
pub fn with_recipe<R>(recipe: &str, folder: &RunFolder, resume: bool, work: impl FnOnce() -> Result<R>) -> Result<R> {
    let before = if resume { std::fs::read_to_string(folder.path().join(RECIPE)).ok() } else { None };
    write(recipe, folder.path())?;
    work().or_else(|error| {
        before.map_or(Ok(()), |before| write(&before, folder.path()))?;
        Err(error)
    })
}

/// In one step: a run without its recipe cannot be resumed.
fn write(recipe: &str, folder: &Path) -> Result<()> {
    let (path, hidden) = (folder.join(RECIPE), folder.join(format!(".writing-{RECIPE}")));
    std::fs::write(&hidden, recipe)
        .and_then(|()| std::fs::rename(&hidden, &path))
        .with_context(|| format!("{}: cannot write", path.display()))
}
