//! Word vectors, a bidirectional LSTM, a query vector and a classifier for each question.

use anyhow::Result;
use tch::{Device, Kind, Tensor};

use super::data::{Document, Known};
use crate::attention::{Attention, AttentionOptions, Encoded, QuerySteps};
use crate::nn::{CellInitialization, Embedding, ForwardContext, Initialization, Linear, Parameters, RecurrentStack, Weight};
use crate::recipe::{AttentionRecipe, CellKind, QueriesRecipe, ScoreKind};
use crate::text::special::PAD;

/// Documents as tensors.
pub struct Batch {
    /// [B, S]
    words: Tensor,
    lengths: Vec<i64>,
    /// For each question [B].
    classes: Vec<Tensor>,
}

/// What a model made of documents.
pub struct Read {
    /// For each question log p of its classes [B, C].
    pub logs: Vec<Tensor>,
    /// The weight that each question gave to each word [B, Q, S].
    pub weights: Tensor,
}

impl Batch {
    /// Of documents that have words.
    pub fn new(documents: &[&Document], known: &Known, device: Device) -> Self {
        let longest = documents.iter().map(|document| document.words.len()).max().unwrap_or(0);
        let ids = documents.iter().flat_map(|document| {
            let ids = document.words.iter().map(|word| known.vocabulary.id(word));
            ids.chain(std::iter::repeat_n(i64::from(PAD), longest - document.words.len()))
        });
        let classes = (0..known.asked.len()).map(|asked| {
            let classes: Vec<i64> = documents.iter().map(|document| document.classes[asked] as i64).collect();
            Tensor::from_slice(&classes).to_device(device)
        });
        Batch {
            words: Tensor::from_slice(&ids.collect::<Vec<_>>()).view([-1, longest as i64]).to_device(device),
            lengths: documents.iter().map(|document| document.words.len() as i64).collect(),
            classes: classes.collect(),
        }
    }

    /// How many words there are.
    pub fn tokens(&self) -> u64 {
        self.lengths.iter().sum::<i64>() as u64
    }
}

/// Sizes that a corpus decides.
pub struct Sizes {
    pub words: i64,
    /// Of each question.
    pub classes: Vec<i64>,
}

impl Sizes {
    pub fn of(known: &Known) -> Self {
        Sizes { words: known.vocabulary.len(), classes: known.asked.iter().map(|asked| asked.classes.len() as i64).collect() }
    }
}

pub struct QueryClassifier {
    words: Embedding,
    encoder: RecurrentStack,
    attention: Attention,
    /// One for each question, or one for all [Q or 1, D].
    queries: Weight,
    outputs: Vec<Linear>,
}

impl QueryClassifier {
    pub fn new(recipe: &QueriesRecipe, sizes: &Sizes, parameters: &Parameters) -> Result<Self> {
        let (scope, start) = (parameters.root(), Initialization::Xavier { gain: 1.0 });
        let cells = CellInitialization { input: start, recurrent: Initialization::Orthogonal };
        let QueriesRecipe { embedding, hidden, context, shared, .. } = *recipe;
        let attention = AttentionOptions {
            recipe: AttentionRecipe::of(ScoreKind::Additive, context),
            query: context,
            keys: 2 * hidden,
            maximum_length: 1,
            initialization: start,
            score_initialization: start,
            energy_initialization: start,
        };
        let queries = if shared { 1 } else { sizes.classes.len() as i64 };
        let output =
            |(number, &classes): (usize, &i64)| Linear::new(scope.sub(&format!("output{number}")), 2 * hidden, classes, start);
        Ok(QueryClassifier {
            words: Embedding::new(scope.sub("words"), sizes.words, embedding, Initialization::Normal(0.1)),
            encoder: RecurrentStack::new(scope.sub("encoder"), CellKind::Lstm, embedding, hidden, 1, true, cells),
            attention: Attention::new(scope.sub("attention"), &attention)?,
            queries: scope.tensor("queries", &[queries, context], Initialization::Normal(1.0)),
            outputs: sizes.classes.iter().enumerate().map(output).collect(),
        })
    }

    pub fn read(&self, batch: &Batch, pass: &ForwardContext) -> Read {
        let states = self.encoder.read(&self.words.forward(&batch.words), &batch.lengths, 0.0, pass).states; // [B, S, 2H]
        let encoded = Encoded { states, lengths: batch.lengths.clone() };
        let [rows, asked] = [batch.lengths.len(), self.outputs.len()].map(|count| count as i64);
        let lengths = Tensor::from_slice(&batch.lengths).to_device(encoded.states.device()).to_kind(encoded.states.kind());
        let prepared = self.attention.prepare(&encoded.states, &encoded.keep(), &lengths.unsqueeze(1));
        let queries = self.queries.unsqueeze(0).expand([rows, asked, self.queries.size()[1]], false); // [B, Q, D]
        let attended = self.attention.attend(&queries, &prepared, QuerySteps::Same(0), None);
        let log = |(asked, output): (usize, &Linear)| {
            output.forward(&attended.context.select(1, asked as i64)).log_softmax(-1, None::<Kind>) // [B, C]
        };
        Read { logs: self.outputs.iter().enumerate().map(log).collect(), weights: attended.weights }
    }
}

impl Read {
    /// -log p of the right classes, summed over questions and documents.
    pub fn cost(&self, batch: &Batch) -> Tensor {
        let each = self.logs.iter().zip(&batch.classes);
        let costs: Vec<Tensor> =
            each.map(|(logs, classes)| -logs.gather(1, &classes.unsqueeze(1), false).sum(logs.kind())).collect();
        Tensor::stack(&costs, 0).sum(costs[0].kind())
    }

    /// For each question the class of each document.
    pub fn answers(&self) -> Result<Vec<Vec<usize>>> {
        let of = |logs: &Tensor| {
            let classes: Vec<i64> = Vec::try_from(logs.argmax(-1, false))?;
            Ok(classes.into_iter().map(|class| class as usize).collect())
        };
        self.logs.iter().map(of).collect()
    }
}
