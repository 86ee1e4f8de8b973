//! eˣ in vectors of whatever width the processor has.

use pulp::Simd;

/// eˣ for x of 0 or less: 2ⁿ eʳ with |r| ≤ ln 2 / 2 and a polynomial for eʳ (the coefficients of Cephes' `expf`). Good to two units in the last
/// place; what is below e⁻⁸⁷ counts as that.
#[inline(always)]
pub fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let number = |value: f32| simd.splat_f32s(value);
    // Adding this rounds to a whole number, which then stands in the low bits.
    let round = number(12_582_912.0);
    let lowest = number(-87.0);
    // NaN is not less, and stays.
    let x = simd.select_f32s(simd.less_than_f32s(x, lowest), lowest, x);
    let shifted = simd.mul_add_e_f32s(x, number(std::f32::consts::LOG2_E), round);
    let n = simd.sub_f32s(shifted, round);
    let r = simd.mul_add_e_f32s(n, number(-0.693_359_4), x);
    let r = simd.mul_add_e_f32s(n, number(2.121_944_4e-4), r);
    let mut p = number(1.987_569_1e-4);
    for coefficient in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = simd.mul_add_e_f32s(p, r, number(coefficient));
    }
    let fraction = simd.add_f32s(simd.mul_add_e_f32s(simd.mul_f32s(p, r), r, r), number(1.0));
    let exponent = simd.add_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(127));
    simd.mul_f32s(fraction, simd.transmute_f32s_u32s(simd.wrapping_dyn_shl_u32s(exponent, simd.splat_u32s(23))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::{Arch, Scalar, WithSimd};

    struct Each<'a>(&'a mut [f32]);

    impl WithSimd for Each<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let (vectors, rest) = S::as_mut_simd_f32s(self.0);
            assert!(rest.is_empty());
            vectors.iter_mut().for_each(|x| *x = exp(simd, *x));
        }
    }

    #[test]
    fn powers_of_e_are_those_of_the_library() {
        let exponents: Vec<f32> = (0..8704).map(|step| -(step as f32) / 100.0).collect();
        let (mut wide, mut narrow) = (exponents.clone(), exponents.clone());
        Arch::new().dispatch(Each(&mut wide));
        Each(&mut narrow).with_simd(Scalar::new());
        for found in [wide, narrow] {
            for (x, found) in exponents.iter().zip(found).filter(|(x, _)| **x > -87.0) {
                let expected = f64::from(*x).exp();
                assert!((f64::from(found) / expected - 1.0).abs() < 3e-7, "e^{x}: {found} {expected}");
            }
        }
        let mut extremes = vec![f32::NEG_INFINITY; 32];
        extremes[7] = f32::NAN;
        let (mut wide, mut narrow) = (extremes.clone(), extremes);
        Arch::new().dispatch(Each(&mut wide));
        Each(&mut narrow).with_simd(Scalar::new());
        for extremes in [wide, narrow] {
            assert!(extremes[0] < 1e-37 && extremes[0] >= 0.0 && extremes[7].is_nan());
        }
    }
}
