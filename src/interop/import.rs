//! A Hugging Face Marian folder as a checkpoint of the house.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use tch::Tensor;

use super::config::{MarianConfig, object};
use super::vocabulary::{Order, Vocabulary};
use super::weights;
use crate::checkpoint::{Config, Tokenizers};
use crate::checksum::write_checksums;
use crate::input::{listed, quoted};
use crate::model::parameter_shapes;
use crate::nn::save_weights;
use crate::recipe::{ModelRecipe, Start, Tied};
use crate::runtime::files::Shown;
use crate::runtime::files::new_folder;
use crate::text::Tokenizer;
use crate::text::sentencepiece::{ModelProto, PieceType, read_model};
use crate::text::special;

/// Makes a token that Marian does not have improbable beyond doubt.
pub const NEVER: f64 = -1e9;

/// A model that was read, with what can be said of it.
pub struct Imported {
    pub config: Config,
    pub tokenizers: Tokenizers,
    /// Names and weights as the house has them.
    pub weights: Vec<(String, Tensor)>,
    /// For people: what they may want to know.
    pub notes: Vec<String>,
}

/// Reads a folder; `to` is the language code that a model with several target languages needs.
///
/// # Errors
/// Files that are missing or broken, another architecture, and everything that does not fit together: names, shapes, options and sizes of
/// vocabularies, all in one error. Weights that are not finite. A language that the model does not know.
pub fn import(folder: &Path, to: Option<&str>) -> Result<Imported> {
    let missing = missing_files(folder);
    ensure!(missing.is_empty(), "{}: not a whole Marian folder:\n  {}", folder.shown(), missing.join("\n  "));
    let mut problems = Vec::new();
    let marian = MarianConfig::read(folder, &mut problems)?;
    let source = Side::read(folder, "source.spm", "vocab.json", &mut problems)?;
    let shared = marian.model.tied == Tied::All;
    let separate = !shared && folder.join("target_vocab.json").exists();
    let target = Side::read(folder, "target.spm", if separate { "target_vocab.json" } else { "vocab.json" }, &mut problems)?;
    for (side, size, key) in
        [(&source, marian.source_vocabulary, "vocab_size"), (&target, marian.target_vocabulary, "decoder_vocab_size")]
    {
        side.check(size, if shared { "vocab_size" } else { key }, &marian, &mut problems);
    }
    let mut tensors = weights::read(folder)?;
    let mut wanted = weights::names(&marian.model, marian.source_vocabulary, marian.target_vocabulary);
    weights::check(&mut tensors, &mut wanted, &marian.model, &mut problems);
    problems.dedup();
    ensure!(
        problems.is_empty(),
        "{}: this Marian folder cannot be imported, {} problems:{}",
        folder.shown(),
        problems.len(),
        listed(&problems)
    );

    let mut model = marian.model.clone();
    let decoder_embedding = if shared { "model.shared.weight" } else { "model.decoder.embed_tokens.weight" };
    let start_row = tensors[decoder_embedding].get(marian.decoder_start as i64);
    let begins_with_zero = start_row.abs().max().double_value(&[]) == 0.0;
    model.start = if begins_with_zero { Start::Zero } else { Start::Token };
    let (source_order, target_order) = (source.vocabulary.order(), target.vocabulary.order());
    let mut renamed = Vec::new();
    for name in wanted.into_keys() {
        let tensor = &tensors[&name];
        let rows = |order: &Order, filler| order.rows(tensor, filler);
        let tensor = match name.as_str() {
            "final_logits_bias" => {
                let bias = target_order.rows(&tensor.view([-1]), NEVER);
                if marian.renormalise {
                    let _ = bias.get(i64::from(special::PAD)).fill_(NEVER);
                }
                bias
            }
            "model.encoder.embed_tokens.weight" => rows(&source_order, 0.0),
            "model.shared.weight" | "model.decoder.embed_tokens.weight" | "lm_head.weight" => {
                let table = rows(&target_order, 0.0);
                if name == decoder_embedding && model.start == Start::Token {
                    table.get(i64::from(special::BOS)).copy_(&start_row);
                }
                table
            }
            _ => tensor.shallow_clone(),
        };
        renamed.push((name, tensor));
    }

    let mut notes = source.notes();
    notes.extend(target.notes());
    let tokenizers = if shared && source.file == target.file {
        Tokenizers::Joint(Box::new(source.tokenizer()?))
    } else {
        Tokenizers::Separate { source: Box::new(source.tokenizer()?), target: Box::new(target.tokenizer()?) }
    };
    let prefix = language(&source.vocabulary, to)?;
    let codes = object(&folder.join("tokenizer_config.json")).unwrap_or_default();
    let code = |key: &str, otherwise: &str| codes.get(key).and_then(|code| code.as_str()).unwrap_or(otherwise).to_owned();
    let config = Config {
        source: code("source_lang", "source"),
        target: to.map_or_else(|| code("target_lang", "target"), str::to_owned),
        source_prefix: prefix,
        ..Config::of_model(ModelRecipe::Transformer(model), marian.search, &tokenizers)
    };
    let imported = Imported { config, tokenizers, weights: renamed, notes };
    imported.config.ensure_valid(&folder.join("config.json"))?;
    imported.check()?;
    Ok(imported)
}

impl Imported {
    /// The model that the config describes has exactly these weights.
    fn check(&self) -> Result<()> {
        let mut expected = parameter_shapes(&self.config.model, self.config.vocabularies(&self.tokenizers))?.parameters;
        let mut found: Vec<(String, Vec<i64>)> =
            self.weights.iter().map(|(name, tensor)| (name.clone(), tensor.size())).collect();
        expected.sort();
        found.sort();
        ensure!(expected == found, "the weights are not those of the model that config.json describes");
        Ok(())
    }

    /// Writes a checkpoint folder; the folder appears whole or not at all.
    ///
    /// # Errors
    /// The folder is already there, or cannot be written.
    pub fn save(&self, out: &Path) -> Result<()> {
        new_folder(out, |folder| {
            self.config.save(folder)?;
            self.tokenizers.save(folder)?;
            save_weights(&self.weights, folder)?;
            write_checksums(folder)
        })
    }
}

fn missing_files(folder: &Path) -> Vec<String> {
    let absent = |name: &&str| !folder.join(name).is_file();
    let mut missing: Vec<String> = ["config.json", "source.spm", "target.spm", "vocab.json"]
        .into_iter()
        .filter(absent)
        .map(|name| format!("{name} is missing"))
        .collect();
    if ["model.safetensors", "pytorch_model.bin"].iter().all(absent) {
        missing.push("model.safetensors is missing, and there is no pytorch_model.bin either".into());
    }
    missing
}

/// One side's SentencePiece model and vocabulary.
struct Side {
    model: ModelProto,
    file: Vec<u8>,
    model_name: &'static str,
    vocabulary: Vocabulary,
    vocabulary_name: &'static str,
}

impl Side {
    fn read(folder: &Path, model_name: &'static str, vocabulary_name: &'static str, problems: &mut Vec<String>) -> Result<Self> {
        let (model, file) = read_model(&folder.join(model_name))?;
        let vocabulary = Vocabulary::read(&folder.join(vocabulary_name))?;
        for piece in ["<pad>", "<unk>", "</s>"].into_iter().filter(|piece| vocabulary.id(piece).is_none()) {
            problems.push(format!("{vocabulary_name}: no piece {piece}"));
        }
        Ok(Side { model, file, model_name, vocabulary, vocabulary_name })
    }

    fn check(&self, size: usize, key: &str, marian: &MarianConfig, problems: &mut Vec<String>) {
        let found = self.vocabulary.pieces.len();
        if found != size {
            problems.push(format!("{}: {found} pieces, but config.json has {key} = {size}", self.vocabulary_name));
        }
        for (key, id, piece) in [("pad_token_id", marian.pad, "<pad>"), ("eos_token_id", marian.eos, "</s>")] {
            if self.vocabulary.id(piece).is_some_and(|other| other != id) {
                let there = self.vocabulary.pieces.get(id).map_or("no piece".to_owned(), |piece| quoted(piece));
                problems
                    .push(format!("config.json: {key} is {id}, which is {there} in {}, expected {piece}", self.vocabulary_name));
            }
        }
        if marian.decoder_start >= size {
            problems.push(format!("config.json: decoder_start_token_id is {}, expected less than {size}", marian.decoder_start));
        }
        let (known, all) = self.known();
        if 2 * known < all {
            problems.push(format!("{}: only {known} of the {all} pieces of {} are in it", self.vocabulary_name, self.model_name));
        }
    }

    /// How many of the pieces that text is cut into have an id, and how many there are.
    fn known(&self) -> (usize, usize) {
        let listed: std::collections::HashSet<&str> = self.vocabulary.pieces.iter().map(String::as_str).collect();
        let in_text = self.model.pieces.iter().filter(|piece| matches!(piece.kind, PieceType::Normal | PieceType::UserDefined));
        in_text.fold((0, 0), |(known, all), piece| (known + usize::from(listed.contains(piece.text.as_str())), all + 1))
    }

    fn notes(&self) -> Vec<String> {
        let (known, all) = self.known();
        if known == all {
            return Vec::new();
        }
        vec![format!(
            "{} of the {all} pieces of {} are not in {} and read as unknown",
            all - known,
            self.model_name,
            self.vocabulary_name
        )]
    }

    fn tokenizer(&self) -> Result<Tokenizer> {
        Tokenizer::from_sentencepiece(&self.file, &self.vocabulary.ordinary()).with_context(|| self.model_name)
    }
}

/// The tag that every source begins with.
fn language(vocabulary: &Vocabulary, to: Option<&str>) -> Result<Option<String>> {
    let known = vocabulary.languages();
    match to {
        None if known.is_empty() => Ok(None),
        None => bail!("this model translates into several languages; name one with --to: {}", languages(&known)),
        Some(code) if known.contains(&code) => Ok(Some(format!(">>{code}<<"))),
        Some(code) if known.is_empty() => bail!("--to {code}: this model has one target language and no tags; leave --to out"),
        Some(code) => bail!("--to {code}: this model has no such language; it has {}", languages(&known)),
    }
}

/// The first hundred codes, which is more than a model has.
fn languages(codes: &[&str]) -> String {
    let more = if codes.len() > 100 { ", …" } else { "" };
    codes.iter().take(100).map(|code| code.escape_debug().take(20).collect::<String>()).collect::<Vec<_>>().join(", ") + more
}
