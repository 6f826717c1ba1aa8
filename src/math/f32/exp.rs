use super::power::{
    FRACTION, POWERS, TABLE, UP_64, less_one, power, reduced, reduced_by, scaled_exp,
};
use crate::math::f64::exp::exp_of_rest;
use crate::math::f64::power::two_to;
use crate::vector::{Bits, Shift, Vector};

/// `e^x`.
///
/// `e^x = 2^k e^r`, where `k` is `x log2(e)` rounded to a multiple of 1/16, `r` is `x - k ln 2` and the fraction of
/// `2^k` comes from a table. `e^r` is `1 + r + r² q(r)`, `q` of degree 1 on |r| <= ln(2)/32, with a relative error of
/// 2^-29.2: all as in `power.rs`.
///
/// At most 0.990 ulp off, at -22.029484 (`C1B0_3C62`).
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
    scaled_exp(V::constant(-110.0).max(x), &UP_64) * down
}

/// For [`shifted_exp`].
#[inline(always)]
pub(in crate::math) fn shift<V: Vector<Element = f32>>(max: V) -> Shift<V> {
    crate::math::shift(max, V::constant(125.0), V::rounding(FRACTION), UP_64)
}

/// As [`shift`], with all divided by the exponential of `max`, too.
#[inline(always)]
pub(in crate::math) fn exact_shift<V: Vector<Element = f32>>(max: f32) -> Shift<V> {
    let Shift {
        less,
        least,
        rounding,
        mut table,
    } = shift::<f32>(max);
    let k = f32::rounding(FRACTION) - rounding;
    let factor = exp_of_rest(k.into(), (less - max).into()) * two_to(64);
    let mut j = 0;
    while j < 16 {
        let power = (factor * POWERS[j]) as f32;
        table[j] = f32::from_bits(power.to_bits().wrapping_sub((j as u32) << (23 - FRACTION)));
        j += 1;
    }
    let [less, least, rounding] = [V::splat(less), V::splat(least), V::splat(rounding)];
    Shift {
        less,
        least,
        rounding,
        table,
    }
}

/// `2^64 e^x`, divided by what `shift` says, which is that of the greatest `x` there is: at most 1 ulp off. NaN stays.
#[inline(always)]
pub(in crate::math) fn shifted_exp<V: Vector<Element = f32>>(x: V, shift: Shift<V>) -> V {
    let (sum, r) = reduced_by(shift.least.max(x - shift.less), shift.rounding);
    power(sum, r, &shift.table)
}
