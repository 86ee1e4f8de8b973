//! What learns the sequences: an LSTM with a stack, queue or deque, or LSTM layers alone.

use tch::{Kind, Tensor};

use crate::memory::{MachineOptions, MemoryMachine, StackQueue, Weightings};
use crate::nn::{CellInitialization, Embedding, ForwardContext, Initialization, Linear, Parameters, RecurrentStack};
use crate::recipe::{CellKind, ControllerKind, TransductionModelRecipe, TransductionRecipe};

/// A model with its parameters.
pub struct Transducer {
    embedding: Embedding,
    decoder: TransducerDecoder,
}

enum TransducerDecoder {
    Machine(MemoryMachine),
    Lstm { layers: RecurrentStack, output: Linear },
}

impl Transducer {
    pub fn new(recipe: &TransductionRecipe, parameters: &Parameters) -> Self {
        let (scope, vocabulary, input) = (parameters.root(), recipe.vocabulary(), recipe.embedding);
        let xavier = Initialization::Xavier { gain: 1.0 };
        let decoder = match recipe.model {
            TransductionModelRecipe::StackQueue(model) => {
                let memory = StackQueue::new(model.kind, model.width, (Kind::Float, parameters.device()));
                let options =
                    MachineOptions { input, controller: ControllerKind::Lstm, hidden: model.hidden, output: vocabulary };
                TransducerDecoder::Machine(MemoryMachine::new(&scope, &options, Box::new(memory)))
            }
            TransductionModelRecipe::Lstm(model) => {
                let initialization = CellInitialization { input: xavier, recurrent: Initialization::Orthogonal };
                let (hidden, layers) = (model.hidden, model.layers);
                TransducerDecoder::Lstm {
                    layers: RecurrentStack::new(
                        scope.sub("layers"),
                        CellKind::Lstm,
                        input,
                        hidden,
                        layers,
                        false,
                        initialization,
                    ),
                    output: Linear::new(scope.sub("output"), hidden, vocabulary, xavier),
                }
            }
        };
        let embedding = Embedding::new(scope.sub("embedding"), vocabulary, input, Initialization::Normal(1.0));
        Transducer { embedding, decoder }
    }

    /// Scores of the next symbol at the last `scored` steps: ids [B, T] to [B, scored, V]; and the weightings of the memory at every step, where
    /// there is one.
    pub fn answer(&self, inputs: &Tensor, scored: i64) -> (Tensor, Vec<Weightings>) {
        let (vectors, steps) = (self.embedding.forward(inputs), inputs.size()[1]); // [B, T, E]
        match &self.decoder {
            TransducerDecoder::Machine(machine) => {
                let (scores, weightings) = machine.run(&vectors); // [B, T, V]
                (scores.narrow(1, steps - scored, scored), weightings) // [B, scored, V]
            }
            TransducerDecoder::Lstm { layers, output } => {
                let zeros = layers.zero_states(inputs.size()[0]);
                let states = layers.run(&vectors, &zeros, 0.0, &ForwardContext::evaluation()).states; // [B, T, H]
                (output.forward(&states.narrow(1, steps - scored, scored)), Vec::new()) // [B, scored, V]
            }
        }
    }
}
