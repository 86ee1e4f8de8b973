//! Word vectors, an LSTM over passage and question, a match-LSTM, and a pointer to both ends of the answer.

use anyhow::Result;
use tch::{Device, Kind, Tensor};

use super::data::Example;
use crate::attention::{BoundaryPointer, Encoded, MatchLstm, MatchLstmOptions};
use crate::nn::{CellInitialization, Embedding, ForwardContext, Initialization, Parameters, RecurrentStack};
use crate::recipe::{CellKind, ReadingRecipe};
use crate::studies::vocabulary::Vocabulary;
use crate::text::special::PAD;

/// Ids of sequences of words [B, S], padding behind, and their lengths.
struct Ids {
    words: Tensor,
    lengths: Vec<i64>,
}

/// Passages with questions as tensors.
pub struct Batch {
    passage: Ids,
    question: Ids,
    /// Where the answers begin and end [B].
    ends: [Tensor; 2],
}

/// What a reader made of a batch.
pub struct Read {
    /// log p(start) and log p(end) of each word of the passage [B, P].
    pub ends: [Tensor; 2],
    /// As [`crate::attention::Matched::weights`].
    pub weights: [Tensor; 2],
}

impl Ids {
    fn new<'a>(texts: impl Iterator<Item = &'a [String]>, vocabulary: &Vocabulary, device: Device) -> Self {
        let rows: Vec<&[String]> = texts.collect();
        let longest = rows.iter().map(|row| row.len()).max().unwrap_or(0);
        let ids = rows.iter().flat_map(|row| {
            let words = row.iter().map(|word| vocabulary.id(&word.to_lowercase()));
            words.chain(std::iter::repeat_n(i64::from(PAD), longest - row.len()))
        });
        Ids {
            words: Tensor::from_slice(&ids.collect::<Vec<_>>()).view([-1, longest as i64]).to_device(device),
            lengths: rows.iter().map(|row| row.len() as i64).collect(),
        }
    }
}

impl Batch {
    /// Of examples whose passages and questions have words.
    pub fn new(examples: &[&Example], vocabulary: &Vocabulary, device: Device) -> Self {
        let places = |place: fn(&Example) -> usize| {
            let places: Vec<i64> = examples.iter().map(|example| place(example) as i64).collect();
            Tensor::from_slice(&places).to_device(device)
        };
        Batch {
            passage: Ids::new(examples.iter().map(|example| example.passage.as_slice()), vocabulary, device),
            question: Ids::new(examples.iter().map(|example| example.question.as_slice()), vocabulary, device),
            ends: [places(|example| example.span.0), places(|example| example.span.1)],
        }
    }

    /// Words of all passages and questions.
    pub fn tokens(&self) -> u64 {
        self.passage.lengths.iter().chain(&self.question.lengths).sum::<i64>() as u64
    }
}

pub struct Reader {
    words: Embedding,
    encoder: RecurrentStack,
    matching: MatchLstm,
    pointer: BoundaryPointer,
    dropout: f64,
}

impl Reader {
    pub fn new(recipe: &ReadingRecipe, vocabulary: i64, parameters: &Parameters) -> Result<Self> {
        let (scope, start) = (parameters.root(), Initialization::Xavier { gain: 1.0 });
        let cells = CellInitialization { input: start, recurrent: Initialization::Orthogonal };
        let ReadingRecipe { embedding, hidden, bidirectional, dropout, .. } = *recipe;
        let directions = if bidirectional { 2 } else { 1 };
        let options = MatchLstmOptions { states: directions * hidden, hidden, initialization: start };
        Ok(Reader {
            words: Embedding::new(scope.sub("words"), vocabulary, embedding, Initialization::Normal(0.1)),
            encoder: RecurrentStack::new(scope.sub("encoder"), CellKind::Lstm, embedding, hidden, 1, bidirectional, cells),
            matching: MatchLstm::new(scope.sub("matching"), &options)?,
            pointer: BoundaryPointer::new(scope.sub("answer"), 2 * hidden, hidden, start)?,
            dropout,
        })
    }

    pub fn read(&self, batch: &Batch, pass: &ForwardContext) -> Read {
        let (passage, question) = (self.encode(&batch.passage, pass), self.encode(&batch.question, pass));
        let matched = self.matching.read(&passage, &question);
        let states = pass.dropout(&matched.states, self.dropout); // [B, P, 2H]
        Read { ends: self.pointer.point(&states, &passage.keep()), weights: matched.weights }
    }

    fn encode(&self, ids: &Ids, pass: &ForwardContext) -> Encoded {
        let words = pass.dropout(&self.words.forward(&ids.words), self.dropout); // [B, S, E]
        let states = self.encoder.read(&words, &ids.lengths, 0.0, pass).states; // [B, S, D]
        Encoded { states: pass.dropout(&states, self.dropout), lengths: ids.lengths.clone() }
    }
}

impl Read {
    /// -log p(start) - log p(end) of the right answers, summed (equation 13).
    pub fn cost(&self, batch: &Batch) -> Tensor {
        let of = |end: usize| self.ends[end].gather(1, &batch.ends[end].unsqueeze(1), false).sum(self.ends[end].kind());
        -(of(0) + of(1))
    }

    /// p(start) and p(end) of each word of the passages, padding left out.
    pub fn probabilities(&self, batch: &Batch) -> Result<Vec<[Vec<f64>; 2]>> {
        let [starts, ends] = [0, 1].map(|end| Vec::<Vec<f64>>::try_from(self.ends[end].exp().to_kind(Kind::Double)));
        let rows = starts?.into_iter().zip(ends?).zip(&batch.passage.lengths);
        Ok(rows
            .map(|((mut starts, mut ends), &length)| {
                starts.truncate(length as usize);
                ends.truncate(length as usize);
                [starts, ends]
            })
            .collect())
    }
}
