//! `targum average`: one checkpoint from several.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::{ArgGroup, Args};

use super::verify::VerifyArguments;
use crate::checkpoint::{Checkpoint, average, locate, steps};
use crate::checksum::Verify;
use crate::recipe::Recipe;
use crate::runtime::files::Shown;
use crate::runtime::message;
use crate::train::{TrainingState, ranked};

/// Arguments of `targum average`.
#[derive(Args)]
#[command(group(ArgGroup::new("which").required(true).args(["checkpoints", "last", "best"])))]
pub struct Arguments {
    /// Checkpoint folders to average; a run folder means its best checkpoint.
    checkpoints: Vec<PathBuf>,
    /// The run folder that --last and --best choose from.
    #[arg(long, conflicts_with = "checkpoints")]
    model: Option<PathBuf>,
    /// Average the run's newest N checkpoints.
    #[arg(long, value_name = "N", requires = "model")]
    last: Option<usize>,
    /// Average the run's best N checkpoints, by the training's metric.
    #[arg(long, value_name = "N", requires = "model")]
    best: Option<usize>,
    /// Folder of the new checkpoint.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    verify: VerifyArguments,
}

pub fn run(arguments: Arguments) -> Result<()> {
    let verify = arguments.verify.verify();
    let chosen = match (&arguments.model, arguments.last, arguments.best) {
        (Some(run), Some(count), _) => take(steps(run), count, run, "last")?,
        (Some(run), _, Some(count)) => take(by_score(run, verify)?, count, run, "best")?,
        _ => arguments.checkpoints.iter().map(|path| locate(path)).collect::<Result<_>>()?,
    };
    average(&chosen, &arguments.out, verify)?;
    let names: Vec<String> = chosen.iter().map(|folder| folder.shown()).collect();
    message!("{}: the mean of {} checkpoints ({})", arguments.out.shown(), chosen.len(), names.join(", "));
    Ok(())
}

/// The first `count` of a run's checkpoints; all of them must be there.
fn take(mut folders: Vec<PathBuf>, count: usize, run: &Path, option: &str) -> Result<Vec<PathBuf>> {
    ensure!(run.exists(), "{}: no such folder", run.shown());
    ensure!(count > 0, "--{option} is 1 or more, found 0");
    let found = folders.len();
    if found < count {
        bail!(
            "{}: has {found} checkpoints{}, but --{option} asks for {count}; ask for fewer, or train with training.keep_{option} = {count}",
            run.shown(),
            if option == "best" { " with a score" } else { "" }
        );
    }
    folders.truncate(count);
    Ok(folders)
}

/// A run's validated checkpoints, best first.
fn by_score(run: &Path, verify: Verify) -> Result<Vec<PathBuf>> {
    let folders = steps(run);
    let newest = folders.first().with_context(|| format!("{}: no checkpoints; expected a run folder", run.shown()))?;
    // Compared with its checksum.
    Checkpoint::open(newest, verify)?.file("training.json")?;
    let history = TrainingState::read(newest)?.history;
    let metric = Recipe::load(&run.join("recipe.toml"), &[])?.training.metric;
    let updates: Vec<u64> = folders.iter().filter_map(|folder| number(folder)).collect();
    let of = |update: u64| folders.iter().find(|folder| number(folder) == Some(update)).cloned();
    Ok(ranked(&updates, &history, metric).into_iter().filter_map(of).collect())
}

/// The update of a checkpoint folder.
fn number(folder: &Path) -> Option<u64> {
    folder.file_name()?.to_str()?.strip_prefix("step-")?.parse().ok()
}
