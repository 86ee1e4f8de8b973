//! Kills while saving, full disks and broken checkpoints: what was saved before is there.

use super::*;

#[test]
fn a_kill_while_saving_loses_one_checkpoint_at_most() {
    let folder = place();
    run(&mut words(0.3), &recipe(10), folder.path(), false).unwrap();
    let mut task = words(0.3);
    task.saving.set(Saving::Dies);
    assert!(catch_unwind(AssertUnwindSafe(|| run(&mut task, &recipe(20), folder.path(), true))).is_err());
    assert_eq!(checkpoints(&folder), [".writing-step-00000015", "step-00000005", "step-00000010"]);
    run(&mut words(0.3), &recipe(20), folder.path(), true).unwrap();
    assert!(bytes(&folder, 20) == straight(&recipe(20)));
    assert_eq!(checkpoints(&folder), ["step-00000015", "step-00000020"]);
    // What the dead run logged after its last checkpoint is not there twice.
    let updates: Vec<u64> = logged(&folder, "training").iter().map(|entry| entry["step"].as_u64().unwrap()).collect();
    assert_eq!(updates, (1..=20).collect::<Vec<u64>>());
}

#[test]
fn a_full_disk_leaves_the_checkpoints_so_far() {
    let folder = place();
    run(&mut words(0.3), &recipe(10), folder.path(), false).unwrap();
    let mut task = words(0.3);
    task.saving.set(Saving::DiskFull);
    let error = format!("{:#}", run(&mut task, &recipe(20), folder.path(), true).unwrap_err());
    assert!(error.contains("step-00000015: the checkpoint was not saved") && error.contains("No space left"), "{error}");
    assert_eq!(checkpoints(&folder), ["step-00000005", "step-00000010"]);
    run(&mut words(0.3), &recipe(20), folder.path(), true).unwrap();
    assert!(bytes(&folder, 20) == straight(&recipe(20)));
}

#[test]
fn a_broken_checkpoint_is_named_and_the_one_before_is_used() {
    for file in ["model.safetensors", "training.safetensors", "training.json"] {
        let folder = place();
        run(&mut words(0.3), &recipe(10), folder.path(), false).unwrap();
        let path = folder.path().join("last").join(file);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        run(&mut words(0.3), &recipe(20), folder.path(), true).unwrap();
        assert!(bytes(&folder, 20) == straight(&recipe(20)), "{file}");
        assert_eq!(checkpoints(&folder), ["broken-step-00000010", "step-00000015", "step-00000020"]);
        assert_eq!(logged(&folder, "resumed")[0]["step"], 5);
    }
    // Where all are broken, all are named and none is touched.
    let folder = place();
    run(&mut words(0.3), &recipe(10), folder.path(), false).unwrap();
    for name in checkpoints(&folder) {
        fs::write(folder.path().join(name).join("model.safetensors"), "").unwrap();
    }
    let error = run(&mut words(0.3), &recipe(20), folder.path(), true).unwrap_err().to_string();
    for part in ["none of its checkpoints can be resumed", "step-00000005/model.safetensors", "step-00000010/model.safetensors"] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(checkpoints(&folder), ["step-00000005", "step-00000010"]);
}
