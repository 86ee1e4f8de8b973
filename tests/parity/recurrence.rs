//! Stacks of LSTM and GRU layers over sequences of different lengths.

use serde::Deserialize;
use targum::nn::{CellInitialization, CellState, ForwardContext, Initialization, Parameters, RecurrentStack};
use targum::recipe;
use targum::recipe::CellKind;
use tch::{Device, Kind, Tensor};

use super::compare::{Comparison, FORWARD, GRADIENT};
use super::fixture::{Fixture, fixtures};

#[derive(Deserialize)]
struct Case {
    cell: recipe::CellKind,
    layers: i64,
    bidirectional: bool,
    input: i64,
    hidden: i64,
    lengths: Vec<i64>,
}

fn compare(fixture: &Fixture<Case>, comparison: &mut Comparison) {
    let case = &fixture.case;
    let kind = case.cell;
    let zero = Initialization::Constant(0.0);
    let store = Parameters::new(1, Device::Cpu);
    let starts = CellInitialization { input: zero, recurrent: zero };
    let stack = RecurrentStack::new(store.root(), kind, case.input, case.hidden, case.layers, case.bidirectional, starts);
    let parameters = store.named();
    fixture.set("", &parameters);

    let input = fixture.tensor("input").copy().set_requires_grad(true);
    let read = stack.read(&input, &case.lengths, 0.0, &ForwardContext::evaluation());
    let finals: Vec<&CellState> = read.finals.iter().flatten().collect();
    let mut outputs = vec![("states", read.states.shallow_clone())];
    outputs.push(("hidden", Tensor::stack(&finals.iter().map(|state| &state.hidden).collect::<Vec<_>>(), 0)));
    if kind == CellKind::Lstm {
        let cells: Vec<&Tensor> = finals.iter().filter_map(|state| state.cell.as_ref()).collect();
        outputs.push(("cell", Tensor::stack(&cells, 0)));
    }
    let mut loss = Tensor::zeros([], (Kind::Float, Device::Cpu));
    for (name, output) in &outputs {
        comparison.close(name, output, fixture.tensor(name), FORWARD);
        loss += (output * fixture.tensor(&format!("probe/{name}"))).sum(Kind::Float);
    }
    loss.backward();
    fixture.compare_gradients("", &parameters, comparison);
    comparison.close("gradient-of/input", &input.grad(), fixture.tensor("gradient-of/input"), GRADIENT);
}

#[test]
fn stacks_of_layers_are_pytorchs() {
    let mut comparison = Comparison::default();
    for fixture in fixtures::<Case>("recurrent", "recurrence-") {
        comparison.case(&fixture.name);
        compare(&fixture, &mut comparison);
    }
    comparison.finish();
}
