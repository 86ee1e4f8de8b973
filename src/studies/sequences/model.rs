//! Models of sequences: a controller with any memory, a cell with fast weights, or LSTM layers alone.

use anyhow::Result;
use tch::{Kind, Tensor, no_grad};

use crate::memory::fast_weights::{FastWeightCell, FastWeightOptions};
use crate::memory::{MachineOptions, Memory, MemoryMachine, Set, StackQueue, Tape, TapeOptions, Tree, Weightings};
use crate::nn::{CellInitialization, Embedding, ForwardContext, Initialization, Linear, Parameters, RecurrentStack};
use crate::recipe::{CellKind, ControllerKind, NtmRecipe, SequenceModelRecipe};

const XAVIER: Initialization = Initialization::Xavier { gain: 1.0 };

/// A model of vectors with its parameters.
pub enum SequenceModel {
    Machine(MemoryMachine),
    FastWeights { cell: FastWeightCell, output: Linear },
    Lstm { layers: RecurrentStack, output: Linear },
}

impl SequenceModel {
    /// From inputs of `input` numbers to answers of `output`.
    ///
    /// # Errors
    /// Where sizes of a memory cannot work.
    pub fn new(recipe: &SequenceModelRecipe, (input, output): (i64, i64), parameters: &Parameters) -> Result<Self> {
        let scope = parameters.root();
        let machine = |controller, hidden, memory: Box<dyn Memory>| {
            let options = MachineOptions { input, controller, hidden, output };
            SequenceModel::Machine(MemoryMachine::new(&scope, &options, memory))
        };
        let output = |hidden| Linear::new(scope.sub("output"), hidden, output, XAVIER);
        Ok(match recipe {
            SequenceModelRecipe::Ntm(recipe) => {
                let tape = Tape::new(&scope.sub("tape"), tape_options(recipe));
                machine(recipe.controller, recipe.hidden, Box::new(tape))
            }
            SequenceModelRecipe::Set(recipe) => {
                let set = Set::new(&scope.sub("set"), recipe.slots, recipe.width, recipe.score)?;
                machine(recipe.controller, recipe.hidden, Box::new(set))
            }
            SequenceModelRecipe::Tree(recipe) => {
                let tree = Tree::new(&scope.sub("tree"), recipe.leaves, recipe.width)?;
                machine(recipe.controller, recipe.hidden, Box::new(tree))
            }
            SequenceModelRecipe::StackQueue(recipe) => {
                let memory = StackQueue::new(recipe.kind, recipe.width, (Kind::Float, parameters.device()));
                machine(ControllerKind::Lstm, recipe.hidden, Box::new(memory))
            }
            SequenceModelRecipe::FastWeights(recipe) => {
                let options = FastWeightOptions {
                    input,
                    hidden: recipe.hidden,
                    inner_steps: recipe.inner_steps,
                    decay: recipe.decay,
                    rate: recipe.rate,
                    learned: recipe.learned,
                    initialization: XAVIER,
                };
                SequenceModel::FastWeights {
                    cell: FastWeightCell::new(scope.sub("cell"), &options)?,
                    output: output(recipe.hidden),
                }
            }
            SequenceModelRecipe::Lstm(recipe) => {
                let initialization = CellInitialization { input: XAVIER, recurrent: Initialization::Orthogonal };
                let (layers, hidden) = (scope.sub("layers"), recipe.hidden);
                SequenceModel::Lstm {
                    layers: RecurrentStack::new(layers, CellKind::Lstm, input, hidden, recipe.layers, false, initialization),
                    output: output(hidden),
                }
            }
        })
    }

    /// Answers (logits) to inputs [B, T, I], [B, T, O]; and the weightings of the memory at every step, where there is one. What a cell with fast
    /// weights attends to are its earlier states, a slot a step.
    pub fn answer(&self, inputs: &Tensor) -> (Tensor, Vec<Weightings>) {
        match self {
            SequenceModel::Machine(machine) => machine.run(inputs),
            SequenceModel::FastWeights { cell, output } => {
                let run = cell.run(inputs, cell.zero_state(inputs.size()[0]));
                (output.forward(&run.states), no_grad(|| recent_past(&cell.attention(&run)))) // [B, T, O]
            }
            SequenceModel::Lstm { layers, output } => {
                let zeros = layers.zero_states(inputs.size()[0]);
                let states = layers.run(inputs, &zeros, 0.0, &ForwardContext::evaluation()).states; // [B, T, H]
                (output.forward(&states), Vec::new()) // [B, T, O]
            }
        }
    }
}

/// Weights of earlier states [B, T, T] as weightings of a memory that writes each state into a slot of its own: shares, where there is anything.
fn recent_past(weights: &Tensor) -> Vec<Weightings> {
    let (rows, steps) = (weights.size()[0], weights.size()[1]);
    let shares = weights / weights.sum_dim_intlist(-1, true, None::<Kind>).clamp_min(1e-9); // [B, T, T]
    let written = Tensor::eye(steps, (weights.kind(), weights.device())); // [T, T]
    let at = |step: i64| Weightings {
        read: shares.narrow(1, step, 1),                                   // [B, 1, T]
        write: written.narrow(0, step, 1).expand([rows, 1, steps], false), // [B, 1, T]
    };
    (0..steps).map(at).collect()
}

fn tape_options(recipe: &NtmRecipe) -> TapeOptions {
    let NtmRecipe { slots, width, read_heads, write_heads, shift, learned_start, .. } = *recipe;
    TapeOptions { slots, width, read_heads, write_heads, shift, learned_start }
}

/// The model in words.
pub fn summary(recipe: &SequenceModelRecipe) -> String {
    match recipe {
        SequenceModelRecipe::Ntm(model) => format!("an NTM with {} slots of {}", model.slots, model.width),
        SequenceModelRecipe::Set(model) => format!("a set of {} slots of {}", model.slots, model.width),
        SequenceModelRecipe::Tree(model) => format!("a tree of {} leaves of {}", model.leaves, model.width),
        SequenceModelRecipe::StackQueue(model) => {
            format!("an LSTM of {} with a {:?}", model.hidden, model.kind).replace("Stack", "stack").replace("Queue", "queue")
        }
        SequenceModelRecipe::FastWeights(model) => format!("a cell of {} with fast weights", model.hidden),
        SequenceModelRecipe::Lstm(model) => format!("{} LSTM layers of {}", model.layers, model.hidden),
    }
    .replace("Deque", "deque")
}

/// A model of symbols: their vectors, and a model of those.
pub struct SymbolModel {
    embedding: Embedding,
    model: SequenceModel,
}

impl SymbolModel {
    /// Of `vocabulary` symbols with vectors of `embedding` numbers.
    ///
    /// # Errors
    /// As [`SequenceModel::new`].
    pub fn new(recipe: &SequenceModelRecipe, vocabulary: i64, embedding: i64, parameters: &Parameters) -> Result<Self> {
        let table = parameters.root().sub("embedding");
        Ok(SymbolModel {
            model: SequenceModel::new(recipe, (embedding, vocabulary), parameters)?,
            embedding: Embedding::new(table, vocabulary, embedding, Initialization::Normal(1.0)),
        })
    }

    /// Scores of the next symbol at the last `scored` steps: ids [B, T] to [B, scored, V]; and the weightings of the memory at every step, where
    /// there is one.
    pub fn answer(&self, inputs: &Tensor, scored: i64) -> (Tensor, Vec<Weightings>) {
        let steps = inputs.size()[1];
        let (scores, weightings) = self.model.answer(&self.embedding.forward(inputs)); // [B, T, V]
        (scores.narrow(1, steps - scored, scored), weightings) // [B, scored, V]
    }
}
