//! What works a memory: a network that hears the input and what was read.

use tch::Tensor;

use crate::nn::{Cell, CellInitialization, CellState, Initialization, Linear, Scope, Stepper, add_linear};
use crate::recipe::{CellKind, ControllerKind};

/// A controller with its parameters.
pub enum Controller {
    FeedForward(Linear),
    Lstm(Cell),
}

/// What an LSTM remembers; a feed-forward network remembers nothing.
pub struct ControllerState(Option<CellState>);

/// A controller whose weights are laid out for steps.
pub enum ControllerStepper<'a> {
    /// The weight of what was read [D, R].
    FeedForward(Tensor),
    Lstm(Stepper<'a>),
}

impl Controller {
    /// Hears `input` + `read` numbers a step.
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

    /// What the inputs [B, T, I] give to every step: all that can be done at once [B, T, ·].
    pub fn input_part(&self, inputs: &Tensor) -> Tensor {
        match self {
            Controller::FeedForward(layer) => {
                let width = *inputs.size().last().expect("inputs have a size");
                inputs.linear(&layer.weight.narrow(1, 0, width), layer.bias.as_deref())
            }
            Controller::Lstm(cell) => cell.input_gates(inputs),
        }
    }

    /// Ready for steps that hear `read` numbers from the memory.
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
    /// One step: `heard` [B, ·] of [`Controller::input_part`] and `read` [B, R] to h [B, D].
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
