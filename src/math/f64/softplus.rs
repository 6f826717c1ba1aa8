use crate::vector::Vector;

#[inline(always)]
pub(in crate::math) fn softplus<V: Vector<Element = f64>>(_x: V) -> V {
    unimplemented!()
}

#[inline(always)]
pub(in crate::math) fn softplus_scaled<V: Vector<Element = f64>>(_x: V, _beta: V) -> V {
    unimplemented!()
}

#[inline(always)]
pub(in crate::math) fn softplus_gradient<V: Vector<Element = f64>>(_x: V) -> V {
    unimplemented!()
}

#[inline(always)]
pub(in crate::math) fn softplus_scaled_gradient<V: Vector<Element = f64>>(_x: V, _beta: V) -> V {
    unimplemented!()
}
