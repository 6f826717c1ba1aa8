use crate::vector::Vector;

#[inline(always)]
pub(in crate::math) fn mish<V: Vector<Element = f64>>(_x: V) -> V {
    unimplemented!()
}

#[inline(always)]
pub(in crate::math) fn mish_gradient<V: Vector<Element = f64>>(_x: V) -> V {
    unimplemented!()
}
