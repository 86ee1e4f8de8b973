//! Ten steps of training: loss, mean over target tokens, clipping, Adam.

use serde::Deserialize;
use targum::batch::{Source, Target};
use targum::model::{Seq2Seq, WithAttention};
use targum::nn::{ForwardContext, ProjectedLoss};
use targum::recipe::{AdamRecipe, OptimizerRecipe};
use targum::train::{FlatParameters, Optimizer, Parameter, clip};
use tch::{Device, Tensor};

use super::compare::{Comparison, FORWARD, TRAINED};
use super::fixture::{Fixture, ModelCase, fixtures};
use super::models::{FOLDERS, LABEL_SMOOTHING, real};

#[derive(Deserialize)]
struct Case {
    #[serde(flatten)]
    model: ModelCase,
    optimizer: AdamRecipe,
    steps: u64,
    clip_norm: f64,
    second_source: Vec<Vec<u32>>,
    second_target: Vec<Vec<u32>>,
}

/// Adds the gradient of the summed loss; gives the loss a token, and the tokens.
fn backward(model: &dyn Seq2Seq, source: &Source, target: &Target) -> (f64, f64) {
    let pass = ForwardContext::evaluation();
    let decoded = model.forward(source, &target.input, &pass, WithAttention::No);
    let output = model.output();
    let loss = ProjectedLoss { weight: output.weight, bias: output.bias, label_smoothing: LABEL_SMOOTHING };
    let sums = loss.with_gradient(&real(&decoded.features, target), &target.output);
    sums.backward.backward();
    let tokens = target.tokens() as f64;
    (sums.loss / tokens, tokens)
}

fn compare(fixture: &Fixture<Case>, comparison: &mut Comparison) {
    let case = &fixture.case;
    let model = case.model.build();
    fixture.set("", &model.parameters());
    let parameters = Parameter::all(model.parameters());
    let flat = FlatParameters::new(parameters).expect("parameters of a model");
    let mut optimizer = Optimizer::new(OptimizerRecipe::Adam(case.optimizer), &flat);
    let batches = [(&case.model.source, &case.model.target), (&case.second_source, &case.second_target)]
        .map(|(source, target)| (Source::new(source, Device::Cpu), Target::new(target, Device::Cpu)));

    let (mut losses, mut norms) = (Vec::new(), Vec::new());
    for (update, (source, target)) in (1..=case.steps).zip(batches.iter().cycle()) {
        let (loss, tokens) = backward(model.as_ref(), source, target);
        losses.push(loss as f32);
        let clipped = clip(&flat.gradients(), tokens, case.clip_norm);
        norms.push(clipped.norm as f32);
        optimizer.step(&flat, clipped.scale, case.optimizer.learning_rate, update);
    }
    comparison.close("losses", &Tensor::from_slice(&losses), fixture.tensor("losses"), FORWARD);
    comparison.close("norms", &Tensor::from_slice(&norms), fixture.tensor("norms"), TRAINED);
    for (name, parameter) in model.parameters() {
        let name = format!("trained/{name}");
        comparison.close(&name, &parameter, fixture.tensor(&name), TRAINED);
    }
}

#[test]
fn ten_steps_of_training_end_where_pytorchs_do() {
    let mut comparison = Comparison::default();
    for fixture in FOLDERS.iter().flat_map(|folder| fixtures(folder, "training-")) {
        comparison.case(&fixture.name);
        compare(&fixture, &mut comparison);
    }
    comparison.finish();
}
