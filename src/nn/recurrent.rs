//! LSTM and GRU: one step at a time, or a whole sequence in one fused call with true lengths.
//!
//! Weights have PyTorch's layout and names (`weight_ih_l0` [G·H, I], `weight_hh_l0` [G·H, H], `bias_ih_l0`, `bias_hh_l0`,
//! `_reverse` for the backward direction; G = 4 for i, f, g, o and 3 for r, z, n). tch's `nn::LSTM` fixes dropout at
//! construction and knows no lengths, so that its backward direction reads padding first; hence this one.

use tch::Tensor;

use super::linear::{add_linear, linear};
use super::{ForwardContext, Initialization, Scope, Weight};
use crate::recipe::CellKind;
use crate::runtime::{exact_on_cpu, for_products};

impl CellKind {
    fn gates(self) -> i64 {
        match self {
            CellKind::Lstm => 4,
            CellKind::Gru => 3,
        }
    }
}

/// Initialisations of a cell's two matrices.
#[derive(Debug, Clone, Copy)]
pub struct CellInitialization {
    pub input: Initialization,
    pub recurrent: Initialization,
}

/// State of one layer: hidden [B, H], and for an LSTM its cell [B, H].
pub struct CellState {
    pub hidden: Tensor,
    pub cell: Option<Tensor>,
}

impl CellState {
    pub fn shallow_clone(&self) -> Self {
        CellState { hidden: self.hidden.shallow_clone(), cell: self.cell.as_ref().map(Tensor::shallow_clone) }
    }

    /// The states of these rows [R'] (int64), which may be repeated.
    pub fn select(&self, rows: &Tensor) -> Self {
        CellState { hidden: self.hidden.index_select(0, rows), cell: self.cell.as_ref().map(|cell| cell.index_select(0, rows)) }
    }
}

/// One direction of one layer.
pub struct Cell {
    kind: CellKind,
    hidden: i64,
    weight_ih: Weight,
    weight_hh: Weight,
    bias_ih: Weight,
    bias_hh: Weight,
}

impl Cell {
    /// A cell by itself, to be stepped: `weight_ih_l0` and so on.
    pub fn single(scope: &Scope, kind: CellKind, input: i64, hidden: i64, initialization: CellInitialization) -> Self {
        Self::new(scope, "l0", kind, input, hidden, initialization)
    }

    fn new(scope: &Scope, suffix: &str, kind: CellKind, input: i64, hidden: i64, initialization: CellInitialization) -> Self {
        let rows = kind.gates() * hidden;
        let tensor = |name: &str, size: &[i64], how| scope.tensor(&format!("{name}_{suffix}"), size, how);
        Cell {
            kind,
            hidden,
            weight_ih: tensor("weight_ih", &[rows, input], initialization.input),
            weight_hh: tensor("weight_hh", &[rows, hidden], initialization.recurrent),
            bias_ih: tensor("bias_ih", &[rows], Initialization::Constant(0.0)),
            bias_hh: tensor("bias_hh", &[rows], Initialization::Constant(0.0)),
        }
    }

    fn weights(&self) -> [&Tensor; 4] {
        [&self.weight_ih, &self.weight_hh, &self.bias_ih, &self.bias_hh]
    }

    /// All zeros for `rows` rows.
    pub fn zero_state(&self, rows: i64) -> CellState {
        let zeros = || Tensor::zeros([rows, self.hidden], (self.weight_hh.kind(), self.weight_hh.device()));
        CellState { hidden: zeros(), cell: (self.kind == CellKind::Lstm).then(zeros) }
    }

    /// What the first part of the input, [.., I'] with I' ≤ I, gives to the gates, both biases that may be added early
    /// included: all that can be done for every step at once. [.., G·H]
    pub fn input_gates(&self, input: &Tensor) -> Tensor {
        let width = *input.size().last().expect("an input has a last dimension");
        let bias = match self.kind {
            CellKind::Lstm => &*self.bias_ih + &*self.bias_hh,
            CellKind::Gru => self.bias_ih.shallow_clone(),
        };
        linear(input, &self.weight_ih.narrow(1, 0, width), Some(&bias))
    }

    /// Lays the weights out for steps whose input is what [`Cell::input_gates`] has already seen, and behind it `fed` columns that
    /// are known only when the step comes.
    pub fn stepper(&self, fed: i64) -> Stepper<'_> {
        let width = self.weight_ih.size()[1];
        Stepper {
            cell: self,
            recurrent: for_products(&self.weight_hh),
            from_fed: (fed > 0).then(|| for_products(&self.weight_ih.narrow(1, width - fed, fed))),
        }
    }
}

/// A cell ready to be stepped: its weights as products read them, made once for all steps.
pub struct Stepper<'a> {
    cell: &'a Cell,
    /// [G·H, H]
    recurrent: Tensor,
    /// [G·H, fed]
    from_fed: Option<Tensor>,
}

impl Stepper<'_> {
    /// One step. `gates` [B, G·H] from [`Cell::input_gates`]; `fed` [B, fed] or nothing.
    pub fn step(&self, gates: &Tensor, fed: Option<&Tensor>, state: &CellState) -> CellState {
        let from_input = match (fed, &self.from_fed) {
            (Some(fed), Some(weight)) => add_linear(gates, fed, weight),
            _ => gates.shallow_clone(),
        };
        // One `chunk` of the gates, because its backward is one concatenation.
        match self.cell.kind {
            CellKind::Lstm => {
                let gates = add_linear(&from_input, &state.hidden, &self.recurrent).chunk(4, 1);
                let previous = state.cell.as_ref().expect("an LSTM state has a cell");
                let cell = (gates[1].sigmoid() * previous).addcmul(&gates[0].sigmoid(), &gates[2].tanh());
                CellState { hidden: gates[3].sigmoid() * cell.tanh(), cell: Some(cell) }
            }
            CellKind::Gru => {
                let from_input = from_input.chunk(3, 1);
                let recurrent = add_linear(&self.cell.bias_hh, &state.hidden, &self.recurrent).chunk(3, 1);
                let reset = (&from_input[0] + &recurrent[0]).sigmoid();
                let update = (&from_input[1] + &recurrent[1]).sigmoid();
                let candidate = from_input[2].addcmul(&reset, &recurrent[2]).tanh();
                // (1 - z) n + z h = n + z (h - n)
                let kind = state.hidden.kind();
                CellState { hidden: candidate.to_kind(kind).lerp_tensor(&state.hidden, &update.to_kind(kind)), cell: None }
            }
        }
    }
}

/// One layer: forward, and backward too when bidirectional.
pub struct RecurrentLayer {
    pub forward: Cell,
    pub backward: Option<Cell>,
}

impl RecurrentLayer {
    fn cells(&self) -> impl Iterator<Item = &Cell> {
        std::iter::once(&self.forward).chain(&self.backward)
    }
}

/// Layers on top of each other.
pub struct RecurrentStack {
    pub layers: Vec<RecurrentLayer>,
}

/// What a stack gives for whole sequences.
pub struct StackOutput {
    /// States of the top layer [B, T, directions · H], forward direction first; zero at padding when lengths were given.
    pub states: Tensor,
    /// For each layer its final states, each direction apart: the forward one after the last token, the backward one after the first.
    pub finals: Vec<Vec<CellState>>,
}

impl RecurrentStack {
    pub fn new(
        scope: Scope,
        kind: CellKind,
        input: i64,
        hidden: i64,
        layers: i64,
        bidirectional: bool,
        initialization: CellInitialization,
    ) -> Self {
        let directions = if bidirectional { 2 } else { 1 };
        let layers = (0..layers)
            .map(|layer| {
                let input = if layer == 0 { input } else { directions * hidden };
                let cell = |suffix: &str| Cell::new(&scope, &format!("l{layer}{suffix}"), kind, input, hidden, initialization);
                RecurrentLayer { forward: cell(""), backward: bidirectional.then(|| cell("_reverse")) }
            })
            .collect();
        RecurrentStack { layers }
    }

    /// One state of zeros for each layer of a stack that goes forward only.
    pub fn zero_states(&self, rows: i64) -> Vec<CellState> {
        self.layers.iter().map(|layer| layer.forward.zero_state(rows)).collect()
    }

    /// Reads `input` [B, S, I] whose rows have these true lengths (each at least 1), from a zero state: padding leaks into neither
    /// direction. Dropout between layers.
    pub fn read(&self, input: &Tensor, lengths: &[i64], dropout: f64, pass: &ForwardContext) -> StackOutput {
        let (rows, steps) = (input.size()[0], input.size()[1]);
        let order = SortedByLength::new(lengths);
        let sorted = order.sort(input);
        let (mut data, batch_sizes) = sorted.internal_pack_padded_sequence(&Tensor::from_slice(&order.lengths), true);
        let mut finals = Vec::with_capacity(self.layers.len());
        for (index, layer) in self.layers.iter().enumerate() {
            if index > 0 {
                data = pass.dropout(&data, dropout);
            }
            let states: Vec<CellState> = layer.cells().map(|cell| cell.zero_state(rows)).collect();
            let (output, ends) = layer.fused(&data, Some(&batch_sizes), &states);
            finals.push(ends.iter().map(|state| order.restore_state(state)).collect());
            data = output;
        }
        let (padded, _) = Tensor::internal_pad_packed_sequence(&data, &batch_sizes, true, 0.0, steps);
        StackOutput { states: order.restore(&padded), finals }
    }

    /// Runs forward over `input` [B, T, I] from given states, one a layer: the decoder's recurrence over a whole target at once.
    pub fn run(&self, input: &Tensor, initial: &[CellState], dropout: f64, pass: &ForwardContext) -> StackOutput {
        let mut data = input.shallow_clone();
        let mut finals = Vec::with_capacity(self.layers.len());
        for (index, (layer, state)) in self.layers.iter().zip(initial).enumerate() {
            if index > 0 {
                data = pass.dropout(&data, dropout);
            }
            let (output, ends) = layer.fused(&data, None, std::slice::from_ref(state));
            finals.push(ends);
            data = output;
        }
        StackOutput { states: data, finals }
    }
}

impl RecurrentLayer {
    /// One fused libtorch call over packed data [N, I] (with batch sizes) or padded data [B, T, I].
    fn fused(&self, data: &Tensor, batch_sizes: Option<&Tensor>, states: &[CellState]) -> (Tensor, Vec<CellState>) {
        exact_on_cpu(data.device(), |exact| {
            let exact_state =
                |state: &CellState| CellState { hidden: exact(&state.hidden), cell: state.cell.as_ref().map(exact) };
            self.run(&exact(data), batch_sizes, &states.iter().map(exact_state).collect::<Vec<_>>())
        })
    }

    fn run(&self, data: &Tensor, batch_sizes: Option<&Tensor>, states: &[CellState]) -> (Tensor, Vec<CellState>) {
        let weights: Vec<&Tensor> = self.cells().flat_map(Cell::weights).collect();
        let bidirectional = self.backward.is_some();
        let hidden = Tensor::stack(&states.iter().map(|s| &s.hidden).collect::<Vec<_>>(), 0);
        let (output, hidden, cell) = match self.forward.kind {
            CellKind::Lstm => {
                let cells: Vec<&Tensor> = states.iter().filter_map(|s| s.cell.as_ref()).collect();
                let initial = [hidden, Tensor::stack(&cells, 0)];
                let initial: Vec<&Tensor> = initial.iter().collect();
                let (output, hidden, cell) = match batch_sizes {
                    Some(sizes) => Tensor::lstm_data(data, sizes, &initial, &weights, true, 1, 0.0, false, bidirectional),
                    None => data.lstm(&initial, &weights, true, 1, 0.0, false, bidirectional, true),
                };
                (output, hidden, Some(cell))
            }
            CellKind::Gru => {
                let (output, hidden) = match batch_sizes {
                    Some(sizes) => Tensor::gru_data(data, sizes, &hidden, &weights, true, 1, 0.0, false, bidirectional),
                    None => data.gru(&hidden, &weights, true, 1, 0.0, false, bidirectional, true),
                };
                (output, hidden, None)
            }
        };
        let ends = (0..states.len() as i64)
            .map(|direction| CellState { hidden: hidden.get(direction), cell: cell.as_ref().map(|cell| cell.get(direction)) })
            .collect();
        (output, ends)
    }
}

/// Packing wants the longest sequence first; this sorts rows when they are not, and puts results back.
struct SortedByLength {
    lengths: Vec<i64>,
    order: Option<(Tensor, Tensor)>,
}

impl SortedByLength {
    fn new(lengths: &[i64]) -> Self {
        if lengths.is_sorted_by(|a, b| a >= b) {
            return SortedByLength { lengths: lengths.to_vec(), order: None };
        }
        let mut order: Vec<i64> = (0..lengths.len() as i64).collect();
        order.sort_by_key(|&row| std::cmp::Reverse(lengths[row as usize]));
        let mut inverse = vec![0i64; order.len()];
        for (position, &row) in order.iter().enumerate() {
            inverse[row as usize] = position as i64;
        }
        let sorted = order.iter().map(|&row| lengths[row as usize]).collect();
        SortedByLength { lengths: sorted, order: Some((Tensor::from_slice(&order), Tensor::from_slice(&inverse))) }
    }

    fn sort(&self, tensor: &Tensor) -> Tensor {
        match &self.order {
            Some((order, _)) => tensor.index_select(0, &order.to_device(tensor.device())),
            None => tensor.shallow_clone(),
        }
    }

    fn restore(&self, tensor: &Tensor) -> Tensor {
        match &self.order {
            Some((_, inverse)) => tensor.index_select(0, &inverse.to_device(tensor.device())),
            None => tensor.shallow_clone(),
        }
    }

    fn restore_state(&self, state: &CellState) -> CellState {
        CellState { hidden: self.restore(&state.hidden), cell: state.cell.as_ref().map(|cell| self.restore(cell)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Parameters;
    use tch::{Device, Kind};

    fn stack(kind: CellKind, input: i64, layers: i64, bidirectional: bool) -> RecurrentStack {
        let initialization = CellInitialization { input: Initialization::Uniform(0.4), recurrent: Initialization::Uniform(0.4) };
        RecurrentStack::new(Parameters::new(2, Device::Cpu).root(), kind, input, 5, layers, bidirectional, initialization)
    }

    #[test]
    fn padding_leaks_into_neither_direction() {
        tch::manual_seed(1);
        for kind in [CellKind::Lstm, CellKind::Gru] {
            let stack = stack(kind, 3, 2, true);
            let input = Tensor::randn([3, 6, 3], (Kind::Float, Device::Cpu));
            let lengths = [2, 6, 4];
            let together = stack.read(&input, &lengths, 0.0, &ForwardContext::evaluation());
            for (row, &length) in lengths.iter().enumerate() {
                let row = row as i64;
                let alone =
                    stack.read(&input.narrow(0, row, 1).narrow(1, 0, length), &[length], 0.0, &ForwardContext::evaluation());
                let part = together.states.narrow(0, row, 1);
                assert!(part.narrow(1, 0, length).allclose(&alone.states, 1e-5, 1e-6, false));
                assert_eq!(part.narrow(1, length, 6 - length).abs().sum(Kind::Float).double_value(&[]), 0.0);
                for (layer, alone) in together.finals.iter().zip(&alone.finals) {
                    for (direction, alone) in layer.iter().zip(alone) {
                        assert!(direction.hidden.narrow(0, row, 1).allclose(&alone.hidden, 1e-5, 1e-6, false));
                    }
                }
            }
        }
    }

    #[test]
    fn stepping_equals_the_fused_call() {
        tch::manual_seed(2);
        for kind in [CellKind::Lstm, CellKind::Gru] {
            let stack = stack(kind, 4, 1, false);
            let input = Tensor::randn([2, 3, 4], (Kind::Float, Device::Cpu));
            let cell = &stack.layers[0].forward;
            let fused = stack.run(&input, &[cell.zero_state(2)], 0.0, &ForwardContext::evaluation());
            // Of the four input columns the last two are fed late.
            for fed in [0, 2] {
                let gates = cell.input_gates(&input.narrow(2, 0, 4 - fed));
                let stepper = cell.stepper(fed);
                let mut state = cell.zero_state(2);
                for step in 0..3 {
                    let late = (fed > 0).then(|| input.select(1, step).narrow(1, 4 - fed, fed));
                    state = stepper.step(&gates.select(1, step), late.as_ref(), &state);
                    assert!(state.hidden.allclose(&fused.states.select(1, step), 1e-5, 1e-6, false));
                }
            }
        }
    }
}
