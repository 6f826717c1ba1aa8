use crate::vector::Vector;

#[inline(always)]
pub(in crate::math) fn ln_1p<V: Vector<Element = f64>>(_x: V) -> V {
    unimplemented!()
}
