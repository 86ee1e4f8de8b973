//! What recipes may ask of a run beside training: a moving average, frozen parameters, and the trial before the first update.

use super::*;
use crate::train::gradients::largest;

fn tensors(folder: &TempDir, update: u64, name: &str) -> BTreeMap<String, Tensor> {
    Tensor::read_safetensors(folder.path().join(format!("step-{update:08}")).join(name)).unwrap().into_iter().collect()
}

/// The 20th checkpoint's files.
fn last(folder: &TempDir) -> [Vec<u8>; 2] {
    bytes(folder, 20)
}

#[test]
fn a_moving_average_is_what_is_scored_and_saved_and_training_does_not_see_it() {
    let (plain, averaged) = (place(), place());
    let every = TrainingRecipe { validate_every: 1, keep_last: 20, ..recipe(20) };
    run(&mut words(0.3), &every, plain.path(), false).unwrap();
    let every = TrainingRecipe { moving_average: 0.5, ..every };
    let outcome = run(&mut words(0.3), &every, averaged.path(), false).unwrap();
    let start = words(0.3).parameters;
    let mut expected: BTreeMap<&str, Tensor> =
        start.iter().map(|(&name, tensor)| (name, tensor.detach().to_kind(Kind::Double))).collect();
    for update in 1..=20 {
        let model = tensors(&averaged, update, "model.safetensors");
        let (state, without) = (tensors(&averaged, update, "training.safetensors"), tensors(&plain, update, "model.safetensors"));
        let decay = 0.5f64.min((1.0 + update as f64) / (10.0 + update as f64));
        for (name, mean) in &mut expected {
            let raw = &state[&format!("weights.{name}")];
            assert!(raw.equal(&without[*name]), "the weights are those of a run without an average");
            *mean = &*mean * decay + raw.to_kind(Kind::Double) * (1.0 - decay);
            assert!(model[*name].to_kind(Kind::Double).allclose(mean, 1e-5, 1e-6, false), "{name} after update {update}");
        }
    }
    let mut task = words(0.0);
    task.load(&averaged.path().join("step-00000020")).unwrap();
    let loss = task.validate(&Interrupt::new()).unwrap().scores[0].1;
    let entries = logged(&averaged, "validation");
    assert!((entries[19]["loss"].as_f64().unwrap() - loss).abs() < 1e-6, "validations score the average");
    assert_eq!(outcome.update, 20);
}

#[test]
fn a_moving_average_comes_back_bit_for_bit() {
    let whole = TrainingRecipe { moving_average: 0.9, validate_every: 10, ..recipe(20) };
    let (straight, parted) = (place(), place());
    run(&mut words(0.3), &whole, straight.path(), false).unwrap();
    run(&mut words(0.3), &TrainingRecipe { updates: Some(10), ..whole.clone() }, parted.path(), false).unwrap();
    run(&mut words(0.3), &whole, parted.path(), true).unwrap();
    assert!(last(&straight) == last(&parted));
    // Without it from here on, the weights go on and not their average; with it, it begins with the weights.
    let on = |average, updates| TrainingRecipe { moving_average: average, updates: Some(updates), ..whole.clone() };
    run(&mut words(0.3), &on(0.0, 30), parted.path(), true).unwrap();
    let plain = place();
    run(&mut words(0.3), &on(0.0, 30), plain.path(), false).unwrap();
    assert!(bytes(&parted, 30) == bytes(&plain, 30));
    run(&mut words(0.3), &on(0.9, 31), parted.path(), true).unwrap();
    let (model, state) = (tensors(&parted, 31, "model.safetensors"), tensors(&parted, 31, "training.safetensors"));
    let (before, after) = (&tensors(&plain, 30, "model.safetensors")["bias"], &state["weights.bias"]);
    let decay = 32.0 / 41.0;
    assert!(model["bias"].allclose(&(before * decay + after * (1.0 - decay)), 1e-5, 1e-6, false));
}

#[test]
fn frozen_parameters_stay_and_cost_no_state() {
    let folder = place();
    let frozen = TrainingRecipe { freeze: vec!["embedding".into()], ..recipe(20) };
    run(&mut words(0.3), &frozen, folder.path(), false).unwrap();
    let (model, start) = (tensors(&folder, 20, "model.safetensors"), words(0.3).parameters);
    assert!(model["embedding"].equal(&start["embedding"]) && !model["weight"].equal(&start["weight"]));
    let state = tensors(&folder, 20, "training.safetensors");
    assert!(state.len() == 4 && state.keys().all(|name| !name.contains("embedding")), "{:?}", state.keys());
    assert_eq!(logged(&folder, "started")[0]["frozen"], WORDS * 8);
    // Another choice when going on is refused with what it changes; the same one is bit for bit what one go gives.
    let error = format!("{:#}", run(&mut words(0.3), &recipe(30), folder.path(), true).unwrap_err());
    for part in ["training.freeze", "adam.gradient.embedding: missing"] {
        assert!(error.contains(part), "{error}");
    }
    let parted = place();
    run(&mut words(0.3), &TrainingRecipe { updates: Some(10), ..frozen.clone() }, parted.path(), false).unwrap();
    run(&mut words(0.3), &frozen, parted.path(), true).unwrap();
    assert!(last(&folder) == last(&parted));
    let error =
        run(&mut words(0.3), &TrainingRecipe { freeze: vec!["emb".into()], ..frozen }, place().path(), false).unwrap_err();
    assert!(error.to_string().contains("`emb`; there are bias, embedding, weight"), "{error}");
}

#[test]
fn the_largest_batch_is_tried_first_and_changes_nothing() {
    let folder = place();
    run(&mut Words { tried: false, ..words(0.3) }, &recipe(20), folder.path(), false).unwrap();
    assert!(last(&folder) == straight(&recipe(20)), "a run that tries and one that does not are the same, bit for bit");

    let task = words(0.0);
    let batches = task.epoch(SEED, 0).unwrap();
    let sums: Vec<usize> = batches.iter().map(|batch| batch.iter().sum()).collect();
    let found = largest(&task, &batches);
    assert!(found.iter().any(|&number| sums[number] == *sums.iter().max().unwrap()));
    assert!(found.iter().any(|&number| batches[number].contains(&(WORDS - 1))));
    assert!(largest(&Words { tried: false, ..words(0.0) }, &batches).is_empty());
}

#[test]
fn running_out_of_memory_shows_before_the_first_update() {
    let folder = place();
    let mut task = words(0.3);
    task.poisoned = Some((WORDS - 1, Poison::Memory));
    let error = format!("{:#}", run(&mut task, &recipe(20), folder.path(), false).unwrap_err());
    for part in ["trying the largest batch before training, batch ", "23", "out of memory", "lower training.batch_tokens"] {
        assert!(error.contains(part), "{error}");
    }
    assert!(checkpoints(&folder).is_empty() && logged(&folder, "training").is_empty());
}
