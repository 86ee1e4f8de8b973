//! Captions of generated scenes (Xu et al. 2015, "Show, Attend and Tell"): shapes on a canvas, and a sentence that says what is where.

mod batch;
mod caption;
mod examine;
mod given;
mod kind;
mod model;
mod pictures;
mod render;
mod scene;
mod session;
mod split;
mod study;
mod task;
mod write;

pub use split::SceneSet;
pub use task::CaptionsTask;
pub use write::{ScenesOptions, write_scenes};
