//! A recurrent model from its recipe: sizes, options and starting values of every part.

use anyhow::{Context, Result, ensure};
use tch::{Device, Tensor};

use super::bahdanau::{BahdanauDecoder, BahdanauOptions};
use super::bridge::Dimensions;
use super::cross_attention::CrossAttentionOptions;
use super::encoder::{ConvolutionOptions, Convolutions, Encoder, EncoderLayers};
use super::fixed::FixedContextDecoder;
use super::initializers::Initializers;
use super::luong::{LuongDecoder, LuongOptions};
use super::{Decoder, RecurrentModel};
use crate::attention::{AttentionOptions, MultiHead};
use crate::memory::TapeOptions;
use crate::model::Vocabularies;
use crate::nn::{Embedding, Initialization, Linear, Parameters, RecurrentStack, Scope, Weight};
use crate::recipe;

impl RecurrentModel {
    pub fn new(recipe: &recipe::RecurrentRecipe, vocabularies: Vocabularies, parameters: &Parameters) -> Result<Self> {
        let root = parameters.root();
        let initializers = Initializers::of(recipe.initialization);
        let dimensions = dimensions(recipe);

        let source_embedding =
            Embedding::new(root.sub("source_embedding"), vocabularies.source, recipe.embedding, initializers.embedding);
        let target_embedding = match recipe.tied {
            recipe::Tied::All => {
                ensure!(
                    vocabularies.source == vocabularies.target,
                    "model.recurrent.tied = \"all\" needs one vocabulary for both sides, found {} and {} pieces; set tokenizer.joint = true",
                    vocabularies.source,
                    vocabularies.target
                );
                Embedding::tied(&source_embedding.weight)
            }
            _ => Embedding::new(root.sub("target_embedding"), vocabularies.target, recipe.embedding, initializers.embedding),
        };
        let encoder = encoder(recipe, &dimensions, &initializers, &root);
        let attention = AttentionOptions {
            recipe: recipe.attention,
            query: dimensions.decoder_hidden,
            keys: recipe.context(),
            maximum_length: recipe.maximum_length,
            initialization: initializers.other,
            score_initialization: initializers.score,
            energy_initialization: initializers.energy,
        };
        let cross_attention = CrossAttentionOptions {
            memory: dimensions.memory(),
            copy: recipe.copy.then_some([dimensions.decoder_hidden, recipe.embedding]),
            initialization: initializers.other,
        };
        let target_ids = if recipe.copy { Some(target_ids(&vocabularies, parameters.device())?) } else { None };
        let scope = root.sub("decoder");
        let (embedding, dropout) = (recipe.embedding, recipe.dropout);
        let decoder: Box<dyn Decoder> = match recipe.decoder.kind {
            recipe::DecoderKind::None => {
                let context = recipe.decoder.context;
                Box::new(FixedContextDecoder::new(scope, &dimensions, embedding, context, dropout, &initializers))
            }
            recipe::DecoderKind::Bahdanau => {
                let options =
                    BahdanauOptions { dimensions, embedding, maxout: recipe.decoder.maxout, attention, cross_attention };
                Box::new(BahdanauDecoder::new(scope, &options, &initializers)?)
            }
            recipe::DecoderKind::Luong => {
                let input_feeding = recipe.decoder.input_feeding;
                let tape = recipe.memory.map(|memory| TapeOptions {
                    slots: memory.slots,
                    width: memory.width,
                    read_heads: 1,
                    write_heads: 1,
                    shift: memory.shift,
                    learned_start: false,
                });
                let options = LuongOptions { dimensions, embedding, input_feeding, attention, cross_attention, tape, dropout };
                Box::new(LuongDecoder::new(scope, &options, &initializers)?)
            }
        };
        let output = match recipe.tied {
            recipe::Tied::None => Linear::new(root.sub("output"), recipe.features(), vocabularies.target, initializers.other),
            recipe::Tied::Decoder | recipe::Tied::All => {
                let bias = root.sub("output").tensor("bias", &[vocabularies.target], Initialization::Constant(0.0));
                Linear { weight: target_embedding.weight.tied(), bias: Some(bias) }
            }
        };
        Ok(RecurrentModel {
            parameters: parameters.weights(),
            source_embedding,
            target_embedding,
            encoder,
            decoder,
            output,
            dropout,
            target_ids,
        })
    }
}

fn encoder(recipe: &recipe::RecurrentRecipe, dimensions: &Dimensions, initializers: &Initializers, root: &Scope) -> Encoder {
    let scope = || root.sub("encoder");
    let recipe::EncoderRecipe { kind, layers, width, self_attention, .. } = recipe.encoder;
    let (embedding, hidden) = (recipe.embedding, dimensions.encoder_hidden);
    let layers = match kind {
        recipe::EncoderKind::Recurrent => EncoderLayers::Recurrent(RecurrentStack::new(
            scope(),
            dimensions.kind,
            embedding,
            hidden,
            layers,
            dimensions.bidirectional,
            initializers.cell,
        )),
        recipe::EncoderKind::Convolutional => {
            let options = ConvolutionOptions {
                embedding,
                hidden,
                layers,
                width,
                maximum_length: recipe.maximum_length,
                dropout: recipe.dropout,
                cell: dimensions.kind,
            };
            EncoderLayers::Convolutional(Convolutions::new(&scope(), &options, initializers.other))
        }
    };
    let heads = (self_attention > 0).then_some(self_attention);
    let attention = |heads| MultiHead::new(scope().sub("self_attention"), dimensions.memory(), heads, 0.0, 1.0);
    Encoder { layers, self_attention: heads.map(attention) }
}

/// For each source id the target id of the same spelling [V_s].
fn target_ids(vocabularies: &Vocabularies, device: Device) -> Result<Weight> {
    let same = vocabularies.same.as_ref().context("a model that copies has to know which words both vocabularies have")?;
    ensure!(
        same.len() as i64 == vocabularies.source && same.iter().all(|id| (0..vocabularies.target).contains(id)),
        "a model that copies needs one of {} target ids for each of {} source ids, found {} numbers",
        vocabularies.target,
        vocabularies.source,
        same.len()
    );
    Ok(Tensor::from_slice(same).to_device(device).into())
}

fn dimensions(recipe: &recipe::RecurrentRecipe) -> Dimensions {
    let recurrent = recipe.encoder.kind == recipe::EncoderKind::Recurrent;
    Dimensions {
        kind: recipe.cell,
        // All that a decoder starts from of convolutions is one vector.
        encoder_layers: if recurrent { recipe.encoder.layers } else { 1 },
        encoder_hidden: recipe.hidden,
        bidirectional: recurrent && recipe.encoder.bidirectional,
        decoder_layers: recipe.decoder.layers,
        decoder_hidden: recipe.decoder_hidden(),
    }
}
