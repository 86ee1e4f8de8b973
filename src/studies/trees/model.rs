//! An encoder of symbols without a recurrence, with or without self-attention, and an LSTM decoder that attends to it.

use anyhow::Result;
use tch::{Device, Kind, Tensor};

use super::formula::{Formula, ROOT, SYMBOLS};
use crate::attention::structured::{Parents, Syntactic};
use crate::attention::{Attention, AttentionOptions, AttentionOutput, QuerySteps};
use crate::nn::{CellInitialization, Embedding, ForwardContext, Initialization, Linear, Parameters, RecurrentStack};
use crate::recipe::{AttentionRecipe, CellKind, ScoreKind, SelfAttention, TreesRecipe};

/// Formulas as tensors.
pub struct Formulas {
    /// [B, S]
    sources: Tensor,
    /// Symbols of each source.
    pub lengths: Vec<i64>,
    /// [B, T]
    targets: Tensor,
    /// True where a target has a symbol [B, T].
    pub real: Tensor,
}

impl Formulas {
    pub fn new(formulas: &[Formula], device: Device) -> Self {
        let padded = |rows: &[Vec<i64>]| {
            let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
            let symbols = rows.iter().flat_map(|row| row.iter().copied().chain(std::iter::repeat_n(ROOT, longest - row.len())));
            Tensor::from_slice(&symbols.collect::<Vec<_>>()).view([rows.len() as i64, longest as i64]).to_device(device)
        };
        let sources: Vec<Vec<i64>> = formulas.iter().map(Formula::prefix).collect();
        let targets: Vec<Vec<i64>> = formulas.iter().map(Formula::infix).collect();
        let longest = targets.iter().map(Vec::len).max().unwrap_or(0);
        let real: Vec<bool> = targets.iter().flat_map(|target| (0..longest).map(|step| step < target.len())).collect();
        Formulas {
            sources: padded(&sources),
            lengths: sources.iter().map(|source| source.len() as i64).collect(),
            targets: padded(&targets),
            real: Tensor::from_slice(&real).view([formulas.len() as i64, longest as i64]).to_device(device),
        }
    }

    /// One formula with a target of one's own, its end included.
    pub fn with_target(formula: &Formula, target: &[i64], device: Device) -> Self {
        let targets = Tensor::from_slice(target).unsqueeze(0).to_device(device); // [1, T]
        Formulas { real: targets.ones_like().to_kind(Kind::Bool), targets, ..Self::new(std::slice::from_ref(formula), device) }
    }

    /// How many symbols the targets have.
    pub fn terms(&self) -> u64 {
        self.real.sum(Kind::Int64).int64_value(&[]) as u64
    }
}

/// Symbols x_j, joined with what they attend to: x̂_j = [x_j; Σ_h p(h is the parent of j) x_h] (Kim et al. 2017, section 4.1).
pub struct ParsingModel {
    symbols: Embedding,
    parser: Option<Parser>,
    targets: Embedding,
    decoder: RecurrentStack,
    attention: Attention,
    combine: Linear,
    output: Linear,
}

/// Where potentials come from: a bidirectional LSTM over the same symbols.
struct Parser {
    reader: RecurrentStack,
    syntactic: Syntactic,
    parents: Parents,
}

/// What a model made of some formulas.
pub struct Transduced {
    /// log p of every symbol at every step [B, T, V], given the right ones before it.
    logs: Tensor,
    /// Attention of the decoder [B, T, S].
    pub attention: Tensor,
    /// Which symbol each symbol has as its parent [B, S, S], where the encoder attends.
    pub parents: Option<Tensor>,
}

impl ParsingModel {
    pub fn new(recipe: &TreesRecipe, parameters: &Parameters) -> Result<Self> {
        let scope = parameters.root();
        let TreesRecipe { embedding, parser, hidden, .. } = *recipe;
        let xavier = Initialization::Xavier { gain: 1.0 };
        let cell = CellInitialization { input: xavier, recurrent: Initialization::Orthogonal };
        let parents = match recipe.attention {
            SelfAttention::None => None,
            SelfAttention::Simple => Some(Parents::Softmax),
            SelfAttention::Structured => Some(Parents::Tree),
        };
        let keys = if parents.is_some() { 2 * embedding } else { embedding };
        let parser = match parents {
            None => None,
            Some(parents) => Some(Parser {
                reader: RecurrentStack::new(scope.sub("reader"), CellKind::Lstm, embedding, parser, 1, true, cell),
                syntactic: Syntactic::new(scope.sub("syntactic"), 2 * parser, parser, xavier)?,
                parents,
            }),
        };
        let attention = AttentionOptions {
            recipe: AttentionRecipe::of(ScoreKind::General, hidden),
            query: hidden,
            keys,
            maximum_length: 1,
            initialization: xavier,
            score_initialization: xavier,
            energy_initialization: xavier,
        };
        let spread = Initialization::Normal(0.1);
        Ok(ParsingModel {
            symbols: Embedding::new(scope.sub("symbols"), SYMBOLS, embedding, spread),
            parser,
            targets: Embedding::new(scope.sub("targets"), SYMBOLS, embedding, spread),
            decoder: RecurrentStack::new(scope.sub("decoder"), CellKind::Lstm, embedding, hidden, 1, false, cell),
            attention: Attention::new(scope.sub("attention"), &attention)?,
            combine: Linear::without_bias(scope.sub("combine"), keys + hidden, hidden, xavier),
            output: Linear::new(scope.sub("output"), hidden, SYMBOLS, xavier),
        })
    }

    /// Source representations [B, S, D], of D = E numbers or, with self-attention, 2·E; and the weights of parents [B, S, S].
    fn encode(&self, formulas: &Formulas) -> Result<(Tensor, Option<Tensor>)> {
        let symbols = self.symbols.forward(&formulas.sources); // [B, S, E]
        let Some(Parser { reader, syntactic, parents }) = &self.parser else { return Ok((symbols, None)) };
        let states = reader.read(&symbols, &formulas.lengths, 0.0, &ForwardContext::evaluation()).states; // [B, S, 2·parser]
        let weights = syntactic.weights(&states, &formulas.lengths, *parents)?; // [B, S, S]
        let joined = Tensor::cat(&[&symbols, &weights.matmul(&symbols)], 2); // [B, S, 2·E]
        Ok((joined, Some(weights)))
    }

    /// Teacher forcing over whole targets.
    pub fn transduce(&self, formulas: &Formulas) -> Result<Transduced> {
        let (memory, parents) = self.encode(formulas)?; // [B, S, D], [B, S, S]
        let (rows, steps) = (formulas.targets.size()[0], formulas.targets.size()[1]);
        let lengths = Tensor::from_slice(&formulas.lengths).to_device(memory.device()).unsqueeze(1); // [B, 1]
        let positions = Tensor::arange(memory.size()[1], (Kind::Int64, memory.device())); // [S]
        let keep = positions.unsqueeze(0).lt_tensor(&lengths); // [B, S]
        let start = Tensor::full([rows, 1], ROOT, (Kind::Int64, memory.device()));
        let inputs = Tensor::cat(&[start, formulas.targets.narrow(1, 0, steps - 1)], 1); // [B, T]
        let embedded = self.targets.forward(&inputs); // [B, T, E]
        let zeros = self.decoder.zero_states(rows);
        let states = self.decoder.run(&embedded, &zeros, 0.0, &ForwardContext::evaluation()).states; // [B, T, H]
        let prepared = self.attention.prepare(&memory, &keep, &lengths.to_kind(Kind::Float));
        // [B, T, D], [B, T, S]
        let AttentionOutput { context, weights } = self.attention.attend(&states, &prepared, QuerySteps::From(0), None);
        let features = self.combine.forward(&Tensor::cat(&[context, states], -1)).tanh(); // [B, T, H]
        let logs = self.output.forward(&features).log_softmax(-1, None::<Kind>); // [B, T, V]
        Ok(Transduced { logs, attention: weights, parents })
    }
}

impl Transduced {
    /// -log p of the targets, summed over all.
    pub fn cost(&self, formulas: &Formulas) -> Tensor {
        let log_likelihoods = self.logs.gather(2, &formulas.targets.unsqueeze(2), false).squeeze_dim(2); // [B, T]
        -(&log_likelihoods * &formulas.real).sum(log_likelihoods.kind())
    }

    /// The likeliest symbol at every step [B, T], given the target's symbols before it.
    pub fn likeliest(&self) -> Tensor {
        self.logs.argmax(-1, false) // [B, T]
    }

    /// For each formula the share of its target that comes before the first wrong symbol. Up to there all symbols before were right, so that
    /// this is what the model writes by itself.
    pub fn shares_to_failure(&self, formulas: &Formulas) -> Vec<f64> {
        let right = self.likeliest().eq_tensor(&formulas.targets).logical_and(&formulas.real); // [B, T]
        let until = right.to_kind(Kind::Double).cumprod(1, Kind::Double); // [B, T]
        let until = until.sum_dim_intlist([1i64].as_slice(), false, Kind::Double); // [B]
        let lengths = formulas.real.sum_dim_intlist([1i64].as_slice(), false, Kind::Double); // [B]
        Vec::try_from(until / lengths).expect("shares are a list of numbers")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::numerical::check_gradients;
    use crate::studies::random::RandomGenerator;

    fn recipe(attention: SelfAttention) -> TreesRecipe {
        TreesRecipe { attention, embedding: 3, parser: 2, hidden: 3, ..TreesRecipe::default() }
    }

    fn drawn() -> Vec<Formula> {
        [1, 2, 1]
            .iter()
            .enumerate()
            .map(|(number, &depth)| Formula::draw(depth, &mut RandomGenerator::new(5, number as u64)))
            .collect()
    }

    #[test]
    fn neighbours_in_a_batch_change_nothing() {
        let formulas = drawn();
        for attention in [SelfAttention::None, SelfAttention::Simple, SelfAttention::Structured] {
            let model = ParsingModel::new(&recipe(attention), &Parameters::double(1)).unwrap();
            let together = Formulas::new(&formulas, Device::Cpu);
            let sum = model.transduce(&together).unwrap().cost(&together).double_value(&[]);
            let alone = formulas.iter().map(|formula| {
                let formulas = Formulas::new(std::slice::from_ref(formula), Device::Cpu);
                model.transduce(&formulas).unwrap().cost(&formulas).double_value(&[])
            });
            assert!((alone.sum::<f64>() - sum).abs() < 1e-9);
        }
    }

    #[test]
    fn without_attention_the_order_of_the_source_is_not_seen() {
        let turned = |formula: &Formula| {
            let Formula::Operation { operator, operands } = formula else { panic!("formulas are operations") };
            Formula::Operation { operator: *operator, operands: operands.iter().rev().cloned().collect() }
        };
        for (attention, sees) in [(SelfAttention::None, false), (SelfAttention::Simple, true), (SelfAttention::Structured, true)]
        {
            let model = ParsingModel::new(&recipe(attention), &Parameters::double(1)).unwrap();
            let formula = Formula::draw(2, &mut RandomGenerator::new(5, 1));
            let target = Formulas::new(std::slice::from_ref(&formula), Device::Cpu);
            let source = Formulas::new(&[turned(&formula)], Device::Cpu);
            let mixed = Formulas { sources: source.sources, ..Formulas::new(std::slice::from_ref(&formula), Device::Cpu) };
            let cost = |formulas: &Formulas| model.transduce(formulas).unwrap().cost(formulas).double_value(&[]);
            assert_eq!((cost(&target) - cost(&mixed)).abs() > 1e-9, sees);
        }
    }

    #[test]
    fn gradients_are_those_of_differences() {
        let formulas = Formulas::new(&drawn()[..1], Device::Cpu);
        for attention in [SelfAttention::Simple, SelfAttention::Structured] {
            let store = Parameters::double(2);
            let model = ParsingModel::new(&recipe(attention), &store).unwrap();
            check_gradients(&store.named(), || model.transduce(&formulas).unwrap().cost(&formulas));
        }
    }

    #[test]
    fn a_share_ends_at_the_first_failure() {
        let formulas = Formulas::new(&drawn(), Device::Cpu);
        let (rows, steps) = (3, formulas.targets.size()[1]);
        let predicted = formulas.targets.copy();
        // The first is right but for its third symbol, the second all right, the third wrong at once.
        let _ = predicted.get(0).get(2).fill_(SYMBOLS - 1 - formulas.targets.int64_value(&[0, 2]));
        let _ = predicted.get(2).get(0).fill_(SYMBOLS - 1 - formulas.targets.int64_value(&[2, 0]));
        let logs = predicted.one_hot(SYMBOLS).to_kind(Kind::Double);
        let transduced =
            Transduced { logs, attention: Tensor::zeros([rows, steps, 1], (Kind::Double, Device::Cpu)), parents: None };
        let length = drawn()[0].infix().len() as f64;
        assert_eq!(transduced.shares_to_failure(&formulas), [2.0 / length, 1.0, 0.0]);
    }
}
