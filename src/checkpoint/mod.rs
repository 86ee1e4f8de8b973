//! What a trained model is on disk: `config.json`, tokenizers, `model.safetensors`. A checkpoint folder needs nothing else to
//! translate. safetensors only: nothing that runs code on loading. `checksums.json` tells whether they are as they were written.

mod average;
mod config;
mod folder;
mod locate;

pub use average::{average, collect_leaves};
pub use config::{AttentionHead, Config, Tokenizers};
pub use folder::Checkpoint;
pub use locate::{locate, steps};
