//! What the one trainer can train beside translation: studies of memory and attention.

mod captions;
mod documents;
mod finding;
mod hopfield;
mod interactive;
mod pointing;
mod queries;
mod questions;
mod random;
mod reading;
mod registry;
mod retrieval;
mod sequences;
mod sets;
mod study;
mod tape;
mod transduction;
mod trees;
mod vocabulary;

pub use captions::{SceneSet, ScenesOptions, write_scenes};
pub use finding::{Aim, Finding};
pub use interactive::{Answer, Interactive};
pub use registry::{open, run};
pub use study::{Study, read_task};
