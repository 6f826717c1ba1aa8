use super::power::scaled_exp;
use crate::math::polynomial;
use crate::vector::Vector;

/// Of `(x - tanh x) / x³` in `x²`.
const C: [f32; 8] = [
    f32::from_bits(0x3EAA_AAAB),
    f32::from_bits(0xBE08_8874),
    f32::from_bits(0x3D5D_065A),
    f32::from_bits(0xBCB2_B0C5),
    f32::from_bits(0x3C0D_A1CE),
    f32::from_bits(0xBB4C_ACEE),
    f32::from_bits(0x3A61_6127),
    f32::from_bits(0xB902_0132),
];
/// What rounding took off the first, 1/3.
const C_0_LOW: f32 = f32::from_bits(0xB22A_AAAB);
/// `C` without the first, but for that.
const TAIL: [f32; 8] = {
    let mut tail = C;
    tail[0] = C_0_LOW;
    tail
};
const SPLIT: f64 = 1.0625;
const SCALE: f64 = (1_u128 << 64) as f64;

/// `x - tanh x`.
///
/// Below 1.0625 it is `x³ p(x²)`, `p` of degree 7 with a relative error of 2^-26.2; above it is `(x - 1) + 2 t / (1 +
/// t)` with `t = e^-2x`.
///
/// At most 2.656 ulp off, at 1.0039443.
#[inline(always)]
pub(in crate::math) fn tanh_shrink<V: Vector<Element = f32>>(x: V) -> V {
    let z = x.abs();
    let far = (z - V::constant(1.0)) + below_1(z);
    let sign = x.bits_and(V::constant(-0.0));
    z.select_lt(V::constant(SPLIT), near(z), far).bits_or(sign)
}

/// `tanh²(x)`, from the same parts.
///
/// At most 2.925 ulp off, at 0.87526286.
#[inline(always)]
pub(in crate::math) fn tanh_shrink_gradient<V: Vector<Element = f32>>(x: V) -> V {
    let z = x.abs();
    let far = V::constant(1.0) - below_1(z);
    let tanh = z.select_lt(V::constant(SPLIT), z - near(z), far);
    tanh * tanh
}

/// `z - tanh z`, up to `SPLIT`.
#[inline(always)]
fn near<V: Vector<Element = f32>>(z: V) -> V {
    let s = z * z;
    let cube = s * z;
    cube.mul_add(V::splat(C[0]), cube * polynomial(s, &TAIL))
}

/// `1 - tanh z`.
#[inline(always)]
fn below_1<V: Vector<Element = f32>>(z: V) -> V {
    let t = scaled_exp(V::constant(-110.0).max(z * V::constant(-2.0)));
    (t + t) / (t + V::constant(SCALE))
}
