//! Figures on disk.

use std::path::Path;

use anyhow::Result;

use crate::alignment::Figure;
use crate::runtime::files::write_unsynced;

/// Writes a figure as SVG and PNG; `path` has no extension.
pub(super) fn write_figure(figure: &Figure, path: &Path) -> Result<()> {
    for (extension, bytes) in [("svg", figure.svg().into_bytes()), ("png", figure.png(2)?)] {
        write_unsynced(&path.with_extension(extension), bytes)?;
    }
    Ok(())
}
