//! Word vectors, a hierarchical reader, and a linear classifier.

use anyhow::Result;
use tch::{Device, Kind, Tensor};

use super::grammar::{CLASSES, Document, vocabulary};
use crate::attention::{Documents, Hierarchical, HierarchicalOptions, HierarchicalOutput};
use crate::nn::{Embedding, Initialization, Linear, Parameters};
use crate::recipe::DocumentsRecipe;

/// Documents as tensors: N sentences in all.
pub struct Reports {
    /// [N, L]
    words: Tensor,
    lengths: Vec<i64>,
    sentences: Vec<i64>,
    /// [B]
    classes: Tensor,
}

impl Reports {
    pub fn new(documents: &[Document], device: Device) -> Self {
        let classes: Vec<i64> = documents.iter().map(|document| document.class as i64).collect();
        let sentences: Vec<_> = documents.iter().map(|document| document.sentences.as_slice()).collect();
        Reports { classes: Tensor::from_slice(&classes).to_device(device), ..Self::unclassified(&sentences, device) }
    }

    /// Documents without labels: all are given the first class.
    ///
    /// # Panics
    /// Words that are not in the vocabulary.
    pub fn unclassified(documents: &[&[Vec<&str>]], device: Device) -> Self {
        let vocabulary = vocabulary();
        let sentences: Vec<&Vec<&str>> = documents.iter().flat_map(|sentences| sentences.iter()).collect();
        let longest = sentences.iter().map(|sentence| sentence.len()).max().unwrap_or(0);
        let id = |word: &&str| vocabulary.binary_search(word).expect("every word is in the vocabulary") as i64;
        let words = sentences.iter().flat_map(|sentence| {
            // Padding is any word: lengths hide it.
            sentence.iter().map(id).chain(std::iter::repeat_n(0, longest - sentence.len()))
        });
        Reports {
            words: Tensor::from_slice(&words.collect::<Vec<_>>()).view([-1, longest as i64]).to_device(device),
            lengths: sentences.iter().map(|sentence| sentence.len() as i64).collect(),
            sentences: documents.iter().map(|sentences| sentences.len() as i64).collect(),
            classes: Tensor::zeros([documents.len() as i64], (Kind::Int64, device)),
        }
    }

    /// How many words there are.
    pub fn tokens(&self) -> u64 {
        self.lengths.iter().sum::<i64>() as u64
    }
}

pub struct DocumentClassifier {
    words: Embedding,
    reader: Hierarchical,
    output: Linear,
}

impl DocumentClassifier {
    pub fn new(recipe: &DocumentsRecipe, parameters: &Parameters) -> Result<Self> {
        let (scope, start) = (parameters.root(), Initialization::Xavier { gain: 1.0 });
        let options = HierarchicalOptions {
            words: recipe.embedding,
            word_hidden: recipe.hidden,
            sentence_hidden: recipe.hidden,
            context: recipe.context,
            pooling: recipe.pooling,
            initialization: start,
        };
        Ok(DocumentClassifier {
            words: Embedding::new(scope.sub("words"), vocabulary().len() as i64, recipe.embedding, Initialization::Normal(0.1)),
            reader: Hierarchical::new(scope.sub("reader"), &options)?,
            output: Linear::new(scope.sub("output"), 2 * recipe.hidden, CLASSES, start),
        })
    }

    /// log p of each class [B, classes], and the document vectors with their attention.
    pub fn classify(&self, reports: &Reports) -> Result<(Tensor, HierarchicalOutput)> {
        let words = self.words.forward(&reports.words); // [N, L, E]
        let documents = Documents { words: &words, lengths: &reports.lengths, sentences: &reports.sentences };
        let read = self.reader.read(&documents)?;
        let logs = self.output.forward(&read.vectors).log_softmax(-1, None::<Kind>); // [B, classes]
        Ok((logs, read))
    }

    /// -log p of the right classes, summed.
    pub fn cost(&self, reports: &Reports) -> Result<Tensor> {
        let (logs, _) = self.classify(reports)?;
        let log_likelihoods = logs.gather(1, &reports.classes.unsqueeze(1), false); // [B, 1]
        Ok(-log_likelihoods.sum(logs.kind()))
    }
}
