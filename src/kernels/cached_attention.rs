//! Multi-head attention of single queries to a key-value cache: what a decoder does at every step of a search.
//!
//! One query a row and a few slots to attend to are too little work for a matrix product. On a CPU the rows of the cache are therefore read
//! where they lie (by `attention_rows.rs`): nothing is transposed, padded or copied. Other devices gather and multiply.

use std::cell::OnceCell;
use std::ops::Range;

use pulp::Arch;
use tch::{Device, Kind, Tensor};

use super::attention_rows::{AttentionRows, CacheNumber};
use super::{Rows, RowsMut, parallel_for, thread_count};

/// Which slots of a cache [N, P, D] the R = B · W queries of a step attend to: W hypotheses of each of B sources side by side, each source
/// having one of the N rows. The same for every layer and head.
pub struct CacheSlots {
    lists: SlotLists,
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
struct GatheredSlots {
    indices: Tensor,
    keep: Option<Tensor>,
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
    fn columns(&self) -> usize {
        if self.listed.is_empty() { self.leading.len() } else { self.counts.first().copied().unwrap_or(0) }
    }

    /// The first slot of a query's row, and the slots of the query counted from there.
    #[inline(always)]
    pub(super) fn of(&self, query: usize) -> (usize, &[usize]) {
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

    fn gathered(&self, device: Device) -> &GatheredSlots {
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

/// softmax(q·k / √K) over a query's slots, for every head (Vaswani et al. 2017, equation 1): queries [R, D], keys and values [N, P, D] to the
/// context [R, D], and the weights [R, H, P or t] where `with_weights`.
pub fn cached_attention(
    queries: &Tensor,
    [keys, values]: [&Tensor; 2],
    slots: &CacheSlots,
    heads: i64,
    with_weights: bool,
) -> (Tensor, Option<Tensor>) {
    // Half-precision products give half-precision queries.
    let float = || queries.to_kind(Kind::Float);
    let even = (queries.size()[1] / heads) % 2 == 0;
    match (queries.device(), keys.kind()) {
        (Device::Cpu, Kind::Float) => by_rows::<f32>(&float(), [keys, values], slots, heads, with_weights),
        (Device::Cpu, Kind::BFloat16) if even => by_rows::<u32>(&float(), [keys, values], slots, heads, with_weights),
        _ => gathered(queries, [keys, values], slots, heads, with_weights),
    }
}

/// By libtorch's operations, on any device.
fn gathered(
    queries: &Tensor,
    [keys, values]: [&Tensor; 2],
    slots: &CacheSlots,
    heads: i64,
    with_weights: bool,
) -> (Tensor, Option<Tensor>) {
    let (rows, size) = queries.size2().expect("queries are rows"); // [R, D]
    let GatheredSlots { indices, keep } = slots.gathered(queries.device());
    let by_head = |cache: &Tensor| {
        let taken = cache.reshape([-1, size]).index_select(0, indices); // [R · C, D]
        taken.view([rows, -1, heads, size / heads]).transpose(1, 2).to_kind(queries.kind()) // [R, H, C, K]
    };
    let queries = queries.reshape([rows, heads, 1, size / heads]) * ((size / heads) as f64).powf(-0.5); // [R, H, 1, K]
    let mut energy = queries.matmul(&by_head(keys).transpose(2, 3)); // [R, H, 1, C]
    if let Some(keep) = keep {
        energy = energy.masked_fill(&keep.logical_not().unsqueeze(1).unsqueeze(1), f64::NEG_INFINITY);
    }
    let weights = energy.softmax(-1, energy.kind());
    let context = weights.matmul(&by_head(values)).reshape([rows, size]); // [R, D]
    (context, with_weights.then(|| weights.squeeze_dim(2)))
}

/// By loops over the cache's rows.
fn by_rows<T: CacheNumber>(
    queries: &Tensor,
    cache: [&Tensor; 2],
    slots: &CacheSlots,
    heads: i64,
    with_weights: bool,
) -> (Tensor, Option<Tensor>) {
    let (rows, size) = queries.size2().expect("queries are rows"); // [R, D]
    let (slots, columns) = (&slots.lists, slots.lists.columns());
    let context = Tensor::empty([rows, size], (Kind::Float, Device::Cpu));
    let weights = with_weights.then(|| Tensor::zeros([rows, heads, columns as i64], (Kind::Float, Device::Cpu)));
    let by_head = weights.as_ref().map(|weights| weights.view([rows * heads, columns as i64]));
    let cache = cache.map(|cache| cache.view([-1, size])); // [N · P, D]
    let (queries, cache) = (Rows::of(queries), [Rows::of(&cache[0]), Rows::of(&cache[1])]);
    let (rows, heads) = (rows as usize, heads as usize);
    // SAFETY: nobody else has these tensors yet.
    let output = unsafe { (RowsMut::of(&context), by_head.as_ref().map(|weights| RowsMut::of(weights))) };
    let threads = (rows * columns * size as usize / LEAST_SHARE).clamp(1, thread_count());
    parallel_for(shares(rows, rows.div_ceil(threads), output, heads), |(range, mut context, mut weights)| {
        let (queries, cache, context) = (&queries, &cache, &mut context);
        let attention = AttentionRows::<T> { queries, cache, slots, rows: range, heads, context, weights: weights.as_mut() };
        Arch::new().dispatch(attention);
    });
    (context, weights)
}

/// Multiply-adds for which another thread is worth its while; in tests few, so that threads share small cases, too.
const LEAST_SHARE: usize = if cfg!(test) { 1 << 6 } else { 1 << 15 };

/// Rows with where their results go.
type Share<'a> = (Range<usize>, RowsMut<'a>, Option<RowsMut<'a>>);

/// The rows, so many at a time. Weights have a row for every head.
fn shares<'a>(
    rows: usize,
    each: usize,
    (mut context, mut weights): (RowsMut<'a>, Option<RowsMut<'a>>),
    heads: usize,
) -> Vec<Share<'a>> {
    let mut shares = Vec::new();
    let mut start = 0;
    while start < rows {
        let end = (start + each).min(rows);
        let (mine, others) = context.split_at(end - start);
        let (my_weights, other_weights) = weights.map(|weights| weights.split_at((end - start) * heads)).unzip();
        shares.push((start..end, mine, my_weights));
        (context, weights, start) = (others, other_weights, end);
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_over_rows_and_libtorch_agree_whatever_the_threads() {
        for threads in [1, 2, 4] {
            // What a thread may use is its own affair.
            let checked = std::thread::spawn(move || {
                tch::set_num_threads(threads);
                loops_over_rows_and_libtorch_agree();
            });
            checked.join().unwrap();
        }
    }

    fn loops_over_rows_and_libtorch_agree() {
        tch::manual_seed(4);
        let options = (Kind::Float, Device::Cpu);
        let (sources, capacity, hypotheses) = (2, 7, 3);
        // Of three sources one is done.
        let rows = [2, 0];
        let close = |one: &Tensor, other: &Tensor| one.allclose(other, 1e-5, 1e-6, false);
        for (heads, size) in [(2, 12), (4, 128), (1, 20), (2, 68), (3, 15)] {
            // Queries are a part of wider rows, as they come.
            let queries = Tensor::randn([sources * hypotheses, 3 * size], options).narrow(1, size, size);
            let [keys, values] = [(), ()].map(|()| Tensor::randn([sources + 1, capacity, size], options));
            let listed = [0, 2, 6, 1, 2, 3, 5, 0, 4, 0, 1, 2, 6, 6, 5, 3, 1, 0];
            for slots in [
                CacheSlots::leading(&rows, &[7, 4], capacity as usize, hypotheses as usize),
                CacheSlots::listed(&rows, &listed, capacity as usize, hypotheses as usize),
            ] {
                let (expected, expected_weights) = gathered(&queries, [&keys, &values], &slots, heads, true);
                let (found, weights) = by_rows::<f32>(&queries, [&keys, &values], &slots, heads, true);
                assert!(close(&found, &expected) && close(&weights.unwrap(), &expected_weights.unwrap()));
                assert!(by_rows::<f32>(&queries, [&keys, &values], &slots, heads, false).1.is_none());
                if size / heads % 2 == 1 {
                    continue;
                }
                // The same numbers in bfloat16, and the float32 that they are.
                let half = [&keys, &values].map(|numbers| numbers.to_kind(Kind::BFloat16));
                let exact = [&half[0], &half[1]].map(|numbers| numbers.to_kind(Kind::Float));
                let (expected, expected_weights) = gathered(&queries, [&exact[0], &exact[1]], &slots, heads, true);
                let (found, weights) = by_rows::<u32>(&queries, [&half[0], &half[1]], &slots, heads, true);
                assert!(close(&found, &expected) && close(&weights.unwrap(), &expected_weights.unwrap()));
            }
        }
    }
}
