//! Runs in half precision.

use super::*;
use crate::runtime::Precision;

#[test]
fn half_precision_learns_and_resumes_bit_for_bit() {
    for precision in [Precision::Bf16, Precision::Fp16] {
        let optimizer = OptimizerRecipe::Adam(AdamRecipe { learning_rate: 0.05, ..AdamRecipe::default() });
        let whole = TrainingRecipe { optimizer, precision, validate_every: 60, ..recipe(120) };
        let folder = place();
        run(&mut words(0.0), &TrainingRecipe { updates: Some(60), ..whole.clone() }, folder.path(), false).unwrap();
        let outcome = run(&mut words(0.0), &whole, folder.path(), true).unwrap();
        let loss = outcome.best.unwrap().score(Metric::Loss).unwrap();
        assert!(loss < 0.1, "{precision:?}: loss {loss}");
        let straight = place();
        run(&mut words(0.0), &whole, straight.path(), false).unwrap();
        assert!(bytes(&folder, 120) == bytes(&straight, 120), "{precision:?}");
        // Masters move by less than half precision can tell.
        let weights = Tensor::read_safetensors(folder.path().join("step-00000120/model.safetensors")).unwrap();
        let coarse = |tensor: &Tensor| tensor.to_kind(Kind::BFloat16).to_kind(Kind::Float).equal(tensor);
        assert!(weights.iter().all(|(_, tensor)| tensor.kind() == Kind::Float && !coarse(tensor)), "{precision:?}");
        let state = TrainingState::read(&folder.path().join("step-00000120")).unwrap();
        assert_eq!(state.loss_scale.is_some(), precision == Precision::Fp16, "{precision:?}");
    }
}

#[test]
fn gradients_that_overflow_float16_cost_one_batch_and_halve_the_scale() {
    let whole = TrainingRecipe { precision: Precision::Fp16, ..recipe(20) };
    let (folder, mut task) = (place(), words(0.0));
    task.poisoned = Some((0, Poison::Gradient));
    let outcome = run(&mut task, &whole, folder.path(), false).unwrap();
    assert_eq!(outcome.update, 20, "batches that overflow are no updates");
    let overflows = logged(&folder, "overflow");
    // A batch of each epoch of six has word 0, and five learn.
    assert_eq!(overflows.len(), 4, "{overflows:?}");
    assert_eq!(overflows[3]["loss_scale"], 64.0);
    let state = TrainingState::read(&folder.path().join("step-00000020")).unwrap();
    assert_eq!(state.loss_scale.unwrap().overflows, overflows.len() as u64);
    assert_eq!(logged(&folder, "validation").len(), 4, "an update that was given up validates nothing again");
    // In single precision the same is an error, and so is a scale that has nowhere to go.
    assert!(run(&mut task, &recipe(20), place().path(), false).is_err());
    let error =
        format!("{:#}", run(&mut task, &TrainingRecipe { updates: Some(200), ..whole }, place().path(), false).unwrap_err());
    assert!(
        error.contains("overflow float16 even with a loss scale of") && error.contains("the last good checkpoint"),
        "{error}"
    );
}
