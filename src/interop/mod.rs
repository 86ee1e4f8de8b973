//! Models of other programs in and out: Hugging Face's Marian folders.
//!
//! Marian's ids and the house's differ. The house has `<pad>`, `<unk>`, `<s>`, `</s>` at 0 to 3 and then Marian's other pieces in Marian's
//! order; `<s>`, which Marian has not, has an embedding of zeros and can never be produced.

mod config;
mod export;
mod import;
mod pickle;
mod torch_file;
mod vocabulary;
mod weights;

use std::path::Path;

use anyhow::{Context, Result, ensure};

pub use export::export_huggingface;
pub use import::{Imported, import};

/// Fills a new folder beside its place, then puts it there in one step.
fn write_folder(out: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let empty = std::fs::read_dir(out).map_or(true, |mut entries| entries.next().is_none());
    ensure!(empty, "{}: already there; name another folder with --out, or remove it", out.display());
    let name = out.file_name().with_context(|| format!("{}: names no folder", out.display()))?;
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).with_context(|| format!("{}: cannot create", parent.display()))?;
    let partial = parent.join(format!(".{}.{}.partial", name.to_string_lossy(), std::process::id()));
    std::fs::create_dir_all(&partial).with_context(|| format!("{}: cannot create", partial.display()))?;
    let done = fill(&partial).and_then(|()| {
        // Renaming onto an empty folder takes its place.
        std::fs::rename(&partial, out).with_context(|| format!("{}: cannot create", out.display()))
    });
    if done.is_err() {
        // Nothing is lost when there is nothing to remove.
        let _ = std::fs::remove_dir_all(&partial);
    }
    done
}
