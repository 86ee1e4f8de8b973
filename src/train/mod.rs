//! The one trainer: a loop that reads as a recipe, optimizers with visible state, and runs that survive crashes.
//!
//! State of a run = weights + optimizer moments + update + history. All else is a pure function, so a run that is stopped and
//! resumed equals one that never stopped.

mod flat;
mod freeze;
mod gradients;
mod history;
mod logger;
mod loss_scale;
mod memory_check;
mod moving_average;
mod optimizers;
mod resume;
mod retention;
mod run_folder;
mod schedules;
mod state;
mod task;
mod trainer;
mod validation_fingerprint;

pub use flat::{Clipped, FlatParameters, clip};
pub use history::{History, Validated};
pub use memory_check::ensure_trainable;
pub use optimizers::Optimizer;
pub use retention::ranked;
pub use run_folder::RunFolder;
pub use schedules::learning_rate;
pub use state::TrainingState;
pub use task::{BatchCounts, Loss, LossSums, Parameter, Task, Validation};
pub use trainer::{Outcome, Stop, TrainOptions, train};
pub use validation_fingerprint::ValidationFingerprint;
