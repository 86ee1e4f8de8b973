//! Folders that are not ours, and folders that others meddle with.

use super::*;

fn write(folder: &RunFolder, update: u64, text: &str) -> Result<PathBuf> {
    folder.write(update, 0, |path| Ok(fs::write(path.join("file"), text)?))
}

/// Names and texts of a folder's files.
fn listing(folder: &Path) -> Vec<String> {
    let shown = |entry: fs::DirEntry| {
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        format!("{} {text}", entry.file_name().to_string_lossy()).trim_end().to_owned()
    };
    let mut all: Vec<String> = fs::read_dir(folder).unwrap().map(|entry| shown(entry.unwrap())).collect();
    all.sort();
    all
}

#[test]
fn a_folder_of_somebody_else_is_refused_and_left_as_it_is() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path();
    let refused = |named: &str| {
        let before = listing(path);
        let error = RunFolder::open(path).err().expect("the folder is somebody's").to_string();
        assert!(error.contains(named) && error.contains("no run folder that `targum train` made"), "{error}");
        assert_eq!(listing(path), before);
    };
    fs::write(path.join("test.fr"), "une référence").unwrap();
    refused("holds test.fr");
    // Neither another program's lock nor a link to one of ours makes it Targum's; nor do folders with names as ours have.
    fs::write(path.join(".lock"), "1234\n").unwrap();
    refused(".lock, test.fr");
    let other = tempfile::tempdir().unwrap();
    drop(RunFolder::open(other.path()).unwrap());
    fs::remove_file(path.join(".lock")).unwrap();
    std::os::unix::fs::symlink(other.path().join(".lock"), path.join(".lock")).unwrap();
    refused(".lock, test.fr");
    fs::remove_file(path.join(".lock")).unwrap();
    fs::create_dir(path.join("step-00000001")).unwrap();
    fs::write(path.join("step-00000001/config.json"), "{}").unwrap();
    refused("step-00000001, test.fr");
    (0..7).for_each(|number| fs::write(path.join(format!("a{number}")), "").unwrap());
    refused("a0, a1, a2, a3, a4, 4 more");
}

#[test]
fn a_folder_of_ours_is_known_again() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path();
    // As killed between making the lock and writing it.
    fs::write(path.join(".lock"), "").unwrap();
    drop(RunFolder::open(path).unwrap());
    fs::write(path.join("log.jsonl"), "{}").unwrap();
    drop(RunFolder::open(path).unwrap());
    // A copy that left hidden files behind has its checkpoints.
    fs::remove_file(path.join(".lock")).unwrap();
    assert!(RunFolder::open(path).is_err());
    fs::create_dir(path.join("step-00000001")).unwrap();
    for name in ["config.json", "model.safetensors", "training.json", "training.safetensors"] {
        fs::write(path.join("step-00000001").join(name), "{}").unwrap();
    }
    drop(RunFolder::open(path).unwrap());
    assert_eq!(fs::read_to_string(path.join(".lock")).unwrap(), format!("{}\n{}\n", lock::MARK, std::process::id()));
}

#[test]
fn what_is_taken_away_while_it_is_written_is_put_back() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("run");
    let folder = RunFolder::open(&path).unwrap();
    for (name, text) in [("recipe.toml", "a recipe"), ("tokenizer.json", "pieces"), ("log.jsonl", "{}")] {
        fs::write(path.join(name), text).unwrap();
    }
    folder.keep().unwrap();
    assert!(folder.restore().unwrap().is_none());
    let harms: [fn(&Path); 4] = [
        |path| fs::remove_file(path.join("tokenizer.json")).unwrap(),
        |path| fs::remove_file(path.join(".lock")).unwrap(),
        |path| fs::remove_dir_all(path).unwrap(),
        |path| {
            fs::rename(path, path.with_file_name("moved")).unwrap();
            fs::create_dir(path).unwrap();
        },
    ];
    for harm in harms {
        harm(&path);
        assert!(!folder.is_whole());
        let message = folder.restore().unwrap().unwrap();
        assert!(message.contains("run: somebody removed or replaced it"), "{message}");
        assert!(folder.is_whole());
        assert_eq!(fs::read_to_string(path.join("recipe.toml")).unwrap(), "a recipe");
        assert_eq!(fs::read_to_string(path.join("tokenizer.json")).unwrap(), "pieces");
        // The lock is held again.
        assert!(RunFolder::open(&path).err().unwrap().to_string().contains("another training"));
        write(&folder, 3, "weights").unwrap();
    }
}

#[test]
fn a_run_whose_place_is_taken_is_saved_beside_it() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("run");
    let folder = RunFolder::open(&path).unwrap();
    fs::write(path.join("recipe.toml"), "a recipe").unwrap();
    folder.keep().unwrap();
    fs::remove_dir_all(&path).unwrap();
    fs::create_dir(&path).unwrap();
    fs::write(path.join("recipe.toml"), "of somebody else").unwrap();
    let error = folder.restore().unwrap_err().to_string();
    assert!(error.contains("another folder in the place"), "{error}");
    fs::create_dir(place.path().join("run.saved-1")).unwrap();
    let fallback_folder = folder.fallback_folder().unwrap();
    assert_eq!(fallback_folder.path(), place.path().join("run.saved-2"));
    assert_eq!(fs::read_to_string(fallback_folder.path().join("recipe.toml")).unwrap(), "a recipe");
    assert_eq!(listing(&path), ["recipe.toml of somebody else"]);
}

#[test]
fn nothing_is_written_through_links() {
    let place = tempfile::tempdir().unwrap();
    let (outside, path) = (place.path().join("outside"), place.path().join("run"));
    fs::create_dir(&outside).unwrap();
    let folder = RunFolder::open(&path).unwrap();
    for name in ["heatmaps", ".writing-step-00000005", ".removing-step-00000005", "step-00000005", "best"] {
        std::os::unix::fs::symlink(&outside, path.join(name)).unwrap();
    }
    assert!(folder.pictures(5).unwrap_err().to_string().contains("symbolic link"));
    assert!(write(&folder, 5, "x").is_err());
    drop(folder);
    let folder = RunFolder::open(&path).unwrap();
    write(&folder, 5, "x").unwrap();
    folder.point("best", 5).unwrap();
    assert!(fs::symlink_metadata(folder.checkpoint(5)).unwrap().is_dir());
    assert!(listing(&outside).is_empty());
}
