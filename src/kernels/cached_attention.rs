//! Multi-head attention of single queries to a key-value cache: what a decoder does at every step of a search.
//!
//! One query a row and a few slots to attend to are too little work for a matrix product. On a CPU the rows of the cache are therefore read
//! where they lie (by `attention_rows.rs`): nothing is transposed, padded or copied. Other devices gather and multiply.

use std::ops::Range;

use pulp::Arch;
use tch::{Device, Kind, Tensor};

use super::attention_rows::{AttentionRows, CacheNumber};
use super::slots::{CacheSlots, GatheredSlots};
use super::{Rows, RowsMut, parallel_for, thread_count};

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
