//! What the self-attention of a decoder remembers while it goes on step by step.

use tch::{Device, Kind, Tensor};

use crate::model::Shared;

/// Steps for which room is made at first.
const ROOM: i64 = 16;

/// Keys and values of one layer for everything that the hypotheses of a source have produced, side by side, in the order of the steps.
///
/// Nothing of it moves when a beam is reordered or a source is done: every hypothesis has a list of the places that are its own, and every
/// source knows its row.
pub(super) struct Produced {
    /// [N, capacity, D], of which the first places are filled.
    pub keys: Tensor,
    pub values: Tensor,
}

impl From<[Tensor; 2]> for Produced {
    fn from([keys, values]: [Tensor; 2]) -> Self {
        Produced { keys, values }
    }
}

impl Produced {
    /// Puts what a step gave for hypotheses of these sources [R, D] behind the places that are `filled`; there is room.
    pub fn append(&self, filled: i64, origins: &Tensor, keys: &Tensor, values: &Tensor) {
        for (memory, new) in [(&self.keys, keys), (&self.values, values)] {
            let (sources, _, size) = memory.size3().expect("a memory has three dimensions");
            let going = origins.size()[0];
            let new = new.view([going, -1, size]);
            let mut own = memory.narrow(1, filled, new.size()[1]);
            // Sources leave, and never change places.
            if going == sources {
                own.copy_(&new);
            } else {
                let _ = own.index_copy_(0, origins, &new.to_kind(own.kind()));
            }
        }
    }
}

/// What nothing was produced for yet, by so many layers.
pub(super) fn nothing(layers: usize, sources: i64, size: i64, options: (Kind, Device)) -> Shared {
    let tensors = (0..2 * layers).map(|_| Tensor::empty([sources, 0, size], options)).collect();
    Shared { tensors, origins: Tensor::arange(sources, (Kind::Int64, options.1)), filled: 0 }
}

/// The same with room for `width` more places of each source. What has to move does so without the sources that are done.
pub(super) fn with_room(shared: Shared, width: i64) -> Shared {
    let filled = shared.filled;
    let (_, capacity, size) = shared.tensors[0].size3().expect("a memory has three dimensions");
    if filled + width <= capacity {
        return shared;
    }
    let going = shared.origins.size()[0];
    let larger = shared.tensors.into_iter().map(|memory| {
        let larger = Tensor::empty([going, 2 * filled + ROOM * width, size], (memory.kind(), memory.device()));
        larger.narrow(1, 0, filled).copy_(&memory.narrow(1, 0, filled).index_select(0, &shared.origins));
        larger
    });
    let tensors = larger.collect();
    Shared { tensors, origins: Tensor::arange(going, (Kind::Int64, shared.origins.device())), filled }
}

/// The places of R rows [R, t] with the one that each takes in the coming step, W rows of a source beside each other.
pub(super) fn with_own(places: &Tensor, filled: i64, width: i64) -> Tensor {
    let own = Tensor::arange_start(filled, filled + width, (Kind::Int64, places.device())).repeat([places.size()[0] / width]);
    Tensor::cat(&[places, &own.unsqueeze(1)], 1)
}
