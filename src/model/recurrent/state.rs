//! What a recurrent decoder remembers of its hypotheses between two steps.

use tch::Tensor;

use crate::memory::MemoryState;
use crate::nn::CellState;

/// Of R hypotheses.
pub struct RecurrentState {
    /// One for each layer.
    pub cells: Vec<CellState>,
    /// With input feeding: the attentional vector h̃ [R, H] of the step before.
    pub attentional: Option<Tensor>,
    /// With coverage: the sum of all earlier weights [R, S].
    pub coverage: Option<Tensor>,
    /// With a tape: what is on it, and where its heads are.
    pub tape: Option<MemoryState>,
}

impl RecurrentState {
    /// The cells alone.
    pub fn of(cells: Vec<CellState>) -> Self {
        RecurrentState { cells, attentional: None, coverage: None, tape: None }
    }

    /// The highest layer's hidden state [R, H].
    pub fn top(&self) -> &Tensor {
        &self.cells.last().expect("a decoder has a layer").hidden
    }

    /// R
    pub fn hypotheses(&self) -> i64 {
        self.top().size()[0]
    }

    /// Of these hypotheses [R'] (int64), which may be repeated.
    pub fn select(&self, hypotheses: &Tensor) -> Self {
        let of = |tensor: &Tensor| tensor.index_select(0, hypotheses);
        RecurrentState {
            cells: self.cells.iter().map(|cell| cell.select(hypotheses)).collect(),
            attentional: self.attentional.as_ref().map(of),
            coverage: self.coverage.as_ref().map(of),
            tape: self.tape.as_ref().map(|tape| tape.select(hypotheses)),
        }
    }
}
