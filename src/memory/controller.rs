//! The controller of a memory: a feed-forward network or an LSTM of the input and of what was last read (Graves et al. 2014, section 3).

use tch::Tensor;

use crate::nn::{Cell, CellInitialization, CellState, Initialization, Linear, Scope, Stepper, add_linear};
use crate::recipe::{CellKind, ControllerKind};

/// A controller with its parameters.
pub enum Controller {
    FeedForward(Linear),
    Lstm(Cell),
}

/// The state of an LSTM; a feed-forward network has none.
pub struct ControllerState(Option<CellState>);

/// A controller whose weights are laid out for steps.
pub enum ControllerStepper<'a> {
    /// The columns of the weight that r(t-1) goes through [D, R].
    FeedForward(Tensor),
    Lstm(Stepper<'a>),
}

impl Controller {
    /// For an input of `input` numbers and `read` numbers read from the memory, to `hidden` units.
    pub fn new(scope: &Scope, kind: ControllerKind, input: i64, read: i64, hidden: i64) -> Self {
        let xavier = Initialization::Xavier { gain: 1.0 };
        match kind {
            ControllerKind::FeedForward => Controller::FeedForward(Linear::new(scope.sub("layer"), input + read, hidden, xavier)),
            ControllerKind::Lstm => {
                let initialization = CellInitialization { input: xavier, recurrent: Initialization::Orthogonal };
                Controller::Lstm(Cell::single(scope, CellKind::Lstm, input + read, hidden, initialization))
            }
        }
    }

    /// Before the first step of B sequences.
    pub fn start(&self, rows: i64) -> ControllerState {
        ControllerState(match self {
            Controller::FeedForward(_) => None,
            Controller::Lstm(cell) => Some(cell.zero_state(rows)),
        })
    }

    /// What the inputs [B, T, I] give to every step: all that can be done at once [B, T, ·], D numbers or an LSTM's 4·D gates.
    pub fn input_part(&self, inputs: &Tensor) -> Tensor {
        match self {
            Controller::FeedForward(layer) => {
                let width = *inputs.size().last().expect("inputs have a size");
                inputs.linear(&layer.weight.narrow(1, 0, width), layer.bias.as_deref()) // [B, T, D]
            }
            Controller::Lstm(cell) => cell.input_gates(inputs), // [B, T, 4·D]
        }
    }

    /// Ready for steps that are fed `read` numbers from the memory, R.
    pub fn stepper(&self, read: i64) -> ControllerStepper<'_> {
        match self {
            Controller::FeedForward(layer) => {
                ControllerStepper::FeedForward(layer.weight.narrow(1, layer.weight.size()[1] - read, read))
            }
            Controller::Lstm(cell) => ControllerStepper::Lstm(cell.stepper(read)),
        }
    }
}

impl ControllerStepper<'_> {
    /// One step: `input_part` [B, ·] of [`Controller::input_part`] and `read` [B, R] to h [B, D].
    pub fn step(&self, input_part: &Tensor, read: &Tensor, state: &ControllerState) -> (Tensor, ControllerState) {
        match (self, &state.0) {
            (ControllerStepper::Lstm(stepper), Some(state)) => {
                let state = stepper.step(input_part, Some(read), state);
                (state.hidden.shallow_clone(), ControllerState(Some(state)))
            }
            (ControllerStepper::Lstm(_), None) => unreachable!("an LSTM starts with a state"),
            (ControllerStepper::FeedForward(weight), _) => (add_linear(input_part, read, weight).tanh(), ControllerState(None)),
        }
    }
}
