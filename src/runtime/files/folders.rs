use std::ffi::{CString, OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use tempfile::Builder;

use super::{Shown, hold, is_abandoned, is_at};

const PARTIAL: &str = ".targum-partial";

/// How the names begin that a file or folder has in the making.
pub(super) fn hidden_prefix(destination: &Path) -> Result<OsString> {
    let name = destination.file_name().with_context(|| format!("{}: names no file or folder", destination.shown()))?;
    // A name may have 255 bytes, and a hidden one has more than that of the destination.
    let name = &name.as_bytes()[..name.len().min(180)];
    Ok(OsString::from_vec([b".", name, b"."].concat()))
}

/// Makes what is in the making, under a name that begins so and that nothing has yet.
pub(super) fn builder(prefix: &OsStr) -> Builder<'_, 'static> {
    let mut builder = Builder::new();
    builder.prefix(prefix).suffix(PARTIAL);
    builder
}

pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn is_partial(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b".") && name.as_bytes().ends_with(PARTIAL.as_bytes())
}

/// Removes the partial files and folders that dead processes left in `folder`; those of living ones stay. What cannot be removed stays too,
/// and does no harm.
pub fn clear_partials(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    for entry in entries.filter(|entry| is_partial(&entry.file_name())) {
        let (path, kind) = (entry.path(), entry.file_type());
        let (is_file, is_folder) = kind.map_or((false, false), |kind| (kind.is_file(), kind.is_dir()));
        if (is_file || is_folder) && is_abandoned(&path) {
            let _ = if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        }
    }
}

/// Whether nothing of anybody's is lost when a folder is made here: there is nothing, or an empty folder.
pub fn is_free(path: &Path) -> bool {
    match fs::symlink_metadata(path) {
        Err(error) => error.kind() == ErrorKind::NotFound,
        Ok(_) => fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none()),
    }
}

/// Fills a new folder beside its place, syncs it, and puts it there in one step: whoever finds `out` finds it whole.
///
/// # Errors
/// Where there is something at `out` that is not an empty folder; whatever `fill` and the file system say. Nothing is left then.
pub fn new_folder(out: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    ensure!(is_free(out), "{}: already there; name another folder with --out, or remove it", out.shown());
    // An empty folder may be named by a link to it.
    let out = &fs::canonicalize(out).unwrap_or_else(|_| out.to_path_buf());
    let parent = folder_of(out);
    fs::create_dir_all(parent).with_context(|| format!("{}: cannot make this folder", parent.shown()))?;
    clear_partials(parent);
    let prefix = hidden_prefix(out)?;
    let (mut partial, _held) = attempts(out, || {
        let made = builder(&prefix).tempdir_in(parent);
        let partial = made.with_context(|| format!("{}: cannot make this folder", out.shown()))?;
        // Before it was held, somebody may have taken it for abandoned.
        match File::open(partial.path()) {
            Ok(folder) => Ok((hold(&folder) && is_at(&folder, partial.path())).then_some((partial, folder))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{}: cannot open", partial.path().shown())),
        }
    })?;
    fill(partial.path())?;
    sync_tree(partial.path())?;
    // Renaming onto an empty folder takes its place; onto any other it fails.
    fs::rename(partial.path(), out).with_context(|| format!("{}: cannot make this folder", out.shown()))?;
    partial.disable_cleanup(true);
    sync_folder(parent)
}

/// Tries to make something hidden beside `path` until nobody else is at the same name.
pub(super) fn attempts<R>(path: &Path, attempt: impl Fn() -> Result<Option<R>>) -> Result<R> {
    for _ in 0..100 {
        if let Some(made) = attempt()? {
            return Ok(made);
        }
    }
    bail!("{}: nothing can be made beside it: other processes, or its file system, take every name", path.shown())
}

/// Makes `path` a folder inside a folder of ours where there is none: nothing that is a link, which might lead out of it.
///
/// # Errors
/// A link or a file of that name, or what the file system refuses.
pub fn plain_folder(path: &Path) -> Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        made => return made.with_context(|| format!("{}: cannot make this folder", path.shown())),
    }
    let found = fs::symlink_metadata(path).with_context(|| format!("{}: cannot look at it", path.shown()))?;
    ensure!(!found.is_symlink(), "{}: is a symbolic link, which is not written through; remove it", path.shown());
    ensure!(found.is_dir(), "{}: is no folder; remove it", path.shown());
    Ok(())
}

/// Lets two names in one file system change places, in one step.
///
/// # Errors
/// Where one of them is not there, or the file system cannot; then nothing is changed.
pub fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let [one, other] = [one, other].map(|path| CString::new(path.as_os_str().as_bytes()));
        let (one, other, here) = (one?, other?, libc::AT_FDCWD);
        // SAFETY: both are strings that end with zero and outlive the call.
        let done = unsafe { libc::renameat2(here, one.as_ptr(), here, other.as_ptr(), libc::RENAME_EXCHANGE) };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    {
        let _ = (one, other);
        Err(ErrorKind::Unsupported.into())
    }
}

/// Has everything in `folder` on the disk when it returns.
pub fn sync_tree(folder: &Path) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("{}: cannot list", folder.shown()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("{}: cannot list", folder.shown()))?;
        let kind = entry.file_type().with_context(|| format!("{}: cannot look at it", entry.path().shown()))?;
        if kind.is_dir() {
            sync_tree(&entry.path())?;
        } else if kind.is_file() {
            let synced = File::open(entry.path()).and_then(|file| file.sync_all());
            synced.with_context(|| format!("{}: cannot write to the disk", entry.path().shown()))?;
        }
    }
    sync_folder(folder)
}

/// Has the names in `folder` on the disk when it returns.
pub fn sync_folder(folder: &Path) -> Result<()> {
    let synced = File::open(folder).and_then(|file| file.sync_all());
    synced.with_context(|| format!("{}: cannot write to the disk", folder.shown()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn two_folders_change_places_or_nothing_happens() {
        let place = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| place.path().join(name));
        fs::create_dir(&one).unwrap();
        fs::write(one.join("first"), "").unwrap();
        assert_eq!(exchange(&one, &other).unwrap_err().kind(), ErrorKind::NotFound);
        fs::create_dir(&other).unwrap();
        exchange(&one, &other).unwrap();
        assert_eq!((names(&one), names(&other)), (vec![], vec!["first".to_owned()]));
    }

    #[test]
    fn a_new_folder_is_there_whole_or_not_at_all() {
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("a/model");
        let fill = |folder: &Path| Ok(fs::write(folder.join("file"), "whole")?);
        let error = new_folder(&out, |folder| fill(folder).and_then(|()| anyhow::bail!("no more"))).unwrap_err();
        assert_eq!(error.to_string(), "no more");
        assert!(names(out.parent().unwrap()).is_empty());
        new_folder(&out, fill).unwrap();
        assert_eq!(names(out.parent().unwrap()), ["model"]);
        let error = new_folder(&out, |_| unreachable!("nothing is written")).unwrap_err().to_string();
        assert!(error.contains("model: already there"), "{error}");
        // An empty folder, and a link to one, may be filled; a file, and a link to nothing, may not.
        fs::create_dir(place.path().join("empty")).unwrap();
        symlink("empty", place.path().join("link")).unwrap();
        new_folder(&place.path().join("link"), fill).unwrap();
        assert_eq!(names(&place.path().join("empty")), ["file"]);
        fs::write(place.path().join("taken"), "mine").unwrap();
        symlink("nowhere", place.path().join("dangling")).unwrap();
        for name in ["taken", "dangling", "link"] {
            assert!(new_folder(&place.path().join(name), |_| unreachable!("nothing is written")).is_err(), "{name}");
        }
    }

    #[test]
    fn what_the_dead_left_goes_and_what_the_living_write_stays() {
        let place = tempfile::tempdir().unwrap();
        let [dead, living] = ["dead", "living"].map(|name| {
            let prefix = hidden_prefix(&place.path().join(name)).unwrap();
            builder(&prefix).tempdir_in(place.path()).unwrap().keep()
        });
        fs::write(dead.join("weights"), "half").unwrap();
        fs::write(place.path().join(".file.999999999-0.targum-partial"), "half").unwrap();
        fs::write(place.path().join(".mine.tmp"), "mine").unwrap();
        let held = File::open(&living).unwrap();
        assert!(hold(&held));
        symlink(place.path().join(".mine.tmp"), place.path().join(".link.1-0.targum-partial")).unwrap();
        clear_partials(place.path());
        let living = living.file_name().unwrap().to_str().unwrap();
        let mut left = [".link.1-0.targum-partial", living, ".mine.tmp"];
        left.sort_unstable();
        assert_eq!(names(place.path()), left);
    }

    #[test]
    fn folders_at_the_other_end_of_a_link_are_refused() {
        let place = tempfile::tempdir().unwrap();
        let (outside, link) = (place.path().join("outside"), place.path().join("heatmaps"));
        fs::create_dir(&outside).unwrap();
        symlink(&outside, &link).unwrap();
        assert!(plain_folder(&link).unwrap_err().to_string().contains("symbolic link"));
        fs::remove_file(&link).unwrap();
        plain_folder(&link).unwrap();
        plain_folder(&link).unwrap();
        fs::write(place.path().join("file"), "").unwrap();
        assert!(plain_folder(&place.path().join("file")).unwrap_err().to_string().contains("is no folder"));
    }
}
