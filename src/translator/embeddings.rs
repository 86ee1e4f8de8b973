//! What a model knows of words before it has read a sentence: their embeddings, positions, and the parameters of its score.

use anyhow::{Context, Result, bail, ensure};
use tch::{Kind, Tensor};

use super::Translator;
use crate::attention::calculator::TrainedScore;
use crate::input::quoted;
use crate::nn::{Sinusoids, sinusoids};
use crate::recipe::{DecoderKind, ModelRecipe, Positions};
use crate::text::special::UNK;

/// Whose words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Side {
    Source,
    Target,
}

/// A word by a model's embeddings.
#[derive(Debug)]
pub struct EmbeddedWord {
    pub word: String,
    /// Pieces that it has in the vocabulary, where it is the mean of several.
    pub pieces: Vec<String>,
    pub vector: Vec<f64>,
}

impl Side {
    pub fn name(self) -> &'static str {
        match self {
            Side::Source => "source",
            Side::Target => "target",
        }
    }
}

impl Translator {
    /// The words of a line by their embeddings, as the table has them: not scaled, and without positions.
    ///
    /// # Errors
    /// A line without words, and words that the vocabulary lacks.
    pub fn embed_words(&self, line: &str, side: Side) -> Result<Vec<EmbeddedWord>> {
        let tokenizer = match side {
            Side::Source => self.tokenizers.source(),
            Side::Target => self.tokenizers.target(),
        };
        let encoding = tokenizer.encode(line);
        let words = encoding.words_of(line);
        ensure!(!words.words.is_empty(), "expected words of the {} language, found {}", side.name(), quoted(line));
        let table = self.embeddings(side)?;
        let word = |(word, index): (String, u32)| {
            let pieces = words.of_pieces.iter().zip(&encoding.ids).filter(|(of, _)| **of == Some(index));
            let ids: Vec<i64> = pieces.map(|(_, &id)| i64::from(id)).collect();
            ensure!(
                !ids.is_empty() && !ids.contains(&i64::from(UNK)),
                "{} is not in the {} vocabulary of this model, which has {} pieces: ask with a word of its training corpus, or take another \
                 --side",
                quoted(&word),
                side.name(),
                tokenizer.size()
            );
            let rows = table.index_select(0, &Tensor::from_slice(&ids).to_device(table.device())); // [pieces, D]
            let mean = rows.to_kind(Kind::Double).mean_dim([0i64].as_slice(), false, Kind::Double);
            let pieces = ids.iter().map(|&id| tokenizer.piece(id as u32).to_owned()).collect();
            Ok(EmbeddedWord { word, pieces, vector: Vec::try_from(mean)? })
        };
        words.words.iter().cloned().zip(0..).map(word).collect()
    }

    /// The table [V, D] of a side, which may be that of both.
    fn embeddings(&self, side: Side) -> Result<Tensor> {
        let names = match side {
            Side::Source => ["source_embedding.weight", "encoder.embed_tokens.weight", "shared.weight"].as_slice(),
            Side::Target => {
                ["target_embedding.weight", "decoder.embed_tokens.weight", "source_embedding.weight", "shared.weight"].as_slice()
            }
        };
        let parameters = self.model.parameters();
        let found = names.iter().find_map(|name| {
            let suffix = |found: &str| found == *name || found.strip_suffix(name).is_some_and(|prefix| prefix.ends_with('.'));
            parameters.iter().find(|(found, _)| suffix(found))
        });
        let (_, table) = found.with_context(|| format!("this model has no {} embeddings", side.name()))?;
        Ok(table.detach())
    }

    /// The score that a recurrent model has learned; none where it has no attention or is a Transformer, whose heads have maps instead.
    pub fn trained_score(&self) -> Option<TrainedScore> {
        let ModelRecipe::Recurrent(recipe) = &self.config.model else { return None };
        const PREFIX: &str = "decoder.attention.";
        let parameters = self.model.parameters().into_iter();
        let weights = parameters.filter_map(|(name, tensor)| Some((name.strip_prefix(PREFIX)?.to_owned(), tensor.detach())));
        (recipe.decoder.kind != DecoderKind::None).then(|| TrainedScore {
            recipe: recipe.attention,
            maximum_length: recipe.maximum_length,
            weights: weights.collect(),
        })
    }

    /// What a Transformer adds to the embeddings of its first positions [L, D].
    ///
    /// # Errors
    /// Models that add nothing, and more positions than a learned table has.
    pub fn positions(&self, side: Side, length: i64) -> Result<Tensor> {
        let ModelRecipe::Transformer(recipe) = &self.config.model else {
            bail!("a recurrent model adds no positions: name a Transformer's run, or leave --model out");
        };
        let fixed = |layout| Ok(sinusoids(length, recipe.dimension, layout));
        match recipe.positions {
            Positions::Sinusoidal => fixed(Sinusoids::Interleaved),
            Positions::SinusoidalHalves => fixed(Sinusoids::Halves),
            Positions::Rotary => bail!(
                "this model adds no positions: it turns queries and keys (Su et al. 2021); name a run with sinusoidal or learned positions"
            ),
            Positions::Learned => {
                let part = if side == Side::Source { "encoder" } else { "decoder" };
                let name = format!("{part}.embed_positions.weight");
                let parameters = self.model.parameters();
                let found = parameters.iter().find(|(found, _)| found.ends_with(&name));
                let (_, table) = found.with_context(|| format!("this model has no parameter {name}"))?;
                let known = table.size()[0];
                ensure!(
                    length <= known,
                    "this model has learned {known} positions: give --length of at most that, found {length}"
                );
                Ok(table.detach().narrow(0, 0, length))
            }
        }
    }
}
