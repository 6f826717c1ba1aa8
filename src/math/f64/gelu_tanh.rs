use crate::vector::Vector;

#[inline(always)]
pub(in crate::math) fn gelu_tanh<V: Vector<Element = f64>>(_x: V) -> V {
    unimplemented!()
}

#[inline(always)]
pub(in crate::math) fn gelu_tanh_gradient<V: Vector<Element = f64>>(_x: V) -> V {
    unimplemented!()
}
