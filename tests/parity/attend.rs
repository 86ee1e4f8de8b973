//! Every score under every choice: one call of attention and its gradients.

use serde::Deserialize;
use targum::attention::{Attention, AttentionOptions, QuerySteps};
use targum::nn::{Initialization, Parameters};
use targum::recipe::{AttentionRecipe, ChoiceKind, ScoreKind};
use tch::{Device, Kind, Tensor};

use super::compare::{Comparison, FORWARD, GRADIENT};
use super::fixture::{Fixture, fixtures};

#[derive(Deserialize)]
struct Case {
    score: ScoreKind,
    query: i64,
    keys: i64,
    size: i64,
    maximum_length: i64,
    /// Decoder step of the first query.
    step: i64,
    lengths: Vec<i64>,
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    label: String,
    choice: ChoiceKind,
    window: i64,
    coverage: bool,
}

fn options(case: &Case, choice: &Choice) -> AttentionOptions {
    AttentionOptions {
        recipe: AttentionRecipe {
            choice: choice.choice,
            window: choice.window,
            coverage: choice.coverage,
            ..AttentionRecipe::of(case.score, case.size)
        },
        query: case.query,
        keys: case.keys,
        maximum_length: case.maximum_length,
        initialization: Initialization::Constant(0.0),
        score_initialization: Initialization::Constant(0.0),
        energy_initialization: Initialization::Constant(0.0),
    }
}

fn compare(fixture: &Fixture<Case>, choice: &Choice, comparison: &mut Comparison) {
    let (case, group) = (&fixture.case, format!("{}/", choice.label));
    let expected = |name: &str| fixture.tensor(&format!("{group}{name}"));
    let leaf = |name: &str| expected(name).copy().set_requires_grad(true);

    let store = Parameters::new(1, Device::Cpu);
    let attention = Attention::new(store.root(), &options(case, choice)).unwrap();
    let parameters = store.named();
    fixture.set(&group, &parameters);
    let (query, memory) = (leaf("query"), leaf("memory"));
    let covered = choice.coverage.then(|| leaf("covered"));
    let lengths = Tensor::from_slice(&case.lengths).unsqueeze(1);
    let keep = Tensor::arange(memory.size()[1], (Kind::Int64, Device::Cpu)).unsqueeze(0).lt_tensor(&lengths);
    let prepared = attention.prepare(&memory, &keep, &lengths.to_kind(Kind::Float));

    let attended = attention.attend(&query, &prepared, QuerySteps::From(case.step), covered.as_ref());
    comparison.close(&format!("{group}context"), &attended.context, expected("context"), FORWARD);
    comparison.close(&format!("{group}weights"), &attended.weights, expected("weights"), FORWARD);
    let loss = (&attended.context * expected("probe/context")).sum(Kind::Float)
        + (&attended.weights * expected("probe/weights")).sum(Kind::Float);
    loss.backward();
    fixture.compare_gradients(&group, &parameters, comparison);
    for (name, leaf) in [("query", Some(&query)), ("memory", Some(&memory)), ("covered", covered.as_ref())] {
        if let Some(leaf) = leaf {
            // What a result does not depend on has no gradient here and zeros there.
            let gradient = if leaf.grad().defined() { leaf.grad() } else { leaf.zeros_like() };
            comparison.close(
                &format!("{group}gradient-of/{name}"),
                &gradient,
                expected(&format!("gradient-of/{name}")),
                GRADIENT,
            );
        }
    }

    for index in 0..query.size()[1] {
        let of = |tensor: &Tensor| tensor.narrow(1, index, 1);
        let alone =
            attention.attend(&of(&query), &prepared, QuerySteps::Same(case.step + index), covered.as_ref().map(of).as_ref());
        comparison.close(&format!("{group}weights of query {index} alone"), &alone.weights, &of(expected("weights")), FORWARD);
    }
}

#[test]
fn every_score_under_every_choice_is_the_papers() {
    let mut comparison = Comparison::default();
    for fixture in fixtures::<Case>("recurrent", "attend-") {
        comparison.case(&fixture.name);
        for choice in &fixture.case.choices {
            compare(&fixture, choice, &mut comparison);
        }
    }
    comparison.finish();
}
