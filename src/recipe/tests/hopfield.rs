//! Recipes of the studies of Hopfield networks.

use std::path::Path;

use super::load;
use crate::recipe::{
    HopfieldCapacityRecipe, HopfieldDynamicsRecipe, HopfieldPairsRecipe, HopfieldRecallRecipe, StudyRecipe, TaskRecipe,
};

/// All problems of such a study under these overrides, one a line.
fn problems(task: &str, overrides: &[&str]) -> String {
    let text = format!("[task.{task}]\n");
    let overrides: Vec<String> = overrides.iter().map(|&setting| setting.to_owned()).collect();
    let found = load::read::<StudyRecipe>(&text, task, Path::new("study.toml"), &overrides, None);
    found.map_or_else(|error| error.to_string(), |_| String::new())
}

#[test]
fn the_recipes_are_the_defaults_written_out() {
    let task = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs").join(name);
        StudyRecipe::load(&path, &[]).unwrap().task
    };
    assert_eq!(task("hopfield-capacity.toml"), TaskRecipe::HopfieldCapacity(HopfieldCapacityRecipe::default()));
    assert_eq!(task("hopfield-recall.toml"), TaskRecipe::HopfieldRecall(HopfieldRecallRecipe::default()));
    assert_eq!(task("hopfield-dynamics.toml"), TaskRecipe::HopfieldDynamics(HopfieldDynamicsRecipe::default()));
    assert_eq!(task("hopfield-pairs.toml"), TaskRecipe::HopfieldPairs(HopfieldPairsRecipe::default()));
}

#[test]
fn numbers_that_cannot_work_are_named() {
    let all = problems(
        "hopfield-capacity",
        &[
            "task.hopfield-capacity.units=10",
            "task.hopfield-capacity.exponential_units=21",
            "task.hopfield-capacity.tested=0",
            "task.hopfield-capacity.flipped=0.5",
        ],
    );
    for expected in [
        "task.hopfield-capacity.units: is 10, expected 50 or more",
        "task.hopfield-capacity.exponential_units: is 21, expected an even number from 8 to 44",
        "task.hopfield-capacity.tested: is 0, expected 1 or more",
        "task.hopfield-capacity.flipped: is 0.5, expected 0 to below 0.5",
    ] {
        assert!(all.contains(expected), "{all}");
    }
    let all = problems("hopfield-recall", &["task.hopfield-recall.beta=-1.0", "task.hopfield-recall.cues=0"]);
    assert!(all.contains("task.hopfield-recall.beta: is -1, expected above 0"), "{all}");
    assert!(all.contains("task.hopfield-recall.cues: is 0, expected 1 to 10,000"), "{all}");
    let all = problems("hopfield-recall", &["task.hopfield-recall.rule=modern", "task.hopfield-recall.updates=synchronous"]);
    assert!(
        all.contains("task.hopfield-recall.rule: is modern, which has neither units to update one by one nor a bias"),
        "{all}"
    );
    let all = problems("hopfield-dynamics", &["task.hopfield-dynamics.units=10", "task.hopfield-dynamics.sweeps=1"]);
    assert!(all.contains("units: is 10, expected 50 to 5,000") && all.contains("sweeps: is 1, expected 2 or more"), "{all}");
    let all = problems("hopfield-pairs", &["task.hopfield-pairs.cues=0", "task.hopfield-pairs.flipped=0.5"]);
    assert!(
        all.contains("cues: is 0, expected 1 to 10,000") && all.contains("flipped: is 0.5, expected 0 to below 0.5"),
        "{all}"
    );
}

#[test]
fn there_is_nothing_to_train() {
    let found = problems("hopfield-recall", &["training.updates=100"]);
    assert!(found.contains("training: `task.hopfield-recall` is not trained; leave this out"), "{found}");
}
