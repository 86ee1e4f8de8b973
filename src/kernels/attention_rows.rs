//! The inner loops of attention to a key-value cache, by vectors of whatever width the processor has.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::exponential::exp;
use super::rows::Word;
use super::slots::SlotLists;
use super::{Rows, RowsMut};

/// Queries that attend to their slots.
pub(super) struct AttentionRows<'a, T> {
    pub queries: &'a Rows<'a>,
    /// Keys and values.
    pub cache: &'a [Rows<'a, T>; 2],
    pub slots: &'a SlotLists,
    pub rows: Range<usize>,
    pub heads: usize,
    /// Of `rows` alone, as are the weights.
    pub context: &'a mut RowsMut<'a>,
    pub weights: Option<&'a mut RowsMut<'a>>,
}

impl<T: CacheNumber> WithSimd for AttentionRows<'_, T> {
    type Output = ();

    /// Sizes of a head that models have are known when this is compiled, so that a head is a few vectors and not a loop.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.cache[0].width() / self.heads {
            16 => self.run::<16, S>(simd),
            32 => self.run::<32, S>(simd),
            64 => self.run::<64, S>(simd),
            128 => self.run::<128, S>(simd),
            _ => self.run::<0, S>(simd),
        }
    }
}

impl<T: CacheNumber> AttentionRows<'_, T> {
    /// `SIZE` is how many words a head has, or 0 where that is only known now.
    #[inline(always)]
    fn run<const SIZE: usize, S: Simd>(mut self, simd: S) {
        let ([keys, values], heads) = (self.cache, self.heads);
        let words = if SIZE == 0 { keys.width() / heads } else { SIZE };
        let numbers = words * T::NUMBERS;
        let scale = (numbers as f32).powf(-0.5);
        let (mut weights, mut query, mut sums) = (Vec::new(), vec![0f32; heads * numbers], vec![0f32; heads * numbers]);
        for (index, row) in self.rows.enumerate() {
            let (first, slots) = self.slots.of(row);
            let count = slots.len();
            T::apart(self.queries.row(row), &mut query, numbers);
            // [H, slots and what fills a vector]
            let each = count.next_multiple_of(S::F32_LANES);
            weights.clear();
            weights.resize(heads * each, f32::NEG_INFINITY);
            // A slot is read from one end to the other, heads together: the keys are larger than the processor's caches, and are read ahead.
            for (at, slot) in slots.iter().enumerate() {
                let key = keys.row(first + slot);
                for (part, query) in query.chunks_exact(numbers).enumerate() {
                    let key = &key[part * words..part * words + words];
                    weights[part * each + at] = T::dot::<SIZE, S>(simd, query, key) * scale;
                }
            }
            for (part, weights) in weights.chunks_mut(each.max(1)).enumerate() {
                softmax(simd, weights);
                if let Some(shown) = &mut self.weights {
                    shown.row(index * heads + part)[..count].copy_from_slice(&weights[..count]);
                }
            }
            sums.fill(0.0);
            for (at, slot) in slots.iter().enumerate() {
                let value = values.row(first + slot);
                for (part, sums) in sums.chunks_exact_mut(numbers).enumerate() {
                    T::add::<SIZE, S>(simd, sums, weights[part * each + at], &value[part * words..part * words + words]);
                }
            }
            T::together(&sums, self.context.row(index), numbers);
        }
    }
}

/// What keys and values are cached in. Numbers that are multiplied by them are put into an order that suits them.
pub(super) trait CacheNumber: Word {
    /// Rows of numbers, those of a head beside each other, into that order.
    fn apart(row: &[f32], ordered: &mut [f32], head: usize);

    /// And back.
    fn together(ordered: &[f32], row: &mut [f32], head: usize);

    /// q·k over a head; `SIZE` words or, where it is 0, as many as there are.
    fn dot<const SIZE: usize, S: Simd>(simd: S, query: &[f32], key: &[Self]) -> f32;

    /// s + w v
    fn add<const SIZE: usize, S: Simd>(simd: S, sums: &mut [f32], weight: f32, value: &[Self]);
}

impl CacheNumber for f32 {
    #[inline(always)]
    fn apart(row: &[f32], ordered: &mut [f32], _: usize) {
        ordered.copy_from_slice(row);
    }

    #[inline(always)]
    fn together(ordered: &[f32], row: &mut [f32], _: usize) {
        row.copy_from_slice(ordered);
    }

    #[inline(always)]
    fn dot<const SIZE: usize, S: Simd>(simd: S, query: &[f32], key: &[f32]) -> f32 {
        let (query, key) = if SIZE == 0 { (query, key) } else { (&query[..SIZE], &key[..SIZE]) };
        let ((query, last_query), (key, last_key)) = (S::as_simd_f32s(query), S::as_simd_f32s(key));
        let mut sum = simd.splat_f32s(0.0);
        for (query, key) in query.iter().zip(key) {
            sum = simd.mul_add_e_f32s(*query, *key, sum);
        }
        simd.reduce_sum_f32s(sum) + last_query.iter().zip(last_key).map(|(q, k)| q * k).sum::<f32>()
    }

    #[inline(always)]
    fn add<const SIZE: usize, S: Simd>(simd: S, sums: &mut [f32], weight: f32, value: &[f32]) {
        let (sums, value) = if SIZE == 0 { (sums, value) } else { (&mut sums[..SIZE], &value[..SIZE]) };
        let ((sums, last_sums), (value, last_value)) = (S::as_mut_simd_f32s(sums), S::as_simd_f32s(value));
        let wide = simd.splat_f32s(weight);
        for (sum, value) in sums.iter_mut().zip(value) {
            *sum = simd.mul_add_e_f32s(wide, *value, *sum);
        }
        for (sum, value) in last_sums.iter_mut().zip(last_value) {
            *sum += weight * value;
        }
    }
}

/// Pairs of bfloat16: first the numbers of a head that stand first in their pairs, then the others.
impl CacheNumber for u32 {
    #[inline(always)]
    fn apart(row: &[f32], ordered: &mut [f32], head: usize) {
        for (row, ordered) in row.chunks_exact(head).zip(ordered.chunks_exact_mut(head)) {
            let (first, second) = ordered.split_at_mut(head / 2);
            for (pair, (first, second)) in row.chunks_exact(2).zip(first.iter_mut().zip(second)) {
                (*first, *second) = (pair[0], pair[1]);
            }
        }
    }

    #[inline(always)]
    fn together(ordered: &[f32], row: &mut [f32], head: usize) {
        for (row, ordered) in row.chunks_exact_mut(head).zip(ordered.chunks_exact(head)) {
            let (first, second) = ordered.split_at(head / 2);
            for (pair, (first, second)) in row.chunks_exact_mut(2).zip(first.iter().zip(second)) {
                (pair[0], pair[1]) = (*first, *second);
            }
        }
    }

    #[inline(always)]
    fn dot<const SIZE: usize, S: Simd>(simd: S, query: &[f32], key: &[u32]) -> f32 {
        let key = if SIZE == 0 { key } else { &key[..SIZE] };
        let (first, second) = query.split_at(key.len());
        let (first, last_first) = S::as_simd_f32s(first);
        let (second, last_second) = S::as_simd_f32s(&second[..key.len()]);
        let (key, last_key) = S::as_simd_u32s(key);
        let (mut sum, mut other) = (simd.splat_f32s(0.0), simd.splat_f32s(0.0));
        for ((first, second), key) in first.iter().zip(second).zip(key) {
            let (low, high) = halves(simd, *key);
            sum = simd.mul_add_e_f32s(*first, low, sum);
            other = simd.mul_add_e_f32s(*second, high, other);
        }
        let mut rest = 0.0;
        for ((first, second), key) in last_first.iter().zip(last_second).zip(last_key) {
            rest += first * f32::from_bits(key << 16) + second * f32::from_bits(key & UPPER);
        }
        simd.reduce_sum_f32s(simd.add_f32s(sum, other)) + rest
    }

    #[inline(always)]
    fn add<const SIZE: usize, S: Simd>(simd: S, sums: &mut [f32], weight: f32, value: &[u32]) {
        let value = if SIZE == 0 { value } else { &value[..SIZE] };
        let (first, second) = sums.split_at_mut(value.len());
        let (first, last_first) = S::as_mut_simd_f32s(first);
        let (second, last_second) = S::as_mut_simd_f32s(&mut second[..value.len()]);
        let (value, last_value) = S::as_simd_u32s(value);
        let wide = simd.splat_f32s(weight);
        for ((first, second), value) in first.iter_mut().zip(second).zip(value) {
            let (low, high) = halves(simd, *value);
            *first = simd.mul_add_e_f32s(wide, low, *first);
            *second = simd.mul_add_e_f32s(wide, high, *second);
        }
        for ((first, second), value) in last_first.iter_mut().zip(last_second).zip(last_value) {
            *first += weight * f32::from_bits(value << 16);
            *second += weight * f32::from_bits(value & UPPER);
        }
    }
}

/// The bits of the second number of a pair.
const UPPER: u32 = 0xffff_0000;

/// Pairs of bfloat16 as float32.
#[inline(always)]
fn halves<S: Simd>(simd: S, pairs: S::u32s) -> (S::f32s, S::f32s) {
    let low = simd.wrapping_dyn_shl_u32s(pairs, simd.splat_u32s(16));
    (simd.transmute_f32s_u32s(low), simd.transmute_f32s_u32s(simd.and_u32s(pairs, simd.splat_u32s(UPPER))))
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
