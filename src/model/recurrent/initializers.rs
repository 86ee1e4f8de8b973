//! How the parameters of recurrent models start.

use crate::nn::{CellInitialization, Initialization};
use crate::recipe;

/// Starting values by the papers.
pub(super) struct Initializers {
    pub cell: CellInitialization,
    pub score: Initialization,
    pub energy: Initialization,
    pub embedding: Initialization,
    pub other: Initialization,
}

impl Initializers {
    pub fn of(initialization: recipe::InitializationKind) -> Self {
        match initialization {
            // Luong et al. 2015, section 4: all parameters uniform in [-0.1, 0.1].
            recipe::InitializationKind::Uniform => {
                let uniform = Initialization::Uniform(0.1);
                Initializers {
                    cell: CellInitialization { input: uniform, recurrent: uniform },
                    score: uniform,
                    energy: uniform,
                    embedding: uniform,
                    other: uniform,
                }
            }
            // Bahdanau et al. 2015, section B.1: recurrent matrices orthogonal, W_a and U_a N(0, 0.001²), V_a and
            // biases zero, the rest N(0, 0.01²).
            recipe::InitializationKind::Bahdanau => {
                let small = Initialization::Normal(0.01);
                Initializers {
                    cell: CellInitialization { input: small, recurrent: Initialization::Orthogonal },
                    score: Initialization::Normal(0.001),
                    energy: Initialization::Constant(0.0),
                    embedding: small,
                    other: small,
                }
            }
            recipe::InitializationKind::UnitEmbeddings => {
                Initializers { embedding: Initialization::Normal(1.0), ..Initializers::of(recipe::InitializationKind::Xavier) }
            }
            recipe::InitializationKind::Xavier => Initializers {
                cell: CellInitialization { input: Initialization::Xavier { gain: 1.0 }, recurrent: Initialization::Orthogonal },
                score: Initialization::Xavier { gain: 1.0 },
                energy: Initialization::Xavier { gain: 1.0 },
                // By Glorot's rule a row would shrink as the vocabulary grows, though only one of its rows is ever read at once.
                embedding: Initialization::Uniform(0.1),
                other: Initialization::Xavier { gain: 1.0 },
            },
        }
    }
}
