//! A checkpoint of the house as a Hugging Face Marian folder.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};
use tch::{Device, Tensor, no_grad};

use super::import::NEVER;
use super::vocabulary::Vocabulary;
use super::weights::single;
use crate::checkpoint::{Checkpoint, Config, Tokenizers};
use crate::checksum::Verify;
use crate::recipe::{
    Activation, EarlyStopping, LengthPenalty, ModelRecipe, NormPlace, Normalization, Positions, SearchRecipe, Start, Tied,
    TransformerRecipe,
};
use crate::runtime::files::Shown;
use crate::runtime::files::new_folder;
use crate::text::{Tokenizer, special};

/// Writes the model of a run folder or checkpoint to a new folder that `transformers` loads (`MarianMTModel`, `MarianTokenizer`) and
/// CTranslate2 converts. Returns what is worth knowing about it.
///
/// # Errors
/// A checkpoint that is not as it was written; a model or tokenizer that Marian has no form for, with all reasons at once; a folder that is already there.
pub fn export_huggingface(model: &Path, out: &Path, verify: Verify) -> Result<Vec<String>> {
    let checkpoint = Checkpoint::open(model, verify)?;
    let (config, tokenizers) = checkpoint.described()?;
    let folder = checkpoint.folder();
    let mut reasons = Vec::new();
    let ModelRecipe::Transformer(recipe) = &config.model else {
        bail!("{}: Marian is a Transformer; of the models of Targum only model.transformer can be exported", folder.shown());
    };
    reasons_of_model(recipe, &mut reasons);
    for (side, tokenizer) in sides(&tokenizers) {
        if tokenizer.sentencepiece().is_none() {
            reasons.push(format!(
                "the {side} tokenizer cuts at punctuation, which SentencePiece cannot; train with tokenizer.sentencepiece = true"
            ));
        }
    }
    let [source, target] = [tokenizers.source(), tokenizers.target()].map(pieces);
    let one = source == target;
    if recipe.tied == Tied::All && !one {
        reasons.push("both sides share their embeddings but not their vocabulary".into());
    }
    ensure!(
        reasons.is_empty(),
        "{}: Marian has no form for this model, {} reasons:\n  {}",
        folder.shown(),
        reasons.len(),
        reasons.join("\n  ")
    );

    let [source, target] = [source, target].map(|pieces| Vocabulary::of_house(&pieces, one));
    let built = checkpoint.model(&config, &tokenizers, Device::Cpu)?;
    if recipe.start == Start::Zero {
        // The model reads zeros there whatever a tied output layer made of the row.
        no_grad(|| decoder_tables(&built.parameters()).for_each(|table| drop(table.get(i64::from(special::BOS)).zero_())));
    }
    let weights = no_grad(|| weights(&built.parameters(), &source, &target));
    let mut notes = Vec::new();
    if recipe.encoder.heads != recipe.decoder.heads {
        notes.push("encoder and decoder have different numbers of heads: CTranslate2 takes the encoder's for both".into());
    }
    if !begins_with_zeros(&built.parameters()) {
        notes.push(
            "the decoder begins with a trained embedding: transformers translates alike, CTranslate2 begins with zeros".into(),
        );
    }
    let marian = marian_config(recipe, &source, &target);
    let generation = generation_config(recipe, &config.search, &source, &mut notes);
    if let Some(prefix) = &config.source_prefix {
        notes.push(format!("every source has to begin with {prefix}: transformers does not put it there by itself"));
    }
    new_folder(out, |folder| {
        write_json(folder, "config.json", &Value::Object(marian.clone()))?;
        write_json(folder, "generation_config.json", &generation)?;
        write_json(folder, "tokenizer_config.json", &tokenizer_config(&config, recipe, !one))?;
        write_json(folder, "vocab.json", &ids(&source))?;
        if !one {
            write_json(folder, "target_vocab.json", &ids(&target))?;
        }
        for (side, tokenizer) in sides(&tokenizers) {
            let file = tokenizer.sentencepiece().context("checked above")?;
            let path = folder.join(format!("{side}.spm"));
            std::fs::write(&path, file).with_context(|| format!("{}: cannot write", path.shown()))?;
        }
        write_weights(&weights, &folder.join("model.safetensors"))
    })?;
    Ok(notes)
}

fn sides(tokenizers: &Tokenizers) -> [(&'static str, &Tokenizer); 2] {
    [("source", tokenizers.source()), ("target", tokenizers.target())]
}

fn reasons_of_model(recipe: &TransformerRecipe, reasons: &mut Vec<String>) {
    let mut needs = |good: bool, key: &str, found: String, wanted: &str| {
        if !good {
            reasons.push(format!("model.transformer.{key} is {found}, Marian has {wanted}"));
        }
    };
    let spelled = |value: Value| value.to_string();
    needs(recipe.norm == NormPlace::Post, "norm", spelled(json!(recipe.norm)), "\"post\"");
    needs(recipe.normalization == Normalization::Layer, "normalization", spelled(json!(recipe.normalization)), "\"layer\"");
    needs(!recipe.normalize_embedding, "normalize_embedding", "true".into(), "false");
    let halves = recipe.positions == Positions::SinusoidalHalves;
    needs(halves, "positions", spelled(json!(recipe.positions)), "\"sinusoidal-halves\"");
    needs(!recipe.gated, "gated", "true".into(), "false");
}

fn pieces(tokenizer: &Tokenizer) -> Vec<String> {
    (0..tokenizer.size() as u32).map(|id| tokenizer.piece(id).to_owned()).collect()
}

/// Where the decoder reads embeddings.
fn decoder_tables(parameters: &[(String, Tensor)]) -> impl Iterator<Item = &Tensor> {
    let decoder = |name: &str| name == "model.shared.weight" || name == "model.decoder.embed_tokens.weight";
    parameters.iter().filter(move |(name, _)| decoder(name)).map(|(_, table)| table)
}

/// Whether what begins a target has an embedding of zeros.
fn begins_with_zeros(parameters: &[(String, Tensor)]) -> bool {
    let zeros = |table: &Tensor| table.get(i64::from(special::BOS)).count_nonzero(None).int64_value(&[]) == 0;
    decoder_tables(parameters).all(zeros)
}

/// Marian's decoder begins with the padding's embedding, so this becomes the row of what begins a target here.
fn weights(parameters: &[(String, Tensor)], source: &Vocabulary, target: &Vocabulary) -> Vec<(String, Tensor)> {
    let (pad, begin) = (i64::from(special::PAD), i64::from(special::BOS));
    let reorder =
        |tensor: &Tensor, vocabulary: &Vocabulary| tensor.index_select(0, &Tensor::from_slice(&vocabulary.order().inverse()));
    let mut weights = Vec::new();
    // Where the padding's embedding changes, its logit would too: then it is switched off.
    let mut pad_stays = true;
    for (name, tensor) in parameters {
        let tensor = single(tensor).detach().copy();
        let tensor = match name.as_str() {
            "model.encoder.embed_tokens.weight" => {
                let _ = tensor.get(pad).zero_();
                reorder(&tensor, source)
            }
            "model.shared.weight" | "model.decoder.embed_tokens.weight" | "lm_head.weight" => {
                let row = tensor.get(begin);
                if name != "lm_head.weight" {
                    pad_stays &= tensor.get(pad).equal(&row);
                    tensor.get(pad).copy_(&row);
                }
                reorder(&tensor, target)
            }
            _ => tensor,
        };
        weights.push((name.clone(), tensor));
    }
    for (_, bias) in weights.iter_mut().filter(|(name, _)| name == "final_logits_bias") {
        if !pad_stays {
            let _ = bias.get(pad).fill_(NEVER);
        }
        *bias = reorder(bias, target).unsqueeze(0);
    }
    weights
}

fn marian_config(recipe: &TransformerRecipe, source: &Vocabulary, target: &Vocabulary) -> Map<String, Value> {
    let (pad, eos) = (source.id("<pad>"), 0);
    let shared = recipe.tied == Tied::All;
    let config = json!({
        "architectures": ["MarianMTModel"],
        "model_type": "marian",
        "is_encoder_decoder": true,
        "d_model": recipe.dimension,
        "encoder_layers": recipe.encoder.layers,
        "encoder_attention_heads": recipe.encoder.heads,
        "encoder_ffn_dim": recipe.encoder.feed_forward,
        "decoder_layers": recipe.decoder.layers,
        "decoder_attention_heads": recipe.decoder.heads,
        "decoder_ffn_dim": recipe.decoder.feed_forward,
        "activation_function": match recipe.activation {
            Activation::Relu => "relu",
            Activation::Gelu => "gelu",
            Activation::Silu => "swish",
        },
        "dropout": recipe.dropout,
        "attention_dropout": recipe.attention_dropout,
        "activation_dropout": recipe.activation_dropout,
        "scale_embedding": recipe.scale_embeddings,
        "static_position_embeddings": true,
        "normalize_before": false,
        "normalize_embedding": false,
        "add_final_layer_norm": false,
        "add_bias_logits": false,
        "max_position_embeddings": recipe.maximum_length,
        "vocab_size": source.pieces.len(),
        "decoder_vocab_size": target.pieces.len(),
        "share_encoder_decoder_embeddings": shared,
        "tie_word_embeddings": recipe.tied != Tied::None,
        "pad_token_id": pad,
        "eos_token_id": eos,
        "forced_eos_token_id": eos,
        "decoder_start_token_id": pad,
        "torch_dtype": "float32",
    });
    match config {
        Value::Object(entries) => entries,
        _ => Map::new(),
    }
}

fn generation_config(recipe: &TransformerRecipe, search: &SearchRecipe, source: &Vocabulary, notes: &mut Vec<String>) -> Value {
    let pad = source.id("<pad>");
    // transformers counts the token that the decoder starts with and the end of sentence, and knows no ratio.
    let longest = match (search.maximum_length_ratio, search.maximum_length_offset) {
        (Some(0.0), Some(offset)) => offset as i64 + 2,
        _ => 512,
    };
    let length_penalty = match search.length_penalty {
        LengthPenalty::None => 0.0,
        LengthPenalty::Plain { alpha } => alpha,
        LengthPenalty::Wu { .. } => {
            notes.push("search.length_penalty is wu, which transformers does not know: exported as length_penalty = 1".into());
            1.0
        }
    };
    if search.coverage_penalty != 0.0 {
        notes.push("search.coverage_penalty is unknown to transformers and was left out".into());
    }
    json!({
        "num_beams": search.beam,
        "early_stopping": match search.early_stopping {
            EarlyStopping::First => json!(true),
            EarlyStopping::Heuristic => json!(false),
            EarlyStopping::Never => json!("never"),
        },
        "length_penalty": length_penalty,
        "max_length": longest.min(recipe.maximum_length),
        "bad_words_ids": [[pad]],
        "pad_token_id": pad,
        "eos_token_id": 0,
        "forced_eos_token_id": 0,
        "decoder_start_token_id": pad,
    })
}

fn tokenizer_config(config: &Config, recipe: &TransformerRecipe, separate: bool) -> Value {
    json!({
        "tokenizer_class": "MarianTokenizer",
        "source_lang": config.source,
        "target_lang": config.target,
        "unk_token": "<unk>",
        "eos_token": "</s>",
        "pad_token": "<pad>",
        "model_max_length": recipe.maximum_length,
        "separate_vocabs": separate,
        "clean_up_tokenization_spaces": false,
    })
}

fn ids(vocabulary: &Vocabulary) -> Value {
    Value::Object(vocabulary.pieces.iter().cloned().zip((0usize..).map(Value::from)).collect())
}

fn write_json(folder: &Path, name: &str, value: &Value) -> Result<()> {
    let path = folder.join(name);
    let text = serde_json::to_string_pretty(value)? + "\n";
    std::fs::write(&path, text).with_context(|| format!("{}: cannot write", path.shown()))
}

/// `transformers` asks for the framework in the file's metadata, which libtorch's writer leaves out.
fn write_weights(weights: &[(String, Tensor)], path: &Path) -> Result<()> {
    let mut bytes = Vec::new();
    for (name, tensor) in weights {
        let mut numbers = vec![0f32; tensor.numel()];
        tensor.f_copy_data(&mut numbers, tensor.numel())?;
        let shape: Vec<usize> = tensor.size().iter().map(|&size| size as usize).collect();
        bytes.push((name, shape, numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>()));
    }
    let views = bytes
        .iter()
        .map(|(name, shape, bytes)| {
            Ok((name.as_str(), safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes)?))
        })
        .collect::<Result<Vec<_>>>()?;
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    // The crate's own way to a file leaves one that nobody else may read.
    let file = safetensors::serialize(views, Some(metadata))?;
    std::fs::write(path, file).with_context(|| format!("{}: cannot write the weights", path.shown()))
}
