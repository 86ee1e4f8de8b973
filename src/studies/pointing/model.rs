//! A pointer network, and a sequence-to-sequence model with soft attention and a fixed vocabulary of positions beside it.

use anyhow::Result;
use tch::{Device, Kind, Tensor};

use super::problem::Example;
use crate::attention::{Attention, AttentionOptions, Pointer, PointerOptions, Prepared, QuerySteps};
use crate::nn::{
    CellInitialization, CellState, Embedding, ForwardContext, Initialization, Linear, Parameters, RecurrentStack, StackOutput,
    Weight,
};
use crate::recipe::{AttentionRecipe, CellKind, PointingModel, PointingRecipe, ScoreKind};

/// Problems of one size as tensors.
pub struct Problems {
    /// n inputs of I numbers [B, n, I].
    pub inputs: Tensor,
    /// What to point at [B, T]: 0 is the end, input i is i + 1. Behind the end there are more ends.
    pub answers: Tensor,
    /// True up to the first end [B, T].
    pub real: Tensor,
}

impl Problems {
    pub fn new(examples: &[Example], device: Device) -> Self {
        let (count, inputs, width) = (examples.len() as i64, examples[0].inputs.len() as i64, examples[0].inputs[0].len() as i64);
        // Numbers uniform in [0, 1) are shown with mean 0 and variance 1.
        let scaled = |number: &f32| (number - 0.5) * 12f32.sqrt();
        let numbers: Vec<f32> = examples.iter().flat_map(|example| example.inputs.iter().flatten().map(scaled)).collect();
        let steps = examples.iter().map(|example| example.answer.len()).max().unwrap_or(0) + 1;
        let (mut answers, mut real) = (Vec::new(), Vec::new());
        for example in examples {
            let length = example.answer.len();
            answers
                .extend(example.answer.iter().map(|&position| position as i64 + 1).chain(std::iter::repeat_n(0, steps - length)));
            real.extend((0..steps).map(|step| step <= length));
        }
        Problems {
            inputs: Tensor::from_slice(&numbers).view([count, inputs, width]).to_device(device),
            answers: Tensor::from_slice(&answers).view([count, steps as i64]).to_device(device),
            real: Tensor::from_slice(&real).view([count, steps as i64]).to_device(device),
        }
    }

    /// How many outputs there are, ends included.
    pub fn terms(&self) -> u64 {
        self.real.sum(Kind::Int64).int64_value(&[]) as u64
    }
}

/// An LSTM encoder and decoder with what reads the encoder's states.
pub struct PointingNetwork {
    /// Reads in both directions, of H/2 cells each.
    encoder: RecurrentStack,
    /// What stands for the end [1, 1, D] in the memory: states of the encoder, each beside the input it belongs to, D = H + I.
    end: Weight,
    decoder: RecurrentStack,
    reader: PointingDecoder,
}

enum PointingDecoder {
    /// The decoder is fed the input it pointed at last, at first `start` [1, 1, I]; the query is its state and this input, D too.
    Pointer { pointer: Pointer, start: Weight },
    /// Luong's decoder (2015, equation 5), fed the position it named last; the last of all stands for the start.
    Attention { attention: Attention, positions: Embedding, combine: Linear, output: Linear },
}

/// What a problem is read into.
struct Encoded {
    prepared: Prepared,
    state: CellState,
}

impl PointingNetwork {
    /// For inputs of I numbers.
    pub fn new(recipe: &PointingRecipe, width: i64, parameters: &Parameters) -> Result<Self> {
        let (scope, hidden) = (parameters.root(), recipe.hidden);
        let memory = hidden + width;
        let start = Initialization::Uniform(0.08);
        let cell = CellInitialization { input: start, recurrent: start };
        let named = recipe.most as i64 + 1;
        let reader = match recipe.model {
            PointingModel::Pointer => {
                let options = PointerOptions {
                    score: ScoreKind::Additive,
                    size: hidden,
                    query: memory,
                    keys: memory,
                    initialization: start,
                };
                PointingDecoder::Pointer {
                    pointer: Pointer::new(scope.sub("pointer"), &options)?,
                    start: scope.tensor("start", &[1, 1, width], start),
                }
            }
            PointingModel::Attention => {
                let options = AttentionOptions {
                    recipe: AttentionRecipe::of(ScoreKind::Additive, hidden),
                    query: hidden,
                    keys: memory,
                    maximum_length: named,
                    initialization: start,
                    score_initialization: start,
                    energy_initialization: start,
                };
                PointingDecoder::Attention {
                    attention: Attention::new(scope.sub("attention"), &options)?,
                    positions: Embedding::new(scope.sub("positions"), named + 1, hidden, start),
                    combine: Linear::without_bias(scope.sub("combine"), memory + hidden, hidden, start),
                    output: Linear::new(scope.sub("output"), hidden, named, start),
                }
            }
        };
        let fed = if recipe.model == PointingModel::Pointer { width } else { hidden };
        Ok(PointingNetwork {
            encoder: RecurrentStack::new(scope.sub("encoder"), CellKind::Lstm, width, hidden / 2, 1, true, cell),
            end: scope.tensor("end", &[1, 1, memory], start),
            decoder: RecurrentStack::new(scope.sub("decoder"), CellKind::Lstm, fed, hidden, 1, false, cell),
            reader,
        })
    }

    fn encode(&self, inputs: &Tensor) -> Encoded {
        let (rows, count) = (inputs.size()[0], inputs.size()[1]);
        let StackOutput { states, finals } =
            self.encoder.read(inputs, &vec![count; rows as usize], 0.0, &ForwardContext::evaluation()); // [B, n, H]
        let states = Tensor::cat(&[&states, inputs], 2); // [B, n, D]
        let memory = Tensor::cat(&[&self.end.expand([rows, 1, states.size()[2]], false), &states], 1); // [B, n + 1, D]
        let keep = Tensor::ones([rows, count + 1], (Kind::Bool, inputs.device())); // [B, n + 1]
        let prepared = match &self.reader {
            PointingDecoder::Pointer { pointer, .. } => pointer.prepare(&memory, &keep),
            PointingDecoder::Attention { attention, .. } => {
                attention.prepare(&memory, &keep, &keep.sum_dim_intlist([1i64].as_slice(), true, Kind::Float))
            }
        };
        // Both directions' last states side by side [B, H].
        let joined = |part: fn(&CellState) -> &Tensor| Tensor::cat(&finals[0].iter().map(part).collect::<Vec<_>>(), 1);
        let cell = joined(|state| state.cell.as_ref().expect("an LSTM state has a cell"));
        Encoded { prepared, state: CellState { hidden: joined(|state| &state.hidden), cell: Some(cell) } }
    }

    /// Decoder inputs after outputs [B, T] of inputs [B, n, I], and at the start: [B, T + 1, ·].
    fn decoder_inputs(&self, inputs: &Tensor, outputs: &Tensor) -> Tensor {
        let rows = inputs.size()[0];
        match &self.reader {
            PointingDecoder::Pointer { start, .. } => {
                // After an end nothing counts; it is fed as if it were the start.
                let all = Tensor::cat(&[&start.expand([rows, 1, inputs.size()[2]], false), inputs], 1); // [B, n + 1, I]
                let first = Tensor::zeros([rows, 1], (Kind::Int64, inputs.device()));
                let which = Tensor::cat(&[&first, outputs], 1).unsqueeze(2); // [B, T + 1, 1]
                let which = which.expand([-1, -1, inputs.size()[2]], false); // [B, T + 1, I]
                all.gather(1, &which, false) // [B, T + 1, I]
            }
            PointingDecoder::Attention { positions, .. } => {
                let start = Tensor::full([rows, 1], positions.weight.size()[0] - 1, (Kind::Int64, inputs.device()));
                positions.forward(&Tensor::cat(&[&start, outputs], 1)) // [B, T + 1, H]
            }
        }
    }

    /// log p of every output [B, T, ·] for decoder states [B, T, H] and the inputs that the decoder was fed, and attention [B, T, n + 1]. A
    /// pointer may point where `keep` [B, T, n + 1] holds.
    fn outputs(&self, states: &Tensor, fed: &Tensor, encoded: &Encoded, keep: &Tensor) -> (Tensor, Tensor) {
        match &self.reader {
            PointingDecoder::Pointer { pointer, .. } => {
                let query = Tensor::cat(&[states, fed], 2); // [B, T, D]
                let logs = pointer.log_probabilities_among(&query, &encoded.prepared, keep); // [B, T, n + 1]
                let weights = logs.exp();
                (logs, weights)
            }
            PointingDecoder::Attention { attention, combine, output, .. } => {
                // [B, T, D], [B, T, n + 1]
                let attended = attention.attend(states, &encoded.prepared, QuerySteps::From(0), None);
                let features = combine.forward(&Tensor::cat(&[&attended.context, states], -1)).tanh(); // [B, T, H]
                let logs = output.forward(&features).log_softmax(-1, None::<Kind>); // [B, T, positions]
                (logs, attended.weights)
            }
        }
    }

    /// The mask of what may be pointed at after outputs [B, T] of `count` inputs, and at the start [B, T + 1, n + 1]: the end, and what was not
    /// pointed at before.
    fn keep(outputs: &Tensor, count: i64) -> Tensor {
        let places = Tensor::arange(count + 1, (Kind::Int64, outputs.device())); // [n + 1]
        let pointed = outputs.unsqueeze(2).eq_tensor(&places).to_kind(Kind::Int64); // [B, T, n + 1]
        // At step t, and so at all steps after it.
        let pointed = pointed.cumsum(1, Kind::Int64);
        let start = Tensor::zeros([outputs.size()[0], 1, count + 1], (Kind::Int64, outputs.device()));
        Tensor::cat(&[start, pointed], 1).eq(0).logical_or(&places.eq(0)) // [B, T + 1, n + 1]
    }

    /// -log p of the answers, summed over all.
    pub fn cost(&self, problems: &Problems) -> Tensor {
        let encoded = self.encode(&problems.inputs);
        let steps = problems.answers.size()[1];
        let before = problems.answers.narrow(1, 0, steps - 1); // [B, T - 1]
        let fed = self.decoder_inputs(&problems.inputs, &before); // [B, T, ·]
        let keep = Self::keep(&before, problems.inputs.size()[1]); // [B, T, n + 1]
        let states = self.decoder.run(&fed, std::slice::from_ref(&encoded.state), 0.0, &ForwardContext::evaluation()).states;
        let (logs, _) = self.outputs(&states, &fed, &encoded, &keep); // [B, T, ·]
        let log_likelihoods = logs.gather(2, &problems.answers.unsqueeze(2), false).squeeze_dim(2); // [B, T]
        -(&log_likelihoods * &problems.real).sum(log_likelihoods.kind())
    }

    /// Greedy decoding: the likeliest output at each step, until the end or `most` of them, as positions of the inputs; and the attention of
    /// each step [B, T, n + 1], the end first.
    pub fn answer(&self, inputs: &Tensor, most: i64) -> (Vec<Vec<usize>>, Tensor) {
        let encoded = self.encode(inputs);
        let mut state = encoded.state.shallow_clone();
        let (mut outputs, mut attention) = (Tensor::zeros([inputs.size()[0], 0], (Kind::Int64, inputs.device())), Vec::new());
        let mut fed = self.decoder_inputs(inputs, &outputs); // [B, 1, ·]
        for _ in 0..most {
            let run = self.decoder.run(&fed, std::slice::from_ref(&state), 0.0, &ForwardContext::evaluation());
            let keep = Self::keep(&outputs, inputs.size()[1]); // [B, t + 1, n + 1]
            let keep = keep.narrow(1, keep.size()[1] - 1, 1); // [B, 1, n + 1]
            let (logs, weights) = self.outputs(&run.states, &fed, &encoded, &keep); // [B, 1, ·], [B, 1, n + 1]
            let chosen = logs.argmax(-1, false); // [B, 1]
            fed = self.decoder_inputs(inputs, &chosen).narrow(1, 1, 1); // [B, 1, ·]
            outputs = Tensor::cat(&[&outputs, &chosen], 1); // [B, t + 1]
            attention.push(weights);
            state = run.finals.into_iter().flatten().next().expect("a decoder has a layer");
        }
        let outputs: Vec<Vec<i64>> = Vec::try_from(outputs).expect("outputs are rows of integers");
        let ended = outputs
            .into_iter()
            .map(|row| row.into_iter().take_while(|&output| output > 0).map(|output| output as usize - 1).collect());
        (ended.collect(), Tensor::cat(&attention, 1)) // [B, T, n + 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::numerical::check_gradients;
    use crate::recipe::PointingProblem;
    use crate::studies::random::RandomGenerator;

    fn recipe(model: PointingModel) -> PointingRecipe {
        PointingRecipe { problem: PointingProblem::Hull, model, hidden: 4, most: 6, ..PointingRecipe::default() }
    }

    fn examples() -> Vec<Example> {
        (0..3).map(|number| PointingProblem::Hull.draw(6, &mut RandomGenerator::new(1, number))).collect()
    }

    #[test]
    fn problems_end_once() {
        let problems = Problems::new(&examples(), Device::Cpu);
        let corners: usize = examples().iter().map(|example| example.answer.len()).sum();
        assert_eq!(problems.terms(), corners as u64 + 3);
        let ends = problems.answers.eq(0).logical_and(&problems.real).sum(Kind::Int64);
        assert_eq!(ends.int64_value(&[]), 3);
    }

    #[test]
    fn steps_are_those_of_the_whole_answer() {
        for kind in [PointingModel::Pointer, PointingModel::Attention] {
            let model = PointingNetwork::new(&recipe(kind), 2, &Parameters::new(2, Device::Cpu)).unwrap();
            let inputs = Problems::new(&examples(), Device::Cpu).inputs;
            let (answers, attention) = model.answer(&inputs, 7);
            // Teacher forcing with the answers that were given finds each of them the likeliest.
            for (row, answer) in answers.iter().enumerate() {
                let outputs: Vec<i64> = answer.iter().map(|&position| position as i64 + 1).collect();
                let inputs = inputs.narrow(0, row as i64, 1);
                let before = Tensor::from_slice(&outputs).unsqueeze(0);
                let (fed, keep) = (model.decoder_inputs(&inputs, &before), PointingNetwork::keep(&before, 6));
                let encoded = model.encode(&inputs);
                let states =
                    model.decoder.run(&fed, std::slice::from_ref(&encoded.state), 0.0, &ForwardContext::evaluation()).states;
                let (logs, weights) = model.outputs(&states, &fed, &encoded, &keep);
                let likeliest: Vec<i64> = Vec::try_from(logs.argmax(-1, false).squeeze_dim(0)).unwrap();
                assert_eq!(likeliest[..outputs.len()], outputs[..]);
                let steps = (outputs.len() as i64 + 1).min(7);
                let attended = attention.get(row as i64).narrow(0, 0, steps);
                assert!(attended.allclose(&weights.squeeze_dim(0).narrow(0, 0, steps), 1e-4, 1e-5, false));
            }
        }
    }

    #[test]
    fn nothing_is_pointed_at_twice() {
        let keep = PointingNetwork::keep(&Tensor::from_slice(&[2i64, 1, 0, 3]).reshape([2, 2]), 3);
        let rows: Vec<Vec<Vec<bool>>> = (0..2).map(|row| Vec::try_from(keep.get(row)).unwrap()).collect();
        let all = vec![true; 4];
        assert_eq!(rows[0], [all.clone(), vec![true, true, false, true], vec![true, false, false, true]]);
        assert_eq!(rows[1], [all.clone(), all, vec![true, true, true, false]], "the end stays open");
        let model = PointingNetwork::new(&recipe(PointingModel::Pointer), 2, &Parameters::new(2, Device::Cpu)).unwrap();
        let (answers, _) = model.answer(&Problems::new(&examples(), Device::Cpu).inputs, 7);
        for answer in answers {
            let different: std::collections::BTreeSet<_> = answer.iter().collect();
            assert_eq!(different.len(), answer.len());
        }
    }

    #[test]
    fn gradients_are_those_of_differences() {
        let problems = Problems::new(&examples()[..2], Device::Cpu);
        let inputs = problems.inputs.to_kind(Kind::Double);
        let problems = Problems { inputs, ..problems };
        for kind in [PointingModel::Pointer, PointingModel::Attention] {
            let store = Parameters::double(3);
            let model = PointingNetwork::new(&recipe(kind), 2, &store).unwrap();
            check_gradients(&store.named(), || model.cost(&problems));
        }
    }
}
