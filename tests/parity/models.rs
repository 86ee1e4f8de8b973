//! Whole models under teacher forcing, from ids to the gradients of all parameters.

use targum::batch::{Source, Target};
use targum::model::WithAttention;
use targum::nn::{ForwardContext, ProjectedLoss};
use tch::{Device, Tensor};

use super::compare::{Comparison, FORWARD};
use super::fixture::{Fixture, ModelCase, fixtures};

/// The families of models in `tests/fixtures`.
pub const FOLDERS: [&str; 2] = ["recurrent", "transformer"];

/// The reference's ε.
pub const LABEL_SMOOTHING: f64 = 0.1;

/// Rows of real target positions [N, ..] out of [B, T, ..].
pub fn real(tensor: &Tensor, target: &Target) -> Tensor {
    tensor.flatten(0, 1).index_select(0, &target.real)
}

fn compare(fixture: &Fixture<ModelCase>, comparison: &mut Comparison) {
    let model = fixture.case.build();
    let parameters = model.parameters();
    fixture.set("", &parameters);
    let source = Source::new(&fixture.case.source, Device::Cpu);
    let target = Target::new(&fixture.case.target, Device::Cpu);
    let pass = ForwardContext::evaluation();

    let decoded = model.forward(&source, &target.input, &pass, WithAttention::Yes);
    assert_eq!(decoded.attention.is_some(), model.attends(), "{}", fixture.name);
    assert_eq!(fixture.find("weights").is_some(), model.attends(), "{}", fixture.name);
    if let Some(weights) = &decoded.attention {
        // A reference with one layer of one head leaves those dimensions out.
        let expected = fixture.tensor("weights");
        let expected = if expected.dim() == 3 { expected.unsqueeze(1).unsqueeze(1) } else { expected.shallow_clone() };
        let steps_first = |weights: &Tensor| real(&weights.permute([0, 3, 1, 2, 4]), &target);
        comparison.close("weights", &steps_first(weights), &steps_first(&expected), FORWARD);
    }
    let features = real(&decoded.features, &target);
    let output = model.output();
    comparison.close("features", &features, &real(fixture.tensor("features"), &target), FORWARD);
    comparison.close("logits", &output.logits(&features), &real(fixture.tensor("logits"), &target), FORWARD);

    let loss = ProjectedLoss { weight: output.weight, bias: output.bias, label_smoothing: LABEL_SMOOTHING };
    let sums = loss.with_gradient(&features, &target.output);
    comparison.close("loss", &Tensor::from(sums.loss), fixture.tensor("loss"), FORWARD);
    sums.backward.backward();
    fixture.compare_gradients("", &parameters, comparison);
}

#[test]
fn whole_models_are_the_papers() {
    let mut comparison = Comparison::default();
    for folder in FOLDERS {
        for fixture in fixtures(folder, "model-") {
            comparison.case(&format!("{folder}/{}", fixture.name));
            compare(&fixture, &mut comparison);
        }
    }
    comparison.finish();
}
