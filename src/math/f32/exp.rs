use super::power::{
    FRACTION, POWERS, TABLE, UP_64, less_one, quick_power, reduced, reduced_by, scaled_exp,
    scaled_table,
};
use crate::math::f64::exp::exp_of_rest;
use crate::math::f64::power::two_to;
use crate::vector::{Bits, Shift, Vector};

/// `e^x`.
///
/// `e^x = 2^k e^r`, where `k` is `x log2(e)` rounded to a multiple of 1/8, `r` is `x - k ln 2` and the fraction of
/// `2^k` comes from a table. `e^r` is `1 + r + r² q(r)`, `q` of degree 2 on |r| <= ln(2)/16, with a relative error of
/// 2^-32.1: all as in `power.rs`.
///
/// At most 0.929 ulp off below 0, at -87.74549 (`C2AF_7DB1`).
#[inline(always)]
pub(in crate::math) fn exp<V: Vector<Element = f32>>(x: V) -> V {
    // Where the result is infinite or 0 already; NaN stays, as it is second.
    let (sum, r) = reduced(V::constant(89.0).min(V::constant(-104.0).max(x)));
    let fraction = sum.look_up(&TABLE);
    fraction.mul_add(less_one(r), fraction).scale(sum, FRACTION)
}

/// `e^x` where `x` is not above 0, the same bits; above, some number. The exponent is not split, which is less work where
/// there is no instruction for it.
#[inline(always)]
pub(in crate::math) fn exp_below_0<V: Vector<Element = f32>>(x: V) -> V {
    let down = V::constant(1.0 / (1_u128 << 64) as f64);
    scaled_exp(V::constant(-110.0).max(x)) * down
}

pub(in crate::math) const SHIFTED_ONE: f64 = two_to(64);

/// For [`shifted_exp`].
#[inline(always)]
pub(in crate::math) fn shift(max: f32) -> Shift<f32> {
    crate::math::shift(max, 125.0, f32::rounding(FRACTION), UP_64)
}

/// The table with which `shifted_exp(max)` would be `SHIFTED_ONE`, where `less` and `rounding` are of the [`shift`] of `max`. Of an
/// infinite `max` it is no table.
#[inline(always)]
pub(in crate::math) fn exact_table(max: f32, less: f32, rounding: f32) -> [f32; 8] {
    let k = f32::rounding(FRACTION) - rounding;
    let factor = exp_of_rest(k.into(), (less - max).into()).value();
    // Not by a closure, which would lose the tier's instructions.
    let mut table = TABLE;
    let mut j = 0;
    while j < 8 {
        table[j] = (factor * POWERS[j]) as f32;
        j += 1;
    }
    scaled_table(table, 64)
}

/// `SHIFTED_ONE e^x`, divided by what `shift` says, which is that of the greatest `x` there is: at most 1.4 ulp off, or by an
/// [`exact_table`] 2. NaN stays.
#[inline(always)]
pub(in crate::math) fn shifted_exp<V: Vector<Element = f32>>(x: V, shift: &Shift<f32>) -> V {
    let y = V::splat(shift.least).max(x - V::splat(shift.less));
    let (sum, r) = reduced_by(y, V::splat(shift.rounding));
    quick_power(sum, r, &shift.table)
}
