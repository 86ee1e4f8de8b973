//! The key-value caches of a decoder that goes on step by step.

use tch::{Device, Kind, Tensor};

/// Steps for which there is room at first.
const FIRST_STEPS: i64 = 16;

/// Keys and values [N, P, D], heads beside each other.
pub(super) struct KeysAndValues {
    pub keys: Tensor,
    pub values: Tensor,
}

impl KeysAndValues {
    pub fn each(&self) -> [&Tensor; 2] {
        [&self.keys, &self.values]
    }
}

/// What one decoder layer remembers.
pub(super) struct KeyValueCache {
    /// Of everything that the hypotheses of a source have produced, side by side in the order of the steps [N, capacity, D]; see
    /// [`HypothesisSlots`].
    pub self_attention: KeysAndValues,
    /// Of the encoder's output [N, S, D].
    pub cross_attention: KeysAndValues,
}

/// Which slots of the self-attention caches belong to which hypothesis. The same for every layer.
///
/// Nothing in the caches moves when a beam is reordered or a source is done: every hypothesis has a list of the slots that are its own, and
/// every source knows its row.
pub(super) struct HypothesisSlots {
    /// Which of the N rows each source has [B].
    pub rows: Vec<usize>,
    /// The slots of each hypothesis [R · t], one for each token that it has.
    pub slots: Vec<usize>,
    /// R
    pub hypotheses: usize,
    /// How many slots of every row are filled.
    filled: usize,
    /// How many there are.
    pub capacity: usize,
}

impl HypothesisSlots {
    /// One empty hypothesis for each source.
    pub fn new(sources: usize) -> Self {
        HypothesisSlots { rows: (0..sources).collect(), slots: Vec::new(), hypotheses: sources, filled: 0, capacity: 0 }
    }

    /// W, the hypotheses of a source.
    pub fn width(&self) -> usize {
        self.hypotheses / self.rows.len()
    }

    /// Gives every hypothesis a slot for its coming token, the next ones of its row, in caches that have room for them. The first of the W new
    /// slots.
    pub fn push(&mut self, caches: &mut [KeyValueCache]) -> usize {
        let (first, width, length) = (self.filled, self.width(), self.slots.len() / self.hypotheses);
        self.make_room(caches);
        let mut slots = Vec::with_capacity(self.slots.len() + self.hypotheses);
        for hypothesis in 0..self.hypotheses {
            slots.extend_from_slice(&self.slots[hypothesis * length..(hypothesis + 1) * length]);
            slots.push(first + hypothesis % width);
        }
        self.slots = slots;
        self.filled += width;
        first
    }

    /// What has to move does so without the sources that are done.
    fn make_room(&mut self, caches: &mut [KeyValueCache]) {
        let (filled, width) = (self.filled as i64, self.width() as i64);
        if self.filled + self.width() <= self.capacity {
            return;
        }
        let (sources, capacity) = (self.rows.len() as i64, 2 * filled + FIRST_STEPS * width);
        let rows: Vec<i64> = self.rows.iter().map(|&row| row as i64).collect();
        for cache in caches {
            let KeysAndValues { keys, values } = &mut cache.self_attention;
            let rows = Tensor::from_slice(&rows).to_device(keys.device());
            for part in [keys, values] {
                let larger = Tensor::empty([sources, capacity, part.size()[2]], (part.kind(), part.device()));
                larger.narrow(1, 0, filled).copy_(&part.narrow(1, 0, filled).index_select(0, &rows));
                *part = larger;
            }
        }
        self.rows = (0..self.rows.len()).collect();
        self.capacity = capacity as usize;
    }

    /// See [`Decoding::reorder`](crate::model::Decoding::reorder).
    pub fn reorder(&mut self, hypotheses: &[usize]) {
        let length = self.slots.len() / self.hypotheses;
        let slots = hypotheses.iter().flat_map(|&hypothesis| &self.slots[hypothesis * length..(hypothesis + 1) * length]);
        self.slots = slots.copied().collect();
        self.hypotheses = hypotheses.len();
    }

    /// See [`Decoding::retain`](crate::model::Decoding::retain).
    pub fn retain(&mut self, sources: &[usize]) {
        let width = self.width();
        self.reorder(&sources.iter().flat_map(|source| source * width..(source + 1) * width).collect::<Vec<_>>());
        self.rows = sources.iter().map(|&source| self.rows[source]).collect();
    }
}

impl KeysAndValues {
    /// A self-attention cache without slots, for so many sources and features of this size.
    pub fn empty(sources: i64, size: i64, options: (Kind, Device)) -> Self {
        let empty = || Tensor::empty([sources, 0, size], options);
        KeysAndValues { keys: empty(), values: empty() }
    }

    /// Puts keys and values [R, D] of one token of every hypothesis into the slots from `first` on, of the rows [B] of their sources.
    pub fn store(&self, first: usize, rows: &[usize], [keys, values]: [&Tensor; 2]) {
        for (cache, new) in [(&self.keys, keys), (&self.values, values)] {
            let (all, _, size) = cache.size3().expect("a cache has three dimensions"); // [N, P, D]
            let new = new.view([rows.len() as i64, -1, size]); // [B, W, D]
            let mut own = cache.narrow(1, first as i64, new.size()[1]);
            // Sources leave, and never change their order.
            if rows.len() as i64 == all {
                own.copy_(&new);
            } else {
                let rows: Vec<i64> = rows.iter().map(|&row| row as i64).collect();
                let _ = own.index_copy_(0, &Tensor::from_slice(&rows).to_device(cache.device()), &new.to_kind(own.kind()));
            }
        }
    }
}
