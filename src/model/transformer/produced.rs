//! What the self-attention of a decoder remembers while it goes on step by step.

use tch::{Device, Kind, Tensor};

/// Steps for which room is made at first.
const ROOM: i64 = 16;

/// Keys and values of one layer for everything that the hypotheses of a source have produced, side by side, in the order of the steps.
///
/// Nothing of it moves when a beam is reordered or a source is done: every hypothesis has a list of the places that are its own.
pub(super) struct Produced {
    /// [B, capacity, D], of which the first places are filled.
    pub keys: Tensor,
    pub values: Tensor,
}

impl From<[Tensor; 2]> for Produced {
    fn from([keys, values]: [Tensor; 2]) -> Self {
        Produced { keys, values }
    }
}

impl Produced {
    /// Remembers nothing yet.
    pub fn empty(sources: i64, size: i64, options: (Kind, Device)) -> Self {
        let nothing = || Tensor::empty([sources, 0, size], options);
        Produced { keys: nothing(), values: nothing() }
    }

    /// Puts what a step gave for hypotheses of these sources [R, D] behind the places that are `filled`.
    pub fn append(&mut self, filled: i64, origins: &Tensor, keys: &Tensor, values: &Tensor) {
        for (memory, new) in [(&mut self.keys, keys), (&mut self.values, values)] {
            let (sources, capacity, size) = memory.size3().expect("a memory has three dimensions");
            let going = origins.size()[0];
            let new = new.view([going, -1, size]);
            let width = new.size()[1];
            if capacity < filled + width {
                let larger = Tensor::empty([sources, 2 * filled + ROOM * width, size], (memory.kind(), memory.device()));
                larger.narrow(1, 0, filled).copy_(&memory.narrow(1, 0, filled));
                *memory = larger;
            }
            let mut own = memory.narrow(1, filled, width);
            if going == sources {
                own.copy_(&new);
            } else {
                let _ = own.index_copy_(0, origins, &new.to_kind(own.kind()));
            }
        }
    }
}

/// The places of R rows [R, t] with the one that each takes in the coming step, W rows of a source beside each other.
pub(super) fn with_own(places: &Tensor, filled: i64, width: i64) -> Tensor {
    let own = Tensor::arange_start(filled, filled + width, (Kind::Int64, places.device())).repeat([places.size()[0] / width]);
    Tensor::cat(&[places, &own.unsqueeze(1)], 1)
}
