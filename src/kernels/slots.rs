//! Which slots of a key-value cache a step attends to.

use std::cell::OnceCell;

use tch::{Device, Tensor};

/// Which slots of a cache [N, P, D] the R = B · W queries of a step attend to: W hypotheses of each of B sources side by side, each source
/// having one of the N rows. The same for every layer and head.
pub struct CacheSlots {
    pub(super) lists: SlotLists,
    /// The same for libtorch's operations.
    gathered: OnceCell<GatheredSlots>,
}

/// [`CacheSlots`] as plain numbers.
pub(super) struct SlotLists {
    /// The first slot of each source's row [B], counted over [N · P].
    first: Vec<usize>,
    /// How many slots the queries of each source attend to [B].
    counts: Vec<usize>,
    /// The slots of all queries one after the other, counted from the row's first; empty where every query attends to the leading ones.
    listed: Vec<usize>,
    /// 0, 1, 2 … P - 1
    leading: Vec<usize>,
    /// W
    hypotheses: usize,
}

/// Indices [R · C] over [N · P], and which of them count [R, C] where not all do.
pub(super) struct GatheredSlots {
    pub indices: Tensor,
    pub keep: Option<Tensor>,
}

impl SlotLists {
    fn new(rows: &[usize], capacity: usize, hypotheses: usize) -> Self {
        let first = rows.iter().map(|row| row * capacity).collect();
        SlotLists { first, counts: Vec::new(), listed: Vec::new(), leading: (0..capacity).collect(), hypotheses }
    }

    /// R
    fn queries(&self) -> usize {
        self.first.len() * self.hypotheses
    }

    /// Columns of the weights: P for leading slots, t for listed ones.
    pub fn columns(&self) -> usize {
        if self.listed.is_empty() { self.leading.len() } else { self.counts.first().copied().unwrap_or(0) }
    }

    /// The first slot of a query's row, and the slots of the query counted from there.
    #[inline(always)]
    pub fn of(&self, query: usize) -> (usize, &[usize]) {
        let source = query / self.hypotheses;
        let count = self.counts[source];
        let slots =
            if self.listed.is_empty() { &self.leading[..count] } else { &self.listed[query * count..(query + 1) * count] };
        (self.first[source], slots)
    }
}

impl CacheSlots {
    /// The first `lengths` [B] slots of these rows [B] of a cache with P = `capacity` slots, for `hypotheses` queries each.
    pub fn leading(rows: &[usize], lengths: &[usize], capacity: usize, hypotheses: usize) -> Self {
        let lists = SlotLists { counts: lengths.to_vec(), ..SlotLists::new(rows, capacity, hypotheses) };
        CacheSlots { lists, gathered: OnceCell::new() }
    }

    /// For each of R queries its own t slots, `slots` [R · t], of these rows [B] of a cache with P = `capacity` slots.
    pub fn listed(rows: &[usize], slots: &[usize], capacity: usize, hypotheses: usize) -> Self {
        let each = slots.len() / (rows.len() * hypotheses).max(1);
        let (counts, listed) = (vec![each; rows.len()], slots.to_vec());
        let lists = SlotLists { counts, listed, ..SlotLists::new(rows, capacity, hypotheses) };
        CacheSlots { lists, gathered: OnceCell::new() }
    }

    pub(super) fn gathered(&self, device: Device) -> &GatheredSlots {
        self.gathered.get_or_init(|| {
            let (queries, columns) = (self.lists.queries(), self.lists.columns());
            let mut indices: Vec<i64> = Vec::with_capacity(queries * columns);
            let mut keep = Vec::with_capacity(queries * columns);
            for query in 0..queries {
                let (first, slots) = self.lists.of(query);
                indices.extend(slots.iter().map(|slot| (first + slot) as i64));
                // Slots that do not count may be any.
                indices.extend(std::iter::repeat_n(first as i64, columns - slots.len()));
                keep.extend((0..columns).map(|column| column < slots.len()));
            }
            let all = keep.iter().all(|&keep| keep);
            let keep = (!all).then(|| Tensor::from_slice(&keep).view([queries as i64, columns as i64]).to_device(device));
            GatheredSlots { indices: Tensor::from_slice(&indices).to_device(device), keep }
        })
    }
}
