//! Tokens and positions as vectors.

use tch::{Kind, Tensor};

use crate::nn::{ForwardContext, Norm, Weight};
use crate::recipe::Start;
use crate::text::special::BOS;

/// How positions enter.
pub(super) enum PositionTable {
    /// Sinusoids [length, D] in the layout of the recipe; longer inputs get more rows.
    Fixed { table: Weight, layout: crate::nn::Sinusoids },
    /// `embed_positions.weight` [length, D]. Positions behind it share its last row, so that a long sentence is read rather than refused.
    Learned(Weight),
    /// Rotary: nothing is added here.
    None,
}

/// Where the ids [B, T] stand.
#[derive(Clone, Copy)]
pub(super) enum TokenPositions {
    /// At the positions 0 to T - 1.
    All,
    /// All at this one.
    One(i64),
}

/// The input side of encoder or decoder.
pub(super) struct InputEmbedding {
    /// [V, D], shared where the recipe ties it.
    pub tokens: Weight,
    pub positions: PositionTable,
    /// √D or 1.
    pub scale: f64,
    pub start: Start,
    pub norm: Option<Norm>,
    pub dropout: f64,
}

impl InputEmbedding {
    /// Ids [B, T]: [B, T, D].
    pub fn forward(&self, ids: &Tensor, place: TokenPositions, pass: &ForwardContext) -> Tensor {
        let (first, count) = match place {
            TokenPositions::All => (0, ids.size()[1]),
            TokenPositions::One(position) => (position, 1),
        };
        let mut embedded = Tensor::embedding(&self.tokens, ids, -1, false, false);
        if self.scale != 1.0 {
            embedded *= self.scale;
        }
        // The row itself may be anything: a tied output layer trains it too. Only a first position is ever BOS.
        if self.start == Start::Zero && first == 0 {
            embedded *= ids.not_equal(i64::from(BOS)).unsqueeze(-1);
        }
        if let Some(positions) = self.positions.rows(first, count) {
            embedded += positions;
        }
        if let Some(norm) = &self.norm {
            embedded = norm.forward(&embedded);
        }
        pass.dropout(&embedded, self.dropout)
    }
}

impl PositionTable {
    fn rows(&self, first: i64, count: i64) -> Option<Tensor> {
        match self {
            PositionTable::Fixed { table, layout } => {
                let (known, size) = table.size2().expect("a table of positions is a matrix");
                if first + count <= known {
                    return Some(table.narrow(0, first, count));
                }
                let longer = crate::nn::sinusoids(first + count, size, *layout).to_device(table.device());
                Some(longer.narrow(0, first, count))
            }
            PositionTable::Learned(table) => {
                let positions = Tensor::arange_start(first, first + count, (Kind::Int64, table.device()));
                let last = table.size()[0] - 1;
                Some(Tensor::embedding(table, &positions.clamp_max(last), -1, false, false))
            }
            PositionTable::None => None,
        }
    }
}
