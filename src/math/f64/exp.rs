use super::power::{
    E, FRACTION, FRACTIONS, LN_2_HIGH, LN_2_LOW, LOG2_E, TABLE, exp_rounded_by, polynomial,
    rounding, scaled_exp, two_to,
};
use crate::vector::{Shift, Vector};

/// `e^x`.
///
/// `e^x = 2^k e^r`, where `k` is `x log2(e)` rounded to a multiple of 1/16, `r` is `x - k ln 2` and the fraction of `2^k`
/// comes from a table: both as in `power.rs`. `e^r` is of degree 6.
#[inline(always)]
pub(in crate::math) fn exp<V: Vector<Element = f64>>(x: V) -> V {
    // Where the result is infinite or 0 already; NaN stays, as it is second.
    let x = V::constant(710.0).min(V::constant(-746.0).max(x));
    let rounding = V::rounding(FRACTION);
    let sum = x.mul_add(V::splat(LOG2_E), rounding);
    let k = sum - rounding;
    // The first is exact.
    let r = k.mul_add(V::splat(-LN_2_HIGH), x);
    let r = k.mul_add(V::splat(-LN_2_LOW), r);
    let power = sum.look_up(&TABLE);
    power.mul_add(polynomial(r, &E), power).scale(sum, FRACTION)
}

/// `e^x` where `x` is not above 0, the same bits; above, some number. The exponent is not split.
#[inline(always)]
pub(in crate::math) fn exp_below_0<V: Vector<Element = f64>>(x: V) -> V {
    scaled_exp(V::constant(-746.0).max(x), 64) * V::constant(two_to(-64))
}

/// For [`shifted_exp`].
#[inline(always)]
pub(in crate::math) fn shift<V: Vector<Element = f64>>(max: V) -> Shift<V> {
    crate::math::shift(max, V::constant(746.0), rounding(64), FRACTIONS)
}

/// As [`shift`], with all divided by the exponential of `max`, too.
#[inline(always)]
pub(in crate::math) fn exact_shift<V: Vector<Element = f64>>(max: f64) -> Shift<V> {
    let Shift {
        less,
        least,
        rounding: rounding_by,
        mut table,
    } = shift::<f64>(max);
    let k = rounding::<f64>(64) - rounding_by;
    let factor = exp_of_rest(k, less - max);
    let mut j = 0;
    while j < 16 {
        let power = factor * TABLE[j];
        table[j] = f64::from_bits(power.to_bits().wrapping_sub((j as u64) << (52 - FRACTION)));
        j += 1;
    }
    let [less, least, rounding] = [V::splat(less), V::splat(least), V::splat(rounding_by)];
    Shift {
        less,
        least,
        rounding,
        table,
    }
}

/// `e^(x + k ln 2)`, where that is near 1.
#[inline(always)]
pub(in crate::math) fn exp_of_rest(k: f64, x: f64) -> f64 {
    // The first is exact.
    let x = Vector::mul_add(k, LN_2_HIGH, x);
    scaled_exp(Vector::mul_add(k, LN_2_LOW, x), 0)
}

/// `2^64 e^x`, divided by what `shift` says, which is that of the greatest `x` there is: at most 1 ulp off. NaN stays.
#[inline(always)]
pub(in crate::math) fn shifted_exp<V: Vector<Element = f64>>(x: V, shift: Shift<V>) -> V {
    exp_rounded_by(
        shift.least.max(x - shift.less),
        shift.rounding,
        &shift.table,
    )
}
