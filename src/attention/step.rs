//! Multi-head attention of single queries: what a decoder does at every step of a search.
//!
//! One query a row and a few places to look at are too little work for a matrix product. On a CPU the rows are therefore walked through
//! here, where they lie: nothing is transposed, padded or copied. Other devices gather and multiply.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use tch::{Device, Kind, Tensor};

use crate::nn::vectors::exp;
use crate::nn::{Rows, RowsMut};
use crate::runtime::in_parallel;

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
    if queries.device() != Device::Cpu || memory.keys.kind() != Kind::Float {
        return gather(queries, memory, places, heads, wanted);
    }
    // Half-precision products give half-precision queries.
    walk(&queries.to_kind(Kind::Float), memory, places, heads, wanted)
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
        taken.view([rows, -1, heads, size / heads]).transpose(1, 2)
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
fn walk(queries: &Tensor, memory: Stored, places: Places, heads: i64, wanted: bool) -> (Tensor, Option<Tensor>) {
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
    let threads = (rows * columns as usize * size as usize / LEAST_SHARE).clamp(1, tch::get_num_threads().max(1) as usize);
    in_parallel(shares(rows, rows.div_ceil(threads), (mixed, shown), heads), |(range, mut mixed, mut shown)| {
        let (queries, memory, lists, mixed) = (&queries, &memory, &lists, &mut mixed);
        Arch::new().dispatch(Attend { queries, memory, lists, rows: range, heads, mixed, shown: shown.as_mut() });
    });
    (output, weights)
}

/// Multiply-adds for which another thread is worth its while.
const LEAST_SHARE: usize = 1 << 15;

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

/// The places of every row, counted from its source's first.
struct Lists {
    /// Where that is for each source.
    first: Vec<usize>,
    /// How many places the rows of each source look at.
    lengths: Vec<usize>,
    /// All of them one after another; empty where every row looks at the first.
    listed: Vec<usize>,
    /// 0, 1, 2 …
    every: Vec<usize>,
    /// Rows of a source.
    width: usize,
}

impl Lists {
    #[inline(always)]
    fn of(&self, row: usize) -> &[usize] {
        let count = self.lengths[row / self.width];
        if self.listed.is_empty() { &self.every[..count] } else { &self.listed[row * count..(row + 1) * count] }
    }
}

/// Rows that attend.
struct Attend<'a> {
    queries: &'a Rows<'a>,
    memory: &'a [Rows<'a>; 2],
    lists: &'a Lists,
    rows: Range<usize>,
    heads: usize,
    /// Of `rows` alone, as is what is shown.
    mixed: &'a mut RowsMut<'a>,
    shown: Option<&'a mut RowsMut<'a>>,
}

impl WithSimd for Attend<'_> {
    type Output = ();

    /// Sizes of a head that models have are known when this is compiled, so that a head is a few vectors and not a loop.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.queries.width() / self.heads {
            32 => self.run::<32, S>(simd),
            64 => self.run::<64, S>(simd),
            128 => self.run::<128, S>(simd),
            _ => self.run::<0, S>(simd),
        }
    }
}

impl Attend<'_> {
    /// `SIZE` is K, or 0 where it is only known now.
    #[inline(always)]
    fn run<const SIZE: usize, S: Simd>(mut self, simd: S) {
        let ([keys, values], heads) = (self.memory, self.heads);
        let head = if SIZE == 0 { self.queries.width() / heads } else { SIZE };
        let scale = (head as f32).powf(-0.5);
        let mut weights = Vec::new();
        for (index, row) in self.rows.enumerate() {
            let (first, places) = (self.lists.first[row / self.lists.width], self.lists.of(row));
            let (query, mixed, count) = (self.queries.row(row), self.mixed.row(index), places.len());
            // [H, places and what fills a vector]
            let each = count.next_multiple_of(S::F32_LANES);
            weights.clear();
            weights.resize(heads * each, f32::NEG_INFINITY);
            // A place is read from one end to the other, heads together: the memory is larger than caches are, and read ahead.
            for (at, place) in places.iter().enumerate() {
                let key = keys.row(first + place);
                for part in 0..heads {
                    let range = part * head..part * head + head;
                    weights[part * each + at] = dot::<SIZE, S>(simd, &query[range.clone()], &key[range]) * scale;
                }
            }
            for (part, weights) in weights.chunks_mut(each.max(1)).enumerate() {
                softmax(simd, weights);
                if let Some(shown) = &mut self.shown {
                    shown.row(index * heads + part)[..count].copy_from_slice(&weights[..count]);
                }
            }
            mixed.fill(0.0);
            for (at, place) in places.iter().enumerate() {
                let value = values.row(first + place);
                for part in 0..heads {
                    let range = part * head..part * head + head;
                    add::<SIZE, S>(simd, &mut mixed[range.clone()], weights[part * each + at], &value[range]);
                }
            }
        }
    }
}

/// s + w v
#[inline(always)]
fn add<const SIZE: usize, S: Simd>(simd: S, sums: &mut [f32], weight: f32, value: &[f32]) {
    let (sums, value) = if SIZE == 0 { (sums, value) } else { (&mut sums[..SIZE], &value[..SIZE]) };
    let ((sums, last_sums), (value, last_value)) = (S::as_mut_simd_f32s(sums), S::as_simd_f32s(value));
    let wide = simd.splat_f32s(weight);
    for (sum, value) in sums.iter_mut().zip(value) {
        *sum = simd.mul_add_f32s(wide, *value, *sum);
    }
    for (sum, value) in last_sums.iter_mut().zip(last_value) {
        *sum += weight * value;
    }
}

/// u·v
#[inline(always)]
fn dot<const SIZE: usize, S: Simd>(simd: S, one: &[f32], other: &[f32]) -> f32 {
    let (one, other) = if SIZE == 0 { (one, other) } else { (&one[..SIZE], &other[..SIZE]) };
    let ((one, last_one), (other, last_other)) = (S::as_simd_f32s(one), S::as_simd_f32s(other));
    let mut sum = simd.splat_f32s(0.0);
    for (one, other) in one.iter().zip(other) {
        sum = simd.mul_add_f32s(*one, *other, sum);
    }
    simd.reduce_sum_f32s(sum) + last_one.iter().zip(last_other).map(|(a, b)| a * b).sum::<f32>()
}

/// In place, over as many energies as fill vectors: those that only fill are minus infinity.
#[inline(always)]
fn softmax<S: Simd>(simd: S, energies: &mut [f32]) {
    let (energies, rest) = S::as_mut_simd_f32s(energies);
    debug_assert!(rest.is_empty());
    let mut highest = simd.splat_f32s(f32::MIN);
    for energy in energies.iter() {
        highest = simd.max_f32s(highest, *energy);
    }
    let highest = simd.splat_f32s(simd.reduce_max_f32s(highest));
    let mut sum = simd.splat_f32s(0.0);
    for energy in energies.iter_mut() {
        *energy = exp(simd, simd.sub_f32s(*energy, highest));
        sum = simd.add_f32s(sum, *energy);
    }
    let scale = simd.splat_f32s(1.0 / simd.reduce_sum_f32s(sum));
    for energy in energies {
        *energy = simd.mul_f32s(*energy, scale);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walking_and_gathering_agree() {
        tch::manual_seed(4);
        let options = (Kind::Float, Device::Cpu);
        let (sources, capacity, width) = (2, 7, 3);
        // One of them has gone.
        let origins = Tensor::from_slice(&[2i64, 0]);
        for (heads, size) in [(2, 12), (4, 128), (1, 20)] {
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
                let (found, weights) = walk(&queries, memory, places, heads, true);
                assert!(found.allclose(&expected, 1e-5, 1e-6, false));
                assert!(weights.unwrap().allclose(&expected_weights.unwrap(), 1e-5, 1e-6, false));
                assert!(walk(&queries, memory, places, heads, false).1.is_none());
            }
        }
    }
}
