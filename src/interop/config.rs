//! `config.json` of a Marian folder: every option checked, all problems gathered.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use crate::input::{plain, quoted, read_text};
use crate::recipe::{
    Activation, EarlyStopping, LayersRecipe, LengthPenalty, NormPlace, Normalization, Positions, SearchRecipe, Start, Tied,
    TransformerRecipe,
};
use crate::runtime::files::Shown;

/// Every layer has two dozen names, which are looked for one by one.
const MOST_LAYERS: i64 = 1024;

/// Largest `config.json`.
const MOST_BYTES: u64 = 16 << 20;

/// What a folder says of its model.
#[derive(Debug, Clone, PartialEq)]
pub struct MarianConfig {
    pub model: TransformerRecipe,
    pub search: SearchRecipe,
    pub source_vocabulary: usize,
    pub target_vocabulary: usize,
    /// Marian's id of the piece whose embedding the decoder reads first.
    pub decoder_start: usize,
    pub pad: usize,
    pub eos: usize,
    /// Whether probabilities are shared out again after the padding was forbidden.
    pub renormalise: bool,
}

/// A JSON object whose entries are read with problems noted instead of stopping.
struct ObjectReader<'a> {
    entries: &'a Map<String, Value>,
    problems: &'a mut Vec<String>,
}

impl ObjectReader<'_> {
    /// `default` is that of `transformers`, which leaves out what equals it.
    fn count(&mut self, key: &str, default: i64) -> i64 {
        self.count_up_to(key, default, 65_536)
    }

    fn count_up_to(&mut self, key: &str, default: i64, most: i64) -> i64 {
        match self.entries.get(key) {
            None | Some(Value::Null) => default,
            Some(value) => value.as_i64().filter(|count| (1..=most).contains(count)).unwrap_or_else(|| {
                self.problems.push(format!("{key} is {value}, expected 1 to {most}"));
                default
            }),
        }
    }

    fn id(&mut self, key: &str, default: usize) -> usize {
        match self.entries.get(key) {
            None | Some(Value::Null) => default,
            Some(value) => value.as_u64().map_or_else(
                || {
                    self.problems.push(format!("{key} is {value}, expected an id"));
                    default
                },
                |id| id as usize,
            ),
        }
    }

    fn rate(&mut self, key: &str, default: f64) -> f64 {
        match self.entries.get(key) {
            None | Some(Value::Null) => default,
            Some(value) => value.as_f64().filter(|rate| (0.0..1.0).contains(rate)).unwrap_or_else(|| {
                self.problems.push(format!("{key} is {value}, expected 0 to 1, 1 excluded"));
                default
            }),
        }
    }

    fn switch(&mut self, key: &str, default: bool) -> bool {
        match self.entries.get(key) {
            None | Some(Value::Null) => default,
            Some(value) => value.as_bool().unwrap_or_else(|| {
                self.problems.push(format!("{key} is {value}, expected true or false"));
                default
            }),
        }
    }

    /// An option that `transformers` passes over: only one value means what it does.
    fn fixed(&mut self, key: &str, expected: bool) {
        if self.switch(key, expected) != expected {
            self.problems
                .push(format!("{key} is {}, expected {expected}: Marian models in transformers have no other form", !expected));
        }
    }
}

impl MarianConfig {
    /// Reads `config.json`, and `generation_config.json` where there is one.
    ///
    /// # Errors
    /// `config.json` is missing, no JSON, or of another architecture. All else goes to `problems`.
    pub fn read(folder: &Path, problems: &mut Vec<String>) -> Result<Self> {
        let config = object(&folder.join("config.json"))?;
        let kind = config.get("model_type").and_then(Value::as_str);
        if kind != Some("marian") {
            let names = config.get("architectures").map(|names| plain(&names.to_string()));
            let named = names.map(|names| format!(", architectures {names}")).unwrap_or_default();
            bail!(
                "{}: model_type is {}{named}; expected \"marian\" (MarianMTModel), the one architecture that can be imported",
                folder.join("config.json").shown(),
                kind.map_or("missing".into(), quoted)
            );
        }
        let path = folder.join("generation_config.json");
        let generation = if path.exists() { object(&path)? } else { config.clone() };
        let mut found = Vec::new();
        let read = Self::of(&config, &generation, &mut found);
        problems.extend(found.into_iter().map(|problem| format!("config.json: {problem}")));
        Ok(read)
    }

    fn of(config: &Map<String, Value>, generation: &Map<String, Value>, problems: &mut Vec<String>) -> Self {
        let mut reader = ObjectReader { entries: config, problems };
        for (key, expected) in [
            ("normalize_before", false),
            ("normalize_embedding", false),
            ("add_final_layer_norm", false),
            ("add_bias_logits", false),
            ("static_position_embeddings", true),
        ] {
            reader.fixed(key, expected);
        }
        let dimension = reader.count("d_model", 1024);
        let mut side = |name: &str| LayersRecipe {
            layers: reader.count_up_to(&format!("{name}_layers"), 12, MOST_LAYERS),
            heads: reader.count(&format!("{name}_attention_heads"), 16),
            feed_forward: reader.count(&format!("{name}_ffn_dim"), 4096),
        };
        let (encoder, decoder) = (side("encoder"), side("decoder"));
        let activation = match config.get("activation_function").map_or(Some("gelu"), Value::as_str) {
            Some("relu") => Activation::Relu,
            Some("gelu") => Activation::Gelu,
            Some("swish" | "silu") => Activation::Silu,
            _ => {
                let value = &config["activation_function"];
                reader
                    .problems
                    .push(format!("activation_function is {value}, expected \"relu\", \"gelu\", \"swish\" or \"silu\""));
                Activation::Relu
            }
        };
        let shared = reader.switch("share_encoder_decoder_embeddings", true);
        let tied = reader.switch("tie_word_embeddings", true);
        if shared && !tied {
            reader
                .problems
                .push("tie_word_embeddings is false with share_encoder_decoder_embeddings true, expected both or none".into());
        }
        let model = TransformerRecipe {
            dimension,
            activation,
            gated: false,
            norm: NormPlace::Post,
            normalization: Normalization::Layer,
            normalize_embedding: false,
            positions: Positions::SinusoidalHalves,
            tied: if shared {
                Tied::All
            } else if tied {
                Tied::Decoder
            } else {
                Tied::None
            },
            scale_embeddings: reader.switch("scale_embedding", false),
            start: Start::Zero,
            // How weights start does not matter to weights that are there.
            depth_scaled: TransformerRecipe::default().depth_scaled,
            dropout: reader.rate("dropout", 0.1),
            attention_dropout: reader.rate("attention_dropout", 0.0),
            activation_dropout: reader.rate("activation_dropout", 0.0),
            maximum_length: reader.count("max_position_embeddings", 1024),
            encoder,
            decoder,
        };
        if dimension % 2 != 0 {
            reader.problems.push(format!("d_model is {dimension}, expected an even number"));
        }
        for (name, layers) in [("encoder", &model.encoder), ("decoder", &model.decoder)] {
            if dimension % layers.heads != 0 {
                reader
                    .problems
                    .push(format!("{name}_attention_heads is {}, which does not divide d_model = {dimension}", layers.heads));
            }
        }
        let source_vocabulary = reader.count_vocabulary("vocab_size", 58_101);
        let target_vocabulary =
            if shared { source_vocabulary } else { reader.count_vocabulary("decoder_vocab_size", source_vocabulary) };
        let (pad, eos) = (reader.id("pad_token_id", 58_100), reader.id("eos_token_id", 0));
        let decoder_start = reader.id("decoder_start_token_id", 58_100);
        let mut reader = ObjectReader { entries: generation, problems };
        let search = search(&mut reader, pad, model.maximum_length);
        let renormalise = reader.switch("renormalize_logits", false);
        MarianConfig { model, search, source_vocabulary, target_vocabulary, decoder_start, pad, eos, renormalise }
    }
}

impl ObjectReader<'_> {
    fn count_vocabulary(&mut self, key: &str, default: usize) -> usize {
        match self.entries.get(key) {
            None | Some(Value::Null) => default,
            Some(value) => value.as_u64().filter(|count| (4..=1 << 24).contains(count)).map_or_else(
                || {
                    self.problems.push(format!("{key} is {value}, expected 4 or more"));
                    default
                },
                |count| count as usize,
            ),
        }
    }
}

/// How `transformers` would search: its lengths count the token that the decoder starts with and an end of sentence that is put in the last
/// place by force.
fn search(reader: &mut ObjectReader, pad: usize, positions: i64) -> SearchRecipe {
    let beam = reader.count("num_beams", 1);
    let longest = reader.count("max_length", 512).min(positions);
    let alpha = match reader.entries.get("length_penalty") {
        None | Some(Value::Null) => 1.0,
        Some(value) => value.as_f64().filter(|alpha| (0.0..=5.0).contains(alpha)).unwrap_or_else(|| {
            reader.problems.push(format!("length_penalty is {value}, expected 0 to 5"));
            1.0
        }),
    };
    if let Some(words) = reader.entries.get("bad_words_ids").filter(|words| !words.is_null())
        && *words != serde_json::json!([[pad]])
    {
        reader.problems.push(format!("bad_words_ids is {words}, expected [[{pad}]]: only padding can be forbidden"));
    }
    let early_stopping = match reader.entries.get("early_stopping") {
        None | Some(Value::Null | Value::Bool(false)) => EarlyStopping::Heuristic,
        Some(Value::Bool(true)) => EarlyStopping::First,
        Some(value) if value == "never" => EarlyStopping::Never,
        Some(value) => {
            reader.problems.push(format!("early_stopping is {value}, expected true, false or \"never\""));
            EarlyStopping::Heuristic
        }
    };
    SearchRecipe {
        early_stopping,
        beam: beam as usize,
        length_penalty: LengthPenalty::Plain { alpha },
        maximum_length_ratio: Some(0.0),
        maximum_length_offset: Some((longest - 2).max(1) as usize),
        ..SearchRecipe::default()
    }
}

/// A JSON object in a file.
pub fn object(path: &Path) -> Result<Map<String, Value>> {
    let text = read_text(path, "the configuration", MOST_BYTES)?;
    match serde_json::from_str(&text).with_context(|| format!("{}: not JSON", path.shown()))? {
        Value::Object(entries) => Ok(entries),
        _ => bail!("{}: expected a JSON object", path.shown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(config: Value) -> (MarianConfig, Vec<String>) {
        let Value::Object(config) = config else { panic!() };
        let mut problems = Vec::new();
        let read = MarianConfig::of(&config, &config, &mut problems);
        (read, problems)
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let (_, problems) = read(serde_json::json!({
            "d_model": 30, "encoder_layers": 0, "encoder_attention_heads": 4, "decoder_attention_heads": 5, "activation_function": "tanh",
            "normalize_before": true, "dropout": 1.5, "scale_embedding": "yes", "pad_token_id": 9, "bad_words_ids": [[9], [3]],
        }));
        for part in [
            "encoder_layers is 0",
            "encoder_attention_heads is 4, which does not divide d_model = 30",
            "activation_function is \"tanh\"",
            "normalize_before is true, expected false",
            "dropout is 1.5",
            "scale_embedding is \"yes\"",
            "bad_words_ids is [[9],[3]], expected [[9]]",
        ] {
            assert!(problems.iter().any(|problem| problem.starts_with(part)), "{part}: {problems:#?}");
        }
        assert_eq!(problems.len(), 7, "{problems:#?}");
    }

    /// transformers leaves out what equals its own defaults.
    #[test]
    fn what_is_missing_has_the_defaults_of_transformers() {
        let (config, problems) = read(serde_json::json!({"decoder_layers": 2, "activation_function": "swish", "num_beams": 6}));
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!((config.model.dimension, config.model.encoder.layers, config.model.decoder.layers), (1024, 12, 2));
        assert_eq!((config.model.activation, config.model.tied), (Activation::Silu, Tied::All));
        assert_eq!((config.source_vocabulary, config.pad, config.eos), (58_101, 58_100, 0));
        assert_eq!((config.search.beam, config.search.maximum_length_offset), (6, Some(510)));
    }
}
