use crate::vector::Vector;

#[inline(always)]
pub(in crate::math) fn tanh_shrink<V: Vector<Element = f64>>(_x: V) -> V {
    unimplemented!()
}

#[inline(always)]
pub(in crate::math) fn tanh_shrink_gradient<V: Vector<Element = f64>>(_x: V) -> V {
    unimplemented!()
}
