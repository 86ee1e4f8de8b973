//! Match-LSTM (Wang and Jiang 2017, section 2.3): a passage read word by word, with attention to the question at each.

use anyhow::Result;
use tch::{Device, Kind, Tensor};

use super::{Attention, AttentionOptions, QuerySteps};
use crate::nn::{Cell, CellInitialization, Initialization, Scope};
use crate::recipe::{AttentionRecipe, CellKind, ScoreKind};

/// At word i of the passage the question is attended to with what the word says and what was matched before (equation 2), and an LSTM reads
/// the word with what was found:
///
/// ```text
/// G_i = tanh(W^q H^q + (W^p h^p_i + W^r h^r_{i-1} + b^p) ⊗ e),   α_i = softmax(w G_i)
/// h^r_i = LSTM([h^p_i; H^q α_i], h^r_{i-1})
/// ```
///
/// once from the left and once from the right, with one attention and two LSTMs.
pub struct MatchLstm {
    attention: Attention,
    forward: Cell,
    backward: Cell,
}

/// Options of a [`MatchLstm`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatchLstmOptions {
    /// Size of the states of passage and question, D.
    pub states: i64,
    /// Cells of a direction and units of the score, H.
    pub hidden: i64,
    pub initialization: Initialization,
}

/// Sequences that were read: states [B, S, D], and how many of each are no padding, 1 or more.
pub struct Encoded {
    pub states: Tensor,
    pub lengths: Vec<i64>,
}

/// A passage matched with its question.
pub struct Matched {
    /// Both directions, forward first [B, P, 2H].
    pub states: Tensor,
    /// For the direction forward and the one backward, the weight of each word of the question at each of the passage [B, P, Q].
    pub weights: [Tensor; 2],
}

impl Encoded {
    /// True where there is no padding [B, S].
    pub fn keep(&self) -> Tensor {
        let device = self.states.device();
        let places = Tensor::arange(self.states.size()[1], (Kind::Int64, device)).unsqueeze(0); // [1, S]
        places.lt_tensor(&Tensor::from_slice(&self.lengths).to_device(device).unsqueeze(1)) // [B, S]
    }
}

impl MatchLstm {
    /// # Errors
    /// Sizes below 1.
    pub fn new(scope: Scope, options: &MatchLstmOptions) -> Result<Self> {
        let MatchLstmOptions { states, hidden, initialization } = *options;
        let attention = AttentionOptions {
            recipe: AttentionRecipe::of(ScoreKind::Additive, hidden),
            query: states + hidden,
            keys: states,
            maximum_length: 1,
            initialization,
            score_initialization: initialization,
            energy_initialization: initialization,
        };
        let start = CellInitialization { input: initialization, recurrent: Initialization::Orthogonal };
        let cell = |name: &str| Cell::single(&scope.sub(name), CellKind::Lstm, 2 * states, hidden, start);
        Ok(MatchLstm {
            attention: Attention::new(scope.sub("attention"), &attention)?,
            forward: cell("forward"),
            backward: cell("backward"),
        })
    }

    /// Reads passages [B, P, D] with questions [B, Q, D]. Both directions go step by step together, one half of the rows each, as their attention is
    /// the same.
    pub fn read(&self, passage: &Encoded, question: &Encoded) -> Matched {
        let states = &passage.states;
        let [rows, words, _] = states.size()[..] else { panic!("states are [B, P, D], found {:?}", states.size()) };
        let lengths = Tensor::from_slice(&question.lengths).to_device(states.device()).to_kind(states.kind()).unsqueeze(1);
        let prepared = self.attention.prepare(&question.states, &question.keep(), &lengths);
        let twice = Tensor::arange(rows, (Kind::Int64, states.device())).repeat([2]); // [2B]
        let prepared = prepared.select(&twice);
        let order = reversal(&passage.lengths, words, states.device());
        let inputs = [states.shallow_clone(), reordered(states, &order)]; // each [B, P, D]
        let cells = [&self.forward, &self.backward];
        let steppers = cells.map(|cell| cell.stepper(question.states.size()[2]));
        let gates = [0, 1].map(|half| cells[half].input_gates(&inputs[half]).unbind(1)); // for each word [B, 4H]
        let inputs = Tensor::cat(&inputs, 0).unbind(1); // for each word [2B, D]
        let mut state = cells.map(|cell| cell.zero_state(rows));
        let (mut found, mut weights) = ([Vec::new(), Vec::new()], Vec::new());
        for (step, input) in inputs.iter().enumerate() {
            let before = Tensor::cat(&[&state[0].hidden, &state[1].hidden], 0); // [2B, H]
            let query = Tensor::cat(&[input, &before], 1).unsqueeze(1); // [2B, 1, D + H]
            let attended = self.attention.attend(&query, &prepared, QuerySteps::Same(step as i64), None);
            let contexts = attended.context.squeeze_dim(1).chunk(2, 0); // two of [B, D]
            for half in 0..2 {
                state[half] = steppers[half].step(&gates[half][step], Some(&contexts[half]), &state[half]);
                found[half].push(state[half].hidden.shallow_clone());
            }
            weights.push(attended.weights);
        }
        let [forward, backward] = found.map(|states| Tensor::stack(&states, 1)); // [B, P, H]
        let weights = Tensor::cat(&weights, 1).chunk(2, 0); // two of [B, P, Q]
        Matched {
            states: Tensor::cat(&[forward, reordered(&backward, &order)], -1), // [B, P, 2H]
            weights: [weights[0].shallow_clone(), reordered(&weights[1], &order)],
        }
    }
}

/// For each row the places of its sequence from the last to the first, and of its padding as they are [B, P]: applied twice it changes
/// nothing.
fn reversal(lengths: &[i64], longest: i64, device: Device) -> Tensor {
    let row = |&length: &i64| (0..longest).map(move |place| if place < length { length - 1 - place } else { place });
    let places: Vec<i64> = lengths.iter().flat_map(row).collect();
    Tensor::from_slice(&places).view([-1, longest]).to_device(device)
}

/// Rows [B, P, ·] in the order [B, P].
fn reordered(states: &Tensor, order: &Tensor) -> Tensor {
    states.gather(1, &order.unsqueeze(-1).expand_as(states), false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Parameters;
    use crate::nn::numerical::{check_gradients, leaf};

    fn layer(store: &Parameters) -> MatchLstm {
        let options = MatchLstmOptions { states: 2, hidden: 3, initialization: Initialization::Uniform(0.7) };
        MatchLstm::new(store.root(), &options).unwrap()
    }

    fn encoded(states: &Tensor, lengths: &[i64]) -> Encoded {
        Encoded { states: states.shallow_clone(), lengths: lengths.to_vec() }
    }

    /// The equations in plain numbers, one row, one direction.
    fn by_hand(named: &[(String, Tensor)], passage: &[Vec<f64>], question: &[Vec<f64>], cell: &str) -> Vec<Vec<f64>> {
        let matrix = |name: &str| {
            let tensor = &named.iter().find(|(other, _)| other == name).unwrap_or_else(|| panic!("no {name}")).1;
            let rows = if tensor.dim() == 1 { tensor.unsqueeze(0) } else { tensor.shallow_clone() };
            Vec::<Vec<f64>>::try_from(rows).unwrap()
        };
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let [of_query, of_key, key_bias, energy] =
            ["attention.query.weight", "attention.key.weight", "attention.key.bias", "attention.energy"].map(matrix);
        let [input, recurrent] = ["weight_ih_l0", "weight_hh_l0"].map(|name| matrix(&format!("{cell}.{name}")));
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let (mut hidden, mut memory) = (vec![0.0; 3], vec![0.0; 3]);
        let step = |word: &Vec<f64>| {
            let query = [word.clone(), hidden.clone()].concat();
            let energies: Vec<f64> = question
                .iter()
                .map(|key| {
                    let unit = |unit: usize| (dot(&of_query[unit], &query) + dot(&of_key[unit], key) + key_bias[0][unit]).tanh();
                    (0..3).map(|place| energy[0][place] * unit(place)).sum::<f64>().exp()
                })
                .collect();
            let sum: f64 = energies.iter().sum();
            let context = (0..2).map(|d| question.iter().zip(&energies).map(|(key, e)| e / sum * key[d]).sum());
            let read: Vec<f64> = word.iter().copied().chain(context).collect();
            let gates: Vec<f64> = (0..12).map(|gate| dot(&input[gate], &read) + dot(&recurrent[gate], &hidden)).collect();
            for place in 0..3 {
                memory[place] = sigmoid(gates[3 + place]) * memory[place] + sigmoid(gates[place]) * gates[6 + place].tanh();
            }
            hidden = (0..3).map(|place| sigmoid(gates[9 + place]) * memory[place].tanh()).collect();
            hidden.clone()
        };
        passage.iter().map(step).collect()
    }

    #[test]
    fn states_are_those_of_the_equations_whatever_padding_there_is() {
        tch::manual_seed(3);
        let store = Parameters::double(5);
        let layer = layer(&store);
        let [passage, question] = [4, 3].map(|length| Tensor::randn([2, length, 2], (Kind::Double, Device::Cpu)));
        let lengths = ([4, 3], [3, 2]);
        let read = layer.read(&encoded(&passage, &lengths.0), &encoded(&question, &lengths.1));
        for row in 0..2usize {
            let rows =
                |tensor: &Tensor, length: i64| Vec::<Vec<f64>>::try_from(tensor.get(row as i64).narrow(0, 0, length)).unwrap();
            let (words, asked) = (rows(&passage, lengths.0[row]), rows(&question, lengths.1[row]));
            let forward = by_hand(&store.named(), &words, &asked, "forward");
            let turned: Vec<_> = words.iter().rev().cloned().collect();
            let mut backward = by_hand(&store.named(), &turned, &asked, "backward");
            backward.reverse();
            let found = rows(&read.states, lengths.0[row]);
            for (place, found) in found.iter().enumerate() {
                let expected = [forward[place].clone(), backward[place].clone()].concat();
                assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-9), "{row} {place}: {found:?} {expected:?}");
            }
        }
        for weights in &read.weights {
            let sums = weights.sum_dim_intlist([-1i64].as_slice(), false, Kind::Double);
            assert!(sums.allclose(&sums.ones_like(), 1e-9, 1e-9, false));
            assert_eq!(weights.get(1).select(1, 2).abs().max().double_value(&[]), 0.0, "padding of the question is not read");
        }
    }

    #[test]
    fn gradients_are_those_of_differences() {
        tch::manual_seed(4);
        let store = Parameters::double(6);
        let layer = layer(&store);
        let mut inputs = vec![leaf("passage", &[2, 3, 2]), leaf("question", &[2, 2, 2])];
        inputs.extend(store.named());
        let (passage, question) = (inputs[0].1.shallow_clone(), inputs[1].1.shallow_clone());
        check_gradients(&inputs, || {
            let read = layer.read(&encoded(&passage, &[3, 2]), &encoded(&question, &[1, 2]));
            read.states.narrow(1, 0, 2).square().sum(Kind::Double)
        });
    }
}
