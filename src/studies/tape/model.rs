//! What learns the sequences: a controller with a memory, or LSTM layers alone.

use anyhow::Result;
use tch::{Device, Kind, Tensor};

use super::problem::Sequence;
use crate::memory::{MachineOptions, Memory, MemoryMachine, Set, Tape, TapeOptions, Tree, Weightings};
use crate::nn::{CellInitialization, ForwardContext, Initialization, Linear, Parameters, RecurrentStack, Scope};
use crate::recipe::{CellKind, LstmRecipe, NtmRecipe, TapeModelRecipe};

/// Sequences of one size as tensors.
pub struct Sequences {
    /// [B, T, inputs]
    pub inputs: Tensor,
    /// [B, scored steps, outputs]
    pub targets: Tensor,
}

impl Sequences {
    pub fn new(sequences: &[Sequence], device: Device) -> Self {
        let tensor = |part: fn(&Sequence) -> &Vec<Vec<f32>>| {
            let numbers: Vec<f32> = sequences.iter().flat_map(|sequence| part(sequence).iter().flatten().copied()).collect();
            let (steps, width) = (part(&sequences[0]).len(), part(&sequences[0])[0].len());
            Tensor::from_slice(&numbers).view([sequences.len() as i64, steps as i64, width as i64]).to_device(device)
        };
        Sequences { inputs: tensor(|sequence| &sequence.inputs), targets: tensor(|sequence| &sequence.targets) }
    }

    /// The last steps, those that are scored, of answers [B, T, outputs].
    pub fn scored(&self, answers: &Tensor) -> Tensor {
        let (steps, scored) = (answers.size()[1], self.targets.size()[1]);
        answers.narrow(1, steps - scored, scored) // [B, scored steps, outputs]
    }

    /// Cost of answers (logits) [B, T, outputs], summed over all, in nats.
    pub fn cost(&self, answers: &Tensor) -> Tensor {
        self.scored(answers).binary_cross_entropy_with_logits::<Tensor>(&self.targets, None, None, tch::Reduction::Sum)
    }

    /// How many bits of the answers are wrong.
    pub fn wrong(&self, answers: &Tensor) -> f64 {
        self.scored(answers).gt(0.0).ne_tensor(&self.targets.gt(0.5)).sum(Kind::Int64).double_value(&[])
    }
}

/// A model with its parameters.
pub enum TapeModel {
    Machine(MemoryMachine),
    Lstm { layers: RecurrentStack, output: Linear },
}

impl TapeModel {
    /// # Errors
    /// Where sizes of a memory cannot work.
    pub fn new(recipe: &TapeModelRecipe, (input, output): (i64, i64), parameters: &Parameters) -> Result<Self> {
        let scope = parameters.root();
        let machine = |kind, hidden, memory: Box<dyn Memory>| {
            let options = MachineOptions { input, controller: kind, hidden, output };
            TapeModel::Machine(MemoryMachine::new(&scope, &options, memory))
        };
        Ok(match recipe {
            TapeModelRecipe::Ntm(recipe) => {
                let tape = Tape::new(&scope.sub("tape"), tape_options(recipe));
                machine(recipe.controller, recipe.hidden, Box::new(tape))
            }
            TapeModelRecipe::Set(recipe) => {
                let set = Set::new(&scope.sub("set"), recipe.slots, recipe.width, recipe.score)?;
                machine(recipe.controller, recipe.hidden, Box::new(set))
            }
            TapeModelRecipe::Tree(recipe) => {
                let tree = Tree::new(&scope.sub("tree"), recipe.leaves, recipe.width)?;
                machine(recipe.controller, recipe.hidden, Box::new(tree))
            }
            TapeModelRecipe::Lstm(recipe) => {
                let xavier = Initialization::Xavier { gain: 1.0 };
                let initialization = CellInitialization { input: xavier, recurrent: Initialization::Orthogonal };
                TapeModel::Lstm {
                    layers: layers(scope.sub("layers"), input, recipe, initialization),
                    output: Linear::new(scope.sub("output"), recipe.hidden, output, xavier),
                }
            }
        })
    }

    /// Answers (logits) [B, T, outputs], and the weightings of the heads at every step.
    pub fn answer(&self, inputs: &Tensor) -> (Tensor, Vec<Weightings>) {
        match self {
            TapeModel::Machine(machine) => machine.run(inputs),
            TapeModel::Lstm { layers, output } => {
                let zeros = layers.zero_states(inputs.size()[0]);
                let states = layers.run(inputs, &zeros, 0.0, &ForwardContext::evaluation()).states; // [B, T, H]
                (output.forward(&states), Vec::new()) // [B, T, outputs]
            }
        }
    }
}

fn layers(scope: Scope, input: i64, recipe: &LstmRecipe, initialization: CellInitialization) -> RecurrentStack {
    RecurrentStack::new(scope, CellKind::Lstm, input, recipe.hidden, recipe.layers, false, initialization)
}

fn tape_options(recipe: &NtmRecipe) -> TapeOptions {
    let NtmRecipe { slots, width, read_heads, write_heads, shift, learned_start, .. } = *recipe;
    TapeOptions { slots, width, read_heads, write_heads, shift, learned_start }
}
