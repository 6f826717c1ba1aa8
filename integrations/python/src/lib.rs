//! The extension module of the Python package `rectify`: what is called from Python, the checks of what it was given, and the
//! calls of the crate `rectify` on views of NumPy's memory. Without unsafe code, and without mathematics.

mod activation;
mod arrays;
mod functions;
mod prelu;

use pyo3::prelude::*;
use rectify::Tier;

/// The instruction set that is used, such as "AVX-512": the best that this CPU has, or what the environment variable
/// RECTIFY_MAX_TIER leaves of it.
#[pyfunction]
fn tier() -> String {
    Tier::best().to_string()
}

/// The instruction sets that can be used, the best one last. All of them give the same bits.
#[pyfunction]
fn tiers() -> Vec<String> {
    Tier::available().map(|tier| tier.to_string()).collect()
}

#[pymodule]
fn _rectify(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<activation::Activation>()?;
    functions::add_to(module)?;
    prelu::add_to(module)?;
    module.add_function(wrap_pyfunction!(tier, module)?)?;
    module.add_function(wrap_pyfunction!(tiers, module)?)
}
