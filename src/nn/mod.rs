//! Building blocks of networks: parameters, linear maps, embeddings, recurrent layers with true lengths, masks, losses.
//!
//! Shape letters of the house: B batch, S source length, T target length, D model size, H heads, K head size, V vocabulary,
//! W beam width, Z memory slots, Q queries at once. Batch first. Masks are boolean, true = may be attended, and end in `keep`.

mod convolution;
mod embedding;
mod forward_context;
mod linear;
mod masked;
mod norm;
#[cfg(test)]
pub mod numerical;
mod parameters;
mod positions;
mod projected_loss;
mod recurrent;
mod weights_file;

pub use convolution::{Convolution, ReceptiveField};
pub use embedding::Embedding;
pub use forward_context::ForwardContext;
pub use linear::{Linear, add_linear, for_bf16, linear};
pub use masked::masked_softmax;
pub use norm::Norm;
pub use parameters::{Initialization, Parameters, Scope, Weight, numbers};
pub use positions::{Rotation, Sinusoids, sinusoids};
pub use projected_loss::{CrossEntropy, ProjectedLoss};
pub use recurrent::{Cell, CellInitialization, CellState, RecurrentStack, StackOutput, Stepper};
pub use weights_file::{
    WEIGHTS_FILE, Weights, compare, copy_weights, ensure_finite, load_weights, parse_weights, read_weights, save_weights,
};
