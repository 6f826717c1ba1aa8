use super::power::{
    E, FRACTION, FRACTIONS, LN_2_HIGH, LN_2_LOW, LOG2_E, Power, TABLE, closely_scaled_exp,
    fractions, power_rounded_by, rounding, scaled_exp, two_to,
};
use crate::math::polynomial;
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

const SHIFT: i32 = 512;
pub(in crate::math) const SHIFTED_ONE: f64 = two_to(SHIFT);

/// For [`shifted_exp`].
#[inline(always)]
pub(in crate::math) fn shift(max: f64) -> Shift<f64> {
    crate::math::shift(max, 770.0, rounding(SHIFT), FRACTIONS)
}

/// The table with which `shifted_exp(max)` would be `SHIFTED_ONE`, where `less` and `rounding` are of the [`shift`] of `max`. Of an
/// infinite `max` it is no table.
#[inline(always)]
pub(in crate::math) fn exact_table(max: f64, less: f64, rounding: f64) -> [f64; 16] {
    let k = super::power::rounding::<f64>(SHIFT) - rounding;
    let factor = exp_of_rest(k, less - max);
    // Not by a closure, which would lose the tier's instructions.
    let mut table = TABLE;
    let mut j = 0;
    while j < 16 {
        table[j] = factor.times(table[j]);
        j += 1;
    }
    fractions(table)
}

/// `e^(x + k ln 2)`, where that is near 1.
#[inline(always)]
pub(in crate::math) fn exp_of_rest(k: f64, x: f64) -> Power<f64> {
    // The first is exact.
    let x = Vector::mul_add(k, LN_2_HIGH, x);
    closely_scaled_exp(Vector::mul_add(k, LN_2_LOW, x), 0)
}

/// `SHIFTED_ONE e^x`, divided by what `shift` says, which is that of the greatest `x` there is: at most 1 ulp off, or by an
/// [`exact_table`] 1.6. NaN stays.
#[inline(always)]
pub(in crate::math) fn shifted_exp<V: Vector<Element = f64>>(x: V, shift: &Shift<f64>) -> V {
    let y = V::splat(shift.least).max(x - V::splat(shift.less));
    power_rounded_by(y, V::splat(shift.rounding), &shift.table).value()
}
