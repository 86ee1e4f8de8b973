//! What a run tells: a log for programs, event files for TensorBoard, progress, charts and strips of pictures for people.

mod jsonl;
mod memory;
mod plot;
mod strip;
mod tensorboard;
mod training;

pub use indicatif::{HumanBytes, HumanCount};

pub use jsonl::JsonLines;
pub use memory::{MachineMemory, ensure_memory, peak_memory, resident_memory};
pub use plot::Chart;
pub use strip::Strip;
pub use tensorboard::EventWriter;
pub use training::{Display, Figures, Goal, Rates, TrainingProgress};
