//! The Transformer (Vaswani et al. 2017). Parameters have the names of Hugging Face's Marian models.

mod build;
mod cache;
mod decoding;
mod embedding;
mod layers;
mod model;
mod seq2seq;
mod sublayer;

pub use model::TransformerModel;
