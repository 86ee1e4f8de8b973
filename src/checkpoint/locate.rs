//! `--model`: a run folder or a checkpoint inside it.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// The checkpoint folder that a path means: itself, or a run folder's best checkpoint, or its last one where none is best yet.
pub fn locate(path: &Path) -> Result<PathBuf> {
    if !path.exists() {
        bail!("{}: no such folder; train a model first (`targum train`) or name another", path.display());
    }
    let candidates = [path.to_path_buf(), path.join("best"), path.join("last")];
    match candidates.iter().find(|folder| folder.join("config.json").exists()) {
        Some(folder) => Ok(folder.clone()),
        None => bail!(
            "{}: neither a checkpoint (no config.json) nor a run folder (no best, no last); expected what `targum train` writes",
            path.display()
        ),
    }
}
