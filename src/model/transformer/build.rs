//! A Transformer from its recipe, with the parameter names of Hugging Face's Marian models.

use anyhow::{Result, ensure};

use super::TransformerModel;
use super::embedding::{InputEmbedding, PositionTable};
use super::layers::{DecoderLayer, EncoderLayer};
use super::sublayer::{FeedForward, Residual};
use crate::attention::MultiHead;
use crate::model::Vocabularies;
use crate::nn::{Initialization, Norm, Parameters, Scope, Sinusoids, Weight, sinusoids};
use crate::recipe::{LayersRecipe, NormPlace, Positions, Tied, TransformerRecipe};

impl TransformerModel {
    pub fn new(recipe: &TransformerRecipe, vocabularies: Vocabularies, parameters: &Parameters) -> Result<Self> {
        let root = parameters.root();
        let scope = root.sub("model");
        let size = recipe.dimension;
        // Outputs of the tied output layer start with a spread of about one.
        let table = |scope: Scope, vocabulary| {
            scope.tensor("weight", &[vocabulary, size], Initialization::Normal((size as f64).powf(-0.5)))
        };
        let (source, target) = if recipe.tied == Tied::All {
            ensure!(
                vocabularies.source == vocabularies.target,
                "model.transformer.tied = \"all\" needs one vocabulary for both sides, found {} and {} pieces; set tokenizer.joint = true",
                vocabularies.source,
                vocabularies.target
            );
            let shared = table(scope.sub("shared"), vocabularies.source);
            (shared.tied(), shared)
        } else {
            let [source, target] = ["encoder", "decoder"].map(|side| scope.sub(side).sub("embed_tokens"));
            (table(source, vocabularies.source), table(target, vocabularies.target))
        };
        let builder = Builder { recipe, parameters };
        let (encoder_scope, decoder_scope) = (scope.sub("encoder"), scope.sub("decoder"));
        let source = builder.input(&encoder_scope, source);
        let encoder = builder.layers(&encoder_scope, &recipe.encoder, |scope| builder.encoder_layer(scope));
        let encoder_norm = builder.last_norm(&encoder_scope);
        let output = match recipe.tied {
            Tied::None => {
                root.sub("lm_head").tensor("weight", &[vocabularies.target, size], Initialization::Xavier { gain: 1.0 })
            }
            Tied::Decoder | Tied::All => target.tied(),
        };
        let target = builder.input(&decoder_scope, target);
        let decoder = builder.layers(&decoder_scope, &recipe.decoder, |scope| builder.decoder_layer(scope));
        let decoder_norm = builder.last_norm(&decoder_scope);
        let output_bias = root.tensor("final_logits_bias", &[vocabularies.target], Initialization::Constant(0.0));
        let rotary = (recipe.positions == Positions::Rotary).then(|| (size / recipe.encoder.heads, size / recipe.decoder.heads));
        Ok(TransformerModel {
            source,
            target,
            encoder,
            encoder_norm,
            decoder,
            decoder_norm,
            output,
            output_bias,
            rotary,
            parameters: parameters.weights(),
        })
    }
}

struct Builder<'a> {
    recipe: &'a TransformerRecipe,
    parameters: &'a Parameters,
}

impl Builder<'_> {
    fn input(&self, scope: &Scope, tokens: Weight) -> InputEmbedding {
        let recipe = self.recipe;
        let (length, size) = (recipe.maximum_length, recipe.dimension);
        let table = |layout| self.parameters.table(&[length, size], || sinusoids(length, size, layout));
        let fixed = |layout| PositionTable::Fixed { table: table(layout), layout };
        InputEmbedding {
            tokens,
            positions: match recipe.positions {
                Positions::Sinusoidal => fixed(Sinusoids::Interleaved),
                Positions::SinusoidalHalves => fixed(Sinusoids::Halves),
                Positions::Learned => {
                    let start = Initialization::Normal((size as f64).powf(-0.5));
                    PositionTable::Learned(scope.sub("embed_positions").tensor("weight", &[length, size], start))
                }
                Positions::Rotary => PositionTable::None,
            },
            scale: if recipe.scale_embeddings { (size as f64).sqrt() } else { 1.0 },
            start: recipe.start,
            norm: recipe.normalize_embedding.then(|| self.norm(scope, "layernorm_embedding")),
            dropout: recipe.dropout,
        }
    }

    fn layers<L>(&self, scope: &Scope, layers: &LayersRecipe, layer: impl Fn(&LayerScope) -> L) -> Vec<L> {
        let stack = scope.sub("layers");
        (0..layers.layers)
            .map(|index| {
                let gain = if self.recipe.depth_scaled { ((index + 1) as f64).powf(-0.5) } else { 1.0 };
                layer(&LayerScope { scope: stack.sub(&index.to_string()), layers, gain })
            })
            .collect()
    }

    fn encoder_layer(&self, layer: &LayerScope) -> EncoderLayer {
        EncoderLayer {
            self_attention: self.attention(layer, "self_attn"),
            self_attention_residual: self.residual(layer, "self_attn_layer_norm"),
            feed_forward: self.feed_forward(layer),
            feed_forward_residual: self.residual(layer, "final_layer_norm"),
        }
    }

    fn decoder_layer(&self, layer: &LayerScope) -> DecoderLayer {
        DecoderLayer {
            self_attention: self.attention(layer, "self_attn"),
            self_attention_residual: self.residual(layer, "self_attn_layer_norm"),
            cross_attention: self.attention(layer, "encoder_attn"),
            cross_attention_residual: self.residual(layer, "encoder_attn_layer_norm"),
            feed_forward: self.feed_forward(layer),
            feed_forward_residual: self.residual(layer, "final_layer_norm"),
        }
    }

    fn attention(&self, layer: &LayerScope, name: &str) -> MultiHead {
        let recipe = self.recipe;
        let scope = layer.scope.sub(name);
        MultiHead::new(scope, recipe.dimension, layer.layers.heads, recipe.attention_dropout, layer.gain)
    }

    fn feed_forward(&self, layer: &LayerScope) -> FeedForward {
        let recipe = self.recipe;
        let sizes = (recipe.dimension, layer.layers.feed_forward);
        FeedForward::new(&layer.scope, sizes, recipe.activation, recipe.gated, recipe.activation_dropout, layer.gain)
    }

    fn residual(&self, layer: &LayerScope, name: &str) -> Residual {
        Residual { norm: self.norm(&layer.scope, name), place: self.recipe.norm, dropout: self.recipe.dropout }
    }

    /// What leaves a stack of pre-norm layers was never normalised.
    fn last_norm(&self, scope: &Scope) -> Option<Norm> {
        (self.recipe.norm == NormPlace::Pre).then(|| self.norm(scope, "layer_norm"))
    }

    fn norm(&self, scope: &Scope, name: &str) -> Norm {
        Norm::new(scope.sub(name), self.recipe.normalization, self.recipe.dimension)
    }
}

/// Where a layer's parameters go, and its sizes.
struct LayerScope<'a> {
    scope: Scope<'a>,
    layers: &'a LayersRecipe,
    /// Of the starting weights.
    gain: f64,
}
