//! Which libtorch runs, and whether its CUDA half can.
//!
//! The linker drops `libtorch_cuda`, since nothing refers to it, and libtorch remembers "no CUDA" once somebody asked: so
//! [`libtorch`] must be called before anything else of libtorch. It opens the library by hand.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The libtorch of this process.
#[derive(Debug, Clone)]
pub struct Libtorch {
    /// Folder of the shared libraries.
    pub folder: Option<PathBuf>,
    /// As its own `version.py` or `build-version` says: "2.11.0+cu130".
    pub version: Option<String>,
    pub cuda: CudaLibrary,
}

/// Whether the CUDA half is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CudaLibrary {
    /// Loaded.
    Loaded,
    /// There is no `libtorch_cuda.so`: a build for CPUs only.
    Absent,
    /// It is there but needs what is not; the loader's words.
    Broken(String),
}

/// Opens the CUDA half if there is one, and says what was found. The first call does the work.
pub fn libtorch() -> &'static Libtorch {
    static FOUND: OnceLock<Libtorch> = OnceLock::new();
    FOUND.get_or_init(|| {
        let folder = loaded_folder();
        let cuda = match folder.as_ref().map(|folder| folder.join("libtorch_cuda.so")) {
            Some(path) if path.exists() => open(&path),
            _ => CudaLibrary::Absent,
        };
        let version = folder.as_deref().and_then(version_beside);
        Libtorch { folder, version, cuda }
    })
}

fn open(path: &Path) -> CudaLibrary {
    // SAFETY: libtorch's own library, whose initialisers register kernels and do nothing else.
    match unsafe { libloading::Library::new(path) } {
        Ok(library) => {
            // It must stay for as long as the process lives.
            std::mem::forget(library);
            CudaLibrary::Loaded
        }
        Err(error) => CudaLibrary::Broken(error.to_string()),
    }
}

/// The folder that `libtorch_cpu.so` was loaded from, as the kernel's map of this process tells.
fn loaded_folder() -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let path = maps.lines().find_map(|line| line.split_whitespace().last().filter(|path| path.ends_with("/libtorch_cpu.so")))?;
    PathBuf::from(path).parent().map(PathBuf::from)
}

fn version_beside(folder: &Path) -> Option<String> {
    let root = folder.parent()?;
    if let Ok(text) = std::fs::read_to_string(root.join("version.py")) {
        let line = text.lines().find(|line| line.starts_with("__version__"))?;
        return Some(line.split(['\'', '"']).nth(1)?.to_string());
    }
    std::fs::read_to_string(root.join("build-version")).ok().map(|text| text.trim().to_string())
}
