use serde::{Deserialize, Serialize};

use super::Tied;
use super::check::Checks;

/// A Transformer: `[model.transformer]`. The defaults are the base model of Vaswani et al. 2017 with the normalisation before each sublayer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TransformerRecipe {
    /// D, the width of the model. Default 512.
    pub dimension: i64,
    pub encoder: LayersRecipe,
    pub decoder: LayersRecipe,
    /// Between the two maps of the feed-forward sublayer. Default `relu`.
    pub activation: Activation,
    /// Whether the feed-forward sublayer is gated: act(W₁x) ⊙ W₃x before W₂ (Shazeer 2020). Default false.
    pub gated: bool,
    /// Where a sublayer is normalised. Default `pre`.
    pub norm: NormPlace,
    /// What normalises. Default `layer`.
    pub normalization: Normalization,
    /// Whether embeddings are normalised too, after positions are added. Default false.
    pub normalize_embedding: bool,
    /// How positions are told. Default `sinusoidal`.
    pub positions: Positions,
    /// Which embeddings are one with the output layer (Press and Wolf 2017). Default `all`.
    pub tied: Tied,
    /// Whether embeddings are multiplied by √D. Default true.
    pub scale_embeddings: bool,
    /// What the decoder reads first. Default `zero`.
    pub start: Start,
    /// Whether the starting weights of the l-th layer are divided by √l (Zhang et al. 2019): layers on top of each other with the norm after each
    /// sublayer hardly learn without. Default true.
    pub depth_scaled: bool,
    /// Dropout of embeddings and of every sublayer's output; 0 to 1, 1 excluded. Default 0.1.
    pub dropout: f64,
    /// Dropout of attention weights. Default 0: with it attention cannot use the fused kernel.
    pub attention_dropout: f64,
    /// Dropout after the activation. Default 0.
    pub activation_dropout: f64,
    /// Longest sentence in pieces, end of sentence included, on either side. Default 256.
    pub maximum_length: i64,
}

/// `[model.transformer.encoder]` and `[model.transformer.decoder]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LayersRecipe {
    /// Default 6.
    pub layers: i64,
    /// Attention heads; they divide `dimension`. Default 8.
    pub heads: i64,
    /// Width between the two maps of the feed-forward sublayer. Default 2048.
    pub feed_forward: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// max(0, x).
    Relu,
    /// x Φ(x) (Hendrycks and Gimpel 2016), exact.
    Gelu,
    /// x σ(x), also called swish (Elfwing et al. 2018).
    Silu,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormPlace {
    /// x + f(norm(x)), and one more normalisation at the end of the stack (Xiong et al. 2020): trains without care.
    Pre,
    /// norm(x + f(x)), as in Vaswani et al. 2017 and Marian.
    Post,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalization {
    /// Ba et al. 2016.
    Layer,
    /// Zhang and Sennrich 2019: by the root of the mean square, no shift.
    Rms,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Positions {
    /// Sines and cosines in turn (Vaswani et al. 2017, section 3.5).
    Sinusoidal,
    /// The same numbers, all sines before all cosines (tensor2tensor, Marian).
    SinusoidalHalves,
    /// A trained table of `maximum_length` rows.
    Learned,
    /// Queries and keys turned by their positions (Su et al. 2021), nothing added to embeddings.
    Rotary,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// A vector of zeros, as in Marian and CTranslate2.
    Zero,
    /// The embedding of the token that begins sentences.
    Token,
}

impl Default for LayersRecipe {
    fn default() -> Self {
        Self { layers: 6, heads: 8, feed_forward: 2048 }
    }
}

impl Default for TransformerRecipe {
    fn default() -> Self {
        Self {
            dimension: 512,
            encoder: LayersRecipe::default(),
            decoder: LayersRecipe::default(),
            activation: Activation::Relu,
            gated: false,
            norm: NormPlace::Pre,
            normalization: Normalization::Layer,
            normalize_embedding: false,
            positions: Positions::Sinusoidal,
            tied: Tied::All,
            scale_embeddings: true,
            start: Start::Zero,
            depth_scaled: true,
            dropout: 0.1,
            attention_dropout: 0.0,
            activation_dropout: 0.0,
            maximum_length: 256,
        }
    }
}

impl TransformerRecipe {
    pub(super) fn check(&self, checks: &mut Checks) {
        let counts = [
            ("dimension", self.dimension),
            ("encoder.heads", self.encoder.heads),
            ("encoder.feed_forward", self.encoder.feed_forward),
            ("decoder.heads", self.decoder.heads),
            ("decoder.feed_forward", self.decoder.feed_forward),
            ("maximum_length", self.maximum_length),
        ];
        for (key, count) in counts {
            checks.value(&path(key), count, "1 to 65,536", |count| (1..=65_536).contains(&count));
        }
        for (key, layers) in [("encoder.layers", self.encoder.layers), ("decoder.layers", self.decoder.layers)] {
            checks.value(&path(key), layers, "1 to 1,000", |layers| (1..=1000).contains(&layers));
        }
        let rates = [
            ("dropout", self.dropout),
            ("attention_dropout", self.attention_dropout),
            ("activation_dropout", self.activation_dropout),
        ];
        for (key, rate) in rates {
            checks.number(&path(key), rate, "0 to 1, 1 excluded", |rate| (0.0..1.0).contains(&rate));
        }
        let sinusoidal = matches!(self.positions, Positions::Sinusoidal | Positions::SinusoidalHalves);
        checks.conflict(&[&path("dimension"), &path("positions")], sinusoidal && self.dimension % 2 != 0, || {
            format!("sines and cosines need an even width, found {}", self.dimension)
        });
        for (side, layers) in [("encoder", &self.encoder), ("decoder", &self.decoder)] {
            let heads = path(&format!("{side}.heads"));
            let uneven = layers.heads > 0 && self.dimension % layers.heads != 0;
            checks.conflict(&[&heads, &path("dimension")], uneven, || {
                format!("is {}, which does not divide `model.transformer.dimension = {}`", layers.heads, self.dimension)
            });
            let odd = layers.heads > 0 && !uneven && (self.dimension / layers.heads) % 2 != 0;
            checks.conflict(
                &[&heads, &path("dimension"), &path("positions")],
                self.positions == Positions::Rotary && odd,
                || format!("gives each head {} numbers; rotary positions need an even number", self.dimension / layers.heads),
            );
        }
    }
}

fn path(key: &str) -> String {
    format!("model.transformer.{key}")
}
