//! Runs that go on with other validation data: scores of two sets are never compared.

use super::*;

#[test]
fn scores_of_other_validation_data_are_not_compared() {
    let whole = TrainingRecipe { keep_best: 2, keep_last: 1, patience: Some(3), ..recipe(20) };
    let folder = place();
    let mut task = words(0.3);
    task.scores.replace(vec![1.0, 0.5, 0.8, 0.9]);
    run(&mut task, &whole, folder.path(), false).unwrap();
    assert_eq!(checkpoints(&folder), ["step-00000010", "step-00000015", "step-00000020"]);
    assert_eq!(link(&folder, "best"), "step-00000010");
    // By the other data update 15 was best, and everything is far worse than it seemed by the first.
    let mut task = Words { held_out: "others", ..words(0.3) };
    task.scores.replace(vec![9.0, 7.0, 8.0, 7.5, 6.0]);
    let longer = TrainingRecipe { updates: Some(30), ..whole };
    let outcome = run(&mut task, &longer, folder.path(), true).unwrap();
    assert_eq!((outcome.stop, outcome.update), (Stop::Updates, 30), "patience counts anew");
    assert_eq!(outcome.best.unwrap().update, 30);
    assert_eq!(checkpoints(&folder), ["step-00000015", "step-00000030"]);
    assert_eq!(link(&folder, "best"), "step-00000030");
    let again: Vec<(i64, f64)> = logged(&folder, "scored_again")
        .iter()
        .map(|entry| (entry["checkpoint"].as_i64().unwrap(), entry["loss"].as_f64().unwrap()))
        .collect();
    assert_eq!(again, [(10, 9.0), (15, 7.0), (20, 8.0)]);
    // The weights that go on are those of the last checkpoint, not of one that was scored.
    let straight_on = place();
    run(&mut words(0.3), &TrainingRecipe { patience: None, ..longer.clone() }, straight_on.path(), false).unwrap();
    assert!(bytes(&folder, 30) == bytes(&straight_on, 30));
    // On the same data again nothing is scored but what is new.
    let mut task = Words { held_out: "others", ..words(0.3) };
    task.scores.replace(vec![6.5]);
    run(&mut task, &TrainingRecipe { updates: Some(35), ..longer }, folder.path(), true).unwrap();
    assert!(task.scores.borrow().is_empty());
    assert_eq!(link(&folder, "best"), "step-00000030");
}

#[test]
fn the_best_by_other_validation_data_is_the_best_at_once() {
    let folder = place();
    let mut task = words(0.3);
    task.scores.replace(vec![0.1, 0.5]);
    run(&mut task, &recipe(10), folder.path(), false).unwrap();
    assert_eq!(link(&folder, "best"), "step-00000005");
    let mut task = Words { held_out: "others", ..words(0.3) };
    task.scores.replace(vec![0.6, 0.5]);
    // There is nothing left to train.
    let outcome = run(&mut task, &recipe(10), folder.path(), true).unwrap();
    assert_eq!((outcome.update, outcome.best.unwrap().update), (10, 10));
    assert_eq!(link(&folder, "best"), "step-00000010");
    // What was found is kept, though nothing was trained.
    let scored = logged(&folder, "scored_again").len();
    run(&mut Words { held_out: "others", ..words(0.3) }, &recipe(10), folder.path(), true).unwrap();
    assert_eq!((scored, logged(&folder, "scored_again").len()), (2, 2));
    // A checkpoint that cannot be read is not compared, and training goes on all the same.
    let mut task = Words { held_out: "third", ..words(0.3) };
    fs::write(folder.path().join("step-00000005/model.safetensors"), "nothing").unwrap();
    task.scores.replace(vec![0.9, 0.8]);
    assert_eq!(run(&mut task, &recipe(15), folder.path(), true).unwrap().best.unwrap().update, 15);
}
