//! Hopfield networks: associative (content-addressable) memories, whose cues are parts of what they hold or corrupted copies of it.
//!
//! Every network here has an energy, and recall descends in it to a local minimum, an attractor: stored patterns are the minima. From
//! the oldest to the newest: [`BinaryHopfield`] (Hopfield 1982), [`ContinuousHopfield`] (Hopfield 1984), [`BidirectionalMemory`]
//! (Kosko 1988), [`DenseMemory`] (Krotov and Hopfield 2016, Demircigil et al. 2017), [`ModernHopfield`] (Ramsauer et al. 2020),
//! whose update is attention, and [`HopfieldLayer`], that update as a part of a larger network.
//!
//! Letters beside those of the house: P patterns stored, N units; B cues are recalled side by side. A stored pattern is a memory
//! slot, so the modern network and the layer count them as Z.

mod bidirectional;
mod binary;
mod boltzmann;
mod continuous;
mod dense;
mod layer;
mod learning;
mod modern;
mod patterns;
mod updates;

pub use bidirectional::{BidirectionalMemory, PairRecalled};
pub use binary::BinaryHopfield;
pub use boltzmann::BoltzmannLearning;
pub use continuous::{ContinuousHopfield, Relaxed};
pub use dense::{DenseMemory, Interaction};
pub use layer::{Associated, HopfieldLayer, HopfieldMemory, HopfieldOptions, HopfieldStored};
pub use learning::LearningRule;
pub use modern::{ModernHopfield, Retrieved};
pub use patterns::Patterns;
pub use updates::{Recalled, Sampled};
