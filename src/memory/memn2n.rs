//! End-to-end memory networks (MemN2N; Sukhbaatar, Szlam, Weston and Fergus 2015): a question attends to a memory of sentences in
//! several hops, and the response of each hop is added to the query of the next. Nothing is ever written to the memory.
//!
//! With u¹ the question's vector, hop k scores the input memories m_i, mixes the output memories c_i and moves on (equations 1,
//! 2, 4):
//!
//! p_i = softmax_i(m_i · uᵏ), oᵏ = Σ p_i c_i, uᵏ⁺¹ = uᵏ + oᵏ
//!
//! The answer is softmax(W uᴷ⁺¹) over the vocabulary (equation 3). m_i and c_i are sums of word vectors from the tables A and C,
//! and of a vector for the sentence's distance from the question.

mod encoding;
mod story;

use tch::Tensor;

pub use story::Story;

use crate::nn::{Initialization, Linear, Scope, Weight, masked_softmax};
use crate::recipe::{TableTying, WordEncoding};

/// How a hop turns scores m · u into weights p.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryWeighting {
    /// p = softmax of the scores.
    Softmax,
    /// p = the scores as they are: the model of linear start, linear but for its answer (section 4.1).
    Linear,
}

/// Options of a [`MemN2N`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MemN2NOptions {
    /// V, special tokens included: words of sentences, questions and answers.
    pub vocabulary: i64,
    /// D, the width of memories and state.
    pub size: i64,
    /// K, how often the memory is read.
    pub hops: i64,
    pub tying: TableTying,
    /// Of layer-wise tying: uᵏ⁺¹ = H uᵏ + oᵏ with a learned H (section 2.2); without it uᵏ⁺¹ = uᵏ + oᵏ as for adjacent tying.
    pub linear_map: bool,
    pub encoding: WordEncoding,
    /// Slots of the memory. Those without a sentence hold zeros and take part in the softmax, so that a hop can attend to them where
    /// no sentence answers.
    pub slots: i64,
    /// Temporal encoding: the distance of a sentence from the question has a vector, one for each slot; sentences farther away
    /// share the last.
    pub temporal: bool,
    /// ReLU after each hop: uᵏ⁺¹ = max(0, uᵏ + oᵏ).
    pub rectified: bool,
    /// Of all parameters; the paper's is N(0, 0.1²).
    pub initialization: Initialization,
}

/// Vectors of words and of distances.
struct Table {
    /// [V, D]
    words: Weight,
    /// T_A or T_C [slots, D].
    distances: Option<Weight>,
}

impl Table {
    fn new(scope: Scope, options: &MemN2NOptions) -> Self {
        let tensor = |name: &str, rows| scope.tensor(name, &[rows, options.size], options.initialization);
        Table {
            words: tensor("words", options.vocabulary),
            distances: options.temporal.then(|| tensor("distances", options.slots)),
        }
    }
}

/// The model. Nothing in it changes between calls.
pub struct MemN2N {
    options: MemN2NOptions,
    /// Those of all memories: A¹, C¹ … Cᴷ, or A and C.
    tables: Vec<Table>,
    /// B and W [V, D], tied where tying says so.
    question: Weight,
    answer: Weight,
    /// H, of layer-wise tying with `linear_map`.
    between: Option<Linear>,
}

/// Output of all hops over a story.
pub struct MemN2NOutput {
    /// The state after the last hop, uᴷ⁺¹ [B, D].
    pub state: Tensor,
    /// For each hop the weight of each sentence, p [B, Z]: zero where nothing is kept. With softmax weights sum to one, empty slots
    /// included.
    pub weights: Vec<Tensor>,
}

impl MemN2N {
    pub fn new(scope: Scope, options: &MemN2NOptions) -> Self {
        let words = |name: &str| scope.tensor(name, &[options.vocabulary, options.size], options.initialization);
        let (tables, question, answer, between): (Vec<Table>, _, _, _) = match options.tying {
            TableTying::Adjacent => {
                let tables: Vec<Table> =
                    (0..=options.hops).map(|number| Table::new(scope.sub(&format!("table.{number}")), options)).collect();
                let [first, last] = [0, tables.len() - 1].map(|number| tables[number].words.tied());
                (tables, first, last, None)
            }
            TableTying::LayerWise => {
                let tables = ["input", "output"].map(|name| Table::new(scope.sub(name), options)).into();
                let between = options
                    .linear_map
                    .then(|| Linear::without_bias(scope.sub("between"), options.size, options.size, options.initialization));
                (tables, words("question"), words("answer"), between)
            }
        };
        MemN2N { options: *options, tables, question, answer, between }
    }

    /// Reads `story` with `question` [B, L'] (ids, padding behind): all hops.
    pub fn read(&self, story: &Story, question: &Tensor, reading: MemoryWeighting) -> MemN2NOutput {
        let memories = self.memories(story);
        let mut state = self.options.encoding.encode(question, &self.question, self.options.size); // [B, D]
        let mut weights = Vec::with_capacity(self.options.hops as usize);
        for hop in 0..self.options.hops as usize {
            let (input, output) = match self.options.tying {
                TableTying::Adjacent => (hop, hop + 1),
                TableTying::LayerWise => (0, 1),
            };
            let energy = memories[input].matmul(&state.unsqueeze(-1)).squeeze_dim(-1); // [B, Z]
            let weight = match reading {
                MemoryWeighting::Softmax => self.softmax(&energy, &story.keep),
                MemoryWeighting::Linear => energy * &story.keep,
            };
            let response = weight.unsqueeze(1).matmul(&memories[output]).squeeze_dim(1); // [B, D]
            let next = response + self.between.as_ref().map_or_else(|| state.shallow_clone(), |between| between.forward(&state));
            state = if self.options.rectified { next.relu() } else { next };
            weights.push(weight);
        }
        MemN2NOutput { state, weights }
    }

    /// Logits [B, V] of the answer, W u.
    pub fn answer(&self, state: &Tensor) -> Tensor {
        state.matmul(&self.answer.tr()) // [B, V]
    }

    /// Softmax of energies [B, Z] over the sentences that are kept and the slots that have none, whose energy is 0.
    fn softmax(&self, energy: &Tensor, keep: &Tensor) -> Tensor {
        let kept = keep.sum_dim_intlist([1i64].as_slice(), true, energy.kind()); // [B, 1]
        let empty: Tensor = self.options.slots - kept; // [B, 1]
        // n slots of energy 0 count as much as one of energy log n.
        let energies = Tensor::cat(&[energy, &empty.clamp_min(1).log()], 1); // [B, Z + 1]
        masked_softmax(&energies, &Tensor::cat(&[keep, &empty.gt(0)], 1)).narrow(1, 0, energy.size()[1]) // [B, Z]
    }

    /// Vectors of every sentence by each of X tables, [B, Z, D] each: zero where nothing is kept. N sentences are kept.
    fn memories(&self, story: &Story) -> Vec<Tensor> {
        let [stories, slots, length] = <[i64; 3]>::try_from(story.sentences.size()).expect("sentences are [B, Z, L]");
        // Stories differ much in length: only sentences that are there are encoded, by all tables in one go.
        let kept = story.keep.flatten(0, 1).nonzero().squeeze_dim(1); // [N]
        let ids = story.sentences.reshape([stories * slots, length]).index_select(0, &kept); // [N, L]
        let words: Vec<&Tensor> = self.tables.iter().map(|table| &*table.words).collect();
        let words = Tensor::cat(&words, 1); // [V, X·D]
        let mut vectors = self.options.encoding.encode(&ids, &words, self.options.size); // [N, X·D]
        let times: Vec<&Tensor> = self.tables.iter().filter_map(|table| table.distances.as_deref()).collect();
        if !times.is_empty() {
            let distances = story.distances().clamp_max(self.options.slots - 1).flatten(0, 1).index_select(0, &kept); // [N]
            vectors += Tensor::embedding(&Tensor::cat(&times, 1), &distances, -1, false, false); // [N, X·D]
        }
        let tables = self.tables.len() as i64;
        let empty = vectors.new_zeros([stories * slots, tables * self.options.size], (vectors.kind(), vectors.device()));
        let all = empty.index_copy(0, &kept, &vectors); // [B·Z, X·D]
        all.view([stories, slots, tables, self.options.size]).unbind(2) // X times [B, Z, D]
    }
}

#[cfg(test)]
mod tests;
