//! `--model`: a run folder or a checkpoint inside it.

use std::path::{Path, PathBuf};

use crate::runtime::files::Shown;
use anyhow::{Result, bail};

/// The checkpoint folder that a path means: itself, or a run folder's best checkpoint, or its last one where none is best yet,
/// or the newest there is.
pub fn locate(path: &Path) -> Result<PathBuf> {
    if !path.exists() {
        bail!("{}: no such folder; train a model first (`targum train`) or name another", path.shown());
    }
    let mut candidates = vec![path.to_path_buf(), path.join("best"), path.join("last")];
    // Both names may point at a checkpoint that was broken and set aside: then the newest whole one counts.
    candidates.extend(steps(path));
    match candidates.iter().find(|folder| folder.join("config.json").exists()) {
        Some(folder) => Ok(resolved(folder)),
        None if path.join("recipe.toml").exists() => bail!(
            "{}: this run has no checkpoint yet; the first comes with its first validation, or when it is interrupted",
            path.shown()
        ),
        None => bail!(
            "{}: neither a checkpoint (no config.json) nor a run folder (no best, no last); expected what `targum train` writes",
            path.shown()
        ),
    }
}

/// Where a link such as `best` leads now: a training may move it while the checkpoint is read.
fn resolved(folder: &Path) -> PathBuf {
    match (std::fs::read_link(folder), folder.parent()) {
        (Ok(target), Some(parent)) => parent.join(target),
        _ => folder.to_path_buf(),
    }
}

/// The checkpoints of a run folder, newest first; their names are numbers of one width.
pub fn steps(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("step-"));
    let mut steps: Vec<PathBuf> = named.map(|entry| entry.path()).collect();
    steps.sort_unstable_by(|a, b| b.cmp(a));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_folder_means_its_best_checkpoint_or_else_the_newest() {
        let run = tempfile::tempdir().unwrap();
        assert!(locate(run.path()).unwrap_err().to_string().contains("neither a checkpoint"));
        for step in ["step-00000100", "step-00000200"] {
            std::fs::create_dir(run.path().join(step)).unwrap();
            std::fs::write(run.path().join(step).join("config.json"), "{}").unwrap();
        }
        std::os::unix::fs::symlink("step-00000300", run.path().join("best")).unwrap();
        assert_eq!(locate(run.path()).unwrap(), run.path().join("step-00000200"));
        std::fs::remove_file(run.path().join("best")).unwrap();
        std::os::unix::fs::symlink("step-00000100", run.path().join("best")).unwrap();
        // Not by the name that may lead elsewhere a moment later.
        for path in [run.path().to_path_buf(), run.path().join("best")] {
            assert_eq!(locate(&path).unwrap(), run.path().join("step-00000100"));
        }
        assert!(locate(&run.path().join("nowhere")).unwrap_err().to_string().contains("no such folder"));
    }
}
