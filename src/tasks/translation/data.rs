//! The training pairs of a run: tokenizers, token index, batches.

use std::path::Path;

use anyhow::{Context, Result, anyhow};

use super::guided::GuidedAlignment;
use super::repeated::Repeated;
use super::tokenizers::{fingerprint, of_run, take_over, train};
use super::unknown::UnknownPieces;
use crate::checkpoint::Tokenizers;
use crate::corpus::{BatchPlan, BatchSize, IndexRequest, ParallelText, TokenIndex, length_limit};
use crate::recipe::{CorpusPath, DataRecipe, LengthLimit, Recipe, TextFiles};
use crate::runtime::message;
use crate::text::Unknown;
use crate::text::special::UNK;
use crate::translator::SourceEncoder;

/// Token ids of several lines.
type Sequences = Vec<Vec<u32>>;

/// Opens one of a recipe's corpora.
pub fn open(data: &DataRecipe, path: &CorpusPath) -> Result<ParallelText> {
    match path.text_files(&data.source, &data.target) {
        Ok(TextFiles::Pair { source, target }) => Ok(ParallelText::files(source, target)),
        Ok(TextFiles::Tsv(file)) => Ok(ParallelText::tsv(file)),
        Err(missing) => Err(anyhow!("{}", missing.join("\n"))),
    }
}

fn source_encoder<'a>(recipe: &Recipe, tokenizers: &'a Tokenizers) -> Result<SourceEncoder<'a>> {
    SourceEncoder::new(tokenizers.source(), recipe.data.source_prefix.as_deref())
}

/// Indexed training pairs and how they are batched.
pub struct TrainingData {
    index: TokenIndex,
    plan: BatchPlan,
}

impl TrainingData {
    /// Reads and checks the training text, makes what the run folder lacks, and says on standard error what was found.
    pub fn prepare(recipe: &Recipe, run_folder: &Path, resume: bool) -> Result<(Self, Tokenizers)> {
        let text = open(&recipe.data, &recipe.data.train)?;
        let tokenizers = match (&recipe.init, resume) {
            (_, true) => of_run(run_folder)?,
            (Some(init), false) => take_over(init, run_folder)?,
            (None, false) => train(recipe, &text, run_folder)?,
        };
        let sources = source_encoder(recipe, &tokenizers)?;
        let mut cut_by = fingerprint(run_folder)?;
        cut_by.extend(recipe.data.source_prefix.iter().flat_map(|prefix| prefix.bytes()));
        let request = IndexRequest {
            text: &text,
            filters: recipe.data.filters.clone(),
            tokenizers: &cut_by,
            vocabulary: tokenizers.source().size().max(tokenizers.target().size()),
            path: &run_folder.join("train.index"),
        };
        let (index, report) =
            TokenIndex::open_or_build(&request, |line| sources.encode(line).ids, |line| tokenizers.target().encode(line).ids)?;
        message!("{report}");
        let size = BatchSize { tokens: recipe.training.batch_tokens, sentences: None };
        let plan = BatchPlan::new(index.columns(), size);
        Ok((TrainingData { index, plan }, tokenizers))
    }

    /// How long translations may become, as far as the training pairs tell.
    pub fn length_limit(&self) -> LengthLimit {
        length_limit((0..self.index.len()).map(|pair| (self.index.source_length(pair), self.index.target_length(pair))))
    }

    /// The links of the training pairs, where a recipe teaches them.
    pub fn guided_alignment(&self, recipe: &Recipe, tokenizers: &Tokenizers) -> Result<Option<GuidedAlignment>> {
        let Some(guided) = recipe.training.guided_alignment.filter(|guided| guided.weight > 0.0) else { return Ok(None) };
        let file = recipe.data.alignment.as_ref().context("training.guided_alignment needs data.alignment")?;
        let lines = (0..self.index.len()).map(|pair| self.index.line(pair));
        let (sources, text) = (source_encoder(recipe, tokenizers)?, open(&recipe.data, &recipe.data.train)?);
        Ok(Some(GuidedAlignment::read(guided, file, &text, &sources, tokenizers.target(), lines)?))
    }

    /// Which unknown words the training pairs repeat, where a recipe copies.
    pub fn repeated(&self, recipe: &Recipe, tokenizers: &Tokenizers) -> Result<Option<Repeated>> {
        if !recipe.model.copies() {
            return Ok(None);
        }
        let lines = (0..self.index.len()).map(|pair| self.index.line(pair));
        let (sources, text) = (source_encoder(recipe, tokenizers)?, open(&recipe.data, &recipe.data.train)?);
        Ok(Some(Repeated::read(&text, &sources, tokenizers, lines)?))
    }

    /// How many pieces of the pairs that are trained on their vocabularies lack. Where these are many, words at the text's start are named.
    pub fn unknown(&self, recipe: &Recipe, tokenizers: &Tokenizers) -> Result<UnknownPieces> {
        const LINES: usize = 1000;
        let [source, target] = self.index.count(UNK)?.map(|(pieces, unknown)| Unknown::of(pieces, unknown));
        if !source.many() && !target.many() {
            return Ok(UnknownPieces { source, target });
        }
        let pairs = open(&recipe.data, &recipe.data.train)?.pairs()?.take(LINES).collect::<Result<Vec<_>>>()?;
        let first = UnknownPieces::count(tokenizers, pairs.iter().map(|(source, target)| (source.as_str(), target.as_str())));
        Ok(UnknownPieces { source: source.with_words_of(&first.source), target: target.with_words_of(&first.target) })
    }

    /// Padded pieces of a batch, and the cells of its attention: rows × source columns × target columns.
    pub fn memory_estimate(&self, batch: &[usize]) -> Vec<u64> {
        let widest = |length: &dyn Fn(usize) -> usize| batch.iter().map(|&pair| length(pair) + 1).max().unwrap_or(0) as u64;
        let (source, target) = (widest(&|pair| self.index.source_length(pair)), widest(&|pair| self.index.target_length(pair)));
        let rows = batch.len() as u64;
        vec![rows * (source + target), rows * source * target]
    }

    pub fn epoch(&self, seed: u64, epoch: u64) -> Vec<Vec<usize>> {
        self.plan.epoch(seed, epoch)
    }

    /// "29,000 pairs in 412 batches, 4.1 % padding".
    pub fn summary(&self) -> String {
        let batches = self.plan.epoch(0, 0);
        let padding = 100.0 * self.plan.padding(&batches);
        format!("{} pairs in {} batches an epoch, {padding:.1} % padding", self.index.len(), batches.len())
    }

    /// Source and target ids of a batch.
    ///
    /// # Errors
    /// Where another program wrote to the index.
    pub fn pairs(&self, batch: &[usize]) -> Result<(Sequences, Sequences)> {
        batch.iter().map(|&pair| Ok((self.index.source(pair)?, self.index.target(pair)?))).collect()
    }

    /// "31 pairs, longest source 40 pieces (line 17), longest target 44 pieces (line 17)".
    pub fn describe(&self, batch: &[usize]) -> String {
        let longest = |length: &dyn Fn(usize) -> usize| {
            let pair = batch.iter().copied().max_by_key(|&pair| length(pair)).unwrap_or_default();
            format!("{} pieces (line {})", length(pair), self.index.line(pair))
        };
        format!(
            "{} pairs, longest source {}, longest target {}",
            batch.len(),
            longest(&|pair| self.index.source_length(pair)),
            longest(&|pair| self.index.target_length(pair))
        )
    }
}
