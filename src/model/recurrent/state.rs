//! Layer states as the flat list of tensors that search moves about.

use tch::Tensor;

use crate::nn::{CellKind, CellState};

/// Appends hidden (and cell) of every layer.
pub fn flatten(states: Vec<CellState>) -> Vec<Tensor> {
    states.into_iter().flat_map(|state| std::iter::once(state.hidden).chain(state.cell)).collect()
}

/// Takes the states of `layers` layers back from the front of the list; the rest follows.
pub fn unflatten(tensors: &[Tensor], kind: CellKind, layers: usize) -> (Vec<CellState>, &[Tensor]) {
    let each = if kind == CellKind::Lstm { 2 } else { 1 };
    let (states, rest) = tensors.split_at(layers * each);
    let states = states
        .chunks(each)
        .map(|parts| CellState { hidden: parts[0].shallow_clone(), cell: parts.get(1).map(Tensor::shallow_clone) })
        .collect();
    (states, rest)
}
