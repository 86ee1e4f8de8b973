//! Decoding step by step, as search does, gives what teacher forcing gives.

use targum::batch::{Source, Target};
use targum::model::WithAttention;
use targum::nn::ForwardContext;
use tch::{Device, Tensor, no_grad};

use super::compare::{Comparison, FORWARD};
use super::fixture::{Fixture, ModelCase, fixtures};
use super::models::FOLDERS;
use crate::models::tokens;

/// Two hypotheses of each source side by side, each with words of its own.
fn compare(fixture: &Fixture<ModelCase>, comparison: &mut Comparison) {
    let model = fixture.case.build();
    fixture.set("", &model.parameters());
    let pass = ForwardContext::evaluation();
    let source = Source::new(&fixture.case.source, Device::Cpu);
    let first = Target::new(&fixture.case.target, Device::Cpu).input;
    let second = first.flip([0]);

    let forced = [&first, &second].map(|input| model.forward(&source, input, &pass, WithAttention::Yes));
    let beside = |tensors: [&Tensor; 2]| Tensor::stack(&tensors, 1).flatten(0, 1);
    let logits = beside([&model.output().logits(&forced[0].features), &model.output().logits(&forced[1].features)]);
    let weights = forced[0].attention.as_ref().zip(forced[1].attention.as_ref()).map(|(one, other)| beside([one, other]));

    let inputs = beside([&first, &second]);
    let twice: Vec<usize> = (0..source.lengths.len()).flat_map(|row| [row, row]).collect();
    let mut decoding = model.start(&source);
    decoding.reorder(&twice);
    for at in 0..inputs.size()[1] {
        let step = decoding.step(&tokens(&inputs.select(1, at)), WithAttention::Yes);
        comparison.close(&format!("logits of step {at}"), step.scores.tensor(), &logits.select(1, at), FORWARD);
        assert_eq!(step.attention.is_some(), weights.is_some(), "{}", fixture.name);
        if let (Some(found), Some(weights)) = (&step.attention, &weights) {
            comparison.close(&format!("weights of step {at}"), found, &weights.select(3, at), FORWARD);
        }
    }
}

#[test]
fn stepping_gives_the_logits_and_weights_of_teacher_forcing() {
    let mut comparison = Comparison::default();
    for fixture in FOLDERS.iter().flat_map(|folder| fixtures(folder, "model-")) {
        comparison.case(&fixture.name);
        no_grad(|| compare(&fixture, &mut comparison));
    }
    comparison.finish();
}
