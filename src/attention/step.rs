//! Multi-head attention of single queries: what a decoder does at every step of a search.
//!
//! One query a row and a few places to look at are too little work for a matrix product. On a CPU the rows are therefore walked through
//! where they lie (by `rows.rs`): nothing is transposed, padded or copied. Other devices gather and multiply.

use std::ops::Range;

use pulp::Arch;
use tch::{Device, Kind, Tensor};

use super::rows::{Attend, Lists, Remembered};
use crate::nn::{Rows, RowsMut};
use crate::runtime::{in_parallel, team_size};

/// Where the rows of a step look, W hypotheses of each of B sources side by side.
#[derive(Clone, Copy)]
pub enum Places<'a> {
    /// The first places, as many as the source has tokens [B, 1] (float).
    First(&'a Tensor),
    /// These places of the source, for each row its own [R, t] (int64).
    Listed(&'a Tensor),
}

/// Keys and values [N, P, D], of which each of B sources has one of the N.
#[derive(Clone, Copy)]
pub struct Stored<'a> {
    pub keys: &'a Tensor,
    pub values: &'a Tensor,
    /// Which [B] (int64).
    pub origins: &'a Tensor,
}

/// softmax(q·k / √K) over a row's places, for every head (Vaswani et al. 2017, equation 1): queries [R, D] and what is stored to [R, D], and
/// the weights [R, H, P or t] when they are wanted.
pub fn attend_places(queries: &Tensor, memory: Stored, places: Places, heads: i64, wanted: bool) -> (Tensor, Option<Tensor>) {
    // Half-precision products give half-precision queries.
    let float = || queries.to_kind(Kind::Float);
    let even = (queries.size()[1] / heads) % 2 == 0;
    match (queries.device(), memory.keys.kind()) {
        (Device::Cpu, Kind::Float) => walk::<f32>(&float(), memory, places, heads, wanted),
        (Device::Cpu, Kind::BFloat16) if even => walk::<u32>(&float(), memory, places, heads, wanted),
        _ => gather(queries, memory, places, heads, wanted),
    }
}

/// By libtorch's operations, on any device.
fn gather(queries: &Tensor, memory: Stored, places: Places, heads: i64, wanted: bool) -> (Tensor, Option<Tensor>) {
    let (rows, size) = queries.size2().expect("queries are rows");
    let (stored, capacity, _) = memory.keys.size3().expect("a memory has three dimensions");
    let (width, integers) = (rows / memory.origins.size()[0], (Kind::Int64, queries.device()));
    let (places, keep) = match places {
        Places::First(lengths) => {
            let all = Tensor::arange(capacity, integers).unsqueeze(0);
            let keep = all.lt_tensor(&lengths.repeat_interleave_self_int(width, 0, None));
            (all.expand([rows, capacity], false), Some(keep))
        }
        Places::Listed(places) => (places.shallow_clone(), None),
    };
    let first = memory.origins.repeat_interleave_self_int(width, 0, None) * capacity;
    let flat = (places + first.unsqueeze(1)).reshape(-1);
    let by_head = |memory: &Tensor| {
        let taken = memory.reshape([stored * capacity, size]).index_select(0, &flat);
        taken.view([rows, -1, heads, size / heads]).transpose(1, 2).to_kind(queries.kind())
    };
    let queries = queries.reshape([rows, heads, 1, size / heads]) * ((size / heads) as f64).powf(-0.5);
    let mut energy = queries.matmul(&by_head(memory.keys).transpose(2, 3));
    if let Some(keep) = keep {
        energy = energy.masked_fill(&keep.logical_not().unsqueeze(1).unsqueeze(1), f64::NEG_INFINITY);
    }
    let weights = energy.softmax(-1, energy.kind());
    (weights.matmul(&by_head(memory.values)).reshape([rows, size]), wanted.then(|| weights.squeeze_dim(2)))
}

/// By walking through the rows.
fn walk<T: Remembered>(queries: &Tensor, memory: Stored, places: Places, heads: i64, wanted: bool) -> (Tensor, Option<Tensor>) {
    let (rows, size) = queries.size2().expect("queries are rows");
    let (stored, capacity, _) = memory.keys.size3().expect("a memory has three dimensions");
    let origins: Vec<i64> = Vec::try_from(memory.origins).expect("origins are a list of integers");
    let (sources, width) = (origins.len(), rows as usize / origins.len());
    let (lengths, listed, columns) = match places {
        Places::First(lengths) => {
            let lengths: Vec<f32> = Vec::try_from(lengths.reshape(-1)).expect("lengths are a list of numbers");
            (lengths.iter().map(|&length| length as usize).collect(), Vec::new(), capacity)
        }
        Places::Listed(places) => {
            let count = places.size()[1];
            let places: Vec<i64> = Vec::try_from(places.reshape(-1)).expect("places are a list of integers");
            (vec![count as usize; sources], places.iter().map(|&place| place as usize).collect(), count)
        }
    };
    let first = origins.iter().map(|&origin| origin as usize * capacity as usize).collect();
    let lists = Lists { first, lengths, listed, every: (0..capacity as usize).collect(), width };
    let output = Tensor::empty([rows, size], (Kind::Float, Device::Cpu));
    let weights = wanted.then(|| Tensor::zeros([rows, heads, columns], (Kind::Float, Device::Cpu)));
    let by_head = weights.as_ref().map(|weights| weights.view([rows * heads, columns]));
    let memory = [memory.keys, memory.values].map(|memory| memory.view([stored * capacity, size]));
    let (queries, memory) = (Rows::of(queries), [Rows::of(&memory[0]), Rows::of(&memory[1])]);
    let (rows, heads) = (rows as usize, heads as usize);
    // SAFETY: nobody else has these tensors yet.
    let (mixed, shown) = unsafe { (RowsMut::of(&output), by_head.as_ref().map(|weights| RowsMut::of(weights))) };
    let threads = (rows * columns as usize * size as usize / LEAST_SHARE).clamp(1, team_size());
    in_parallel(shares(rows, rows.div_ceil(threads), (mixed, shown), heads), |(range, mut mixed, mut shown)| {
        let (queries, memory, lists, mixed) = (&queries, &memory, &lists, &mut mixed);
        Arch::new().dispatch(Attend::<T> { queries, memory, lists, rows: range, heads, mixed, shown: shown.as_mut() });
    });
    (output, weights)
}

/// Multiply-adds for which another thread is worth its while; in tests few, so that threads share small cases, too.
const LEAST_SHARE: usize = if cfg!(test) { 1 << 6 } else { 1 << 15 };

/// Rows with where their results go.
type Share<'a> = (Range<usize>, RowsMut<'a>, Option<RowsMut<'a>>);

/// The rows, so many at a time. What is shown has a row for every head.
fn shares<'a>(
    rows: usize,
    each: usize,
    (mut mixed, mut shown): (RowsMut<'a>, Option<RowsMut<'a>>),
    heads: usize,
) -> Vec<Share<'a>> {
    let mut shares = Vec::new();
    let mut start = 0;
    while start < rows {
        let end = (start + each).min(rows);
        let (mine, others) = mixed.split_at(end - start);
        let (my_shown, others_shown) = shown.map(|shown| shown.split_at((end - start) * heads)).unzip();
        shares.push((start..end, mine, my_shown));
        (mixed, shown, start) = (others, others_shown, end);
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walking_and_gathering_agree_whatever_the_threads() {
        for threads in [1, 2, 4] {
            // What a thread may use is its own affair.
            let checked = std::thread::spawn(move || {
                tch::set_num_threads(threads);
                walking_and_gathering_agree();
            });
            checked.join().unwrap();
        }
    }

    fn walking_and_gathering_agree() {
        tch::manual_seed(4);
        let options = (Kind::Float, Device::Cpu);
        let (sources, capacity, width) = (2, 7, 3);
        // One of them has gone.
        let origins = Tensor::from_slice(&[2i64, 0]);
        for (heads, size) in [(2, 12), (4, 128), (1, 20), (2, 68), (3, 15)] {
            // Queries are a part of wider rows, as they come.
            let queries = Tensor::randn([sources * width, 3 * size], options).narrow(1, size, size);
            let (keys, values) =
                (Tensor::randn([sources + 1, capacity, size], options), Tensor::randn([sources + 1, capacity, size], options));
            let memory = Stored { keys: &keys, values: &values, origins: &origins };
            let lengths = Tensor::from_slice(&[7f32, 4.0]).unsqueeze(1);
            let listed =
                Tensor::from_slice(&[0i64, 2, 6, 1, 2, 3, 5, 0, 4, 0, 1, 2, 6, 6, 5, 3, 1, 0]).view([sources * width, 3]);
            for places in [Places::First(&lengths), Places::Listed(&listed)] {
                let (expected, expected_weights) = gather(&queries, memory, places, heads, true);
                let (found, weights) = walk::<f32>(&queries, memory, places, heads, true);
                assert!(found.allclose(&expected, 1e-5, 1e-6, false));
                assert!(weights.unwrap().allclose(&expected_weights.unwrap(), 1e-5, 1e-6, false));
                assert!(walk::<f32>(&queries, memory, places, heads, false).1.is_none());
                if size / heads % 2 == 1 {
                    continue;
                }
                // The same numbers in bfloat16, and the float32 that they are.
                let [keys, values] = [&keys, &values].map(|numbers| numbers.to_kind(Kind::BFloat16));
                let [exact_keys, exact_values] = [&keys, &values].map(|numbers| numbers.to_kind(Kind::Float));
                let exact = Stored { keys: &exact_keys, values: &exact_values, origins: &origins };
                let half = Stored { keys: &keys, values: &values, origins: &origins };
                let (expected, expected_weights) = gather(&queries, exact, places, heads, true);
                let (found, weights) = walk::<u32>(&queries, half, places, heads, true);
                assert!(found.allclose(&expected, 1e-5, 1e-6, false));
                assert!(weights.unwrap().allclose(&expected_weights.unwrap(), 1e-5, 1e-6, false));
            }
        }
    }
}
