//! What the benches share: buffers, turns, ceilings and pictures.
#![allow(dead_code, unreachable_pub)] // Each bench uses its part.

pub mod ceiling;
pub mod operation;
pub mod picture;
pub mod turns;

use std::env;

use bytemuck::Pod;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rectify::Element;

/// Where an allocator puts a large `Vec`, counted from the begin of a page.
pub const USUAL_OFFSET_BYTES: usize = 16;

const PAGE_BYTES: usize = 4096;

/// Memory for two inputs and an output, with room to begin anywhere in a page.
pub struct Buffers<T> {
    len: usize,
    input: Vec<T>,
    grad: Vec<T>,
    output: Vec<T>,
}

/// What an operation reads and writes. In place, `output` is read too.
pub struct Slices<'a, T> {
    pub input: &'a [T],
    pub grad: &'a [T],
    pub output: &'a mut [T],
}

impl<T: Element> Buffers<T> {
    /// Numbers between -1 and 1, uniform, so that no branch predictor knows the signs.
    pub fn new(len: usize) -> Self {
        let mut rng = SmallRng::seed_from_u64(7);
        let room = 2 * PAGE_BYTES / size_of::<T>();
        let mut numbers = || {
            (0..len + room)
                .map(|_| T::from_f64(rng.random_range(-1.0..1.0)))
                .collect()
        };
        Self {
            len,
            input: numbers(),
            grad: numbers(),
            output: numbers(),
        }
    }

    /// The buffers, each from `offset_bytes` past the begin of a page.
    pub fn slices(&mut self, offset_bytes: usize) -> Slices<'_, T> {
        let range = |memory: &[T]| {
            let to_page = (memory.as_ptr().addr().wrapping_neg() % PAGE_BYTES) / size_of::<T>();
            let start = to_page + offset_bytes / size_of::<T>();
            start..start + self.len
        };
        Slices {
            input: &self.input[range(&self.input)],
            grad: &self.grad[range(&self.grad)],
            output: {
                let range = range(&self.output);
                &mut self.output[range]
            },
        }
    }
}

impl<T> Slices<'_, T> {
    /// The same memory as bytes.
    pub fn bytes(&mut self) -> Slices<'_, u8>
    where
        T: Pod,
    {
        Slices {
            input: bytemuck::cast_slice(self.input),
            grad: bytemuck::cast_slice(self.grad),
            output: bytemuck::cast_slice_mut(self.output),
        }
    }

    /// The first `len` elements of each.
    pub fn first(&mut self, len: usize) -> Slices<'_, T> {
        Slices {
            input: &self.input[..len],
            grad: &self.grad[..len],
            output: &mut self.output[..len],
        }
    }

    /// The same, cut into `parts` of almost equal length.
    pub fn split(&mut self, parts: usize) -> Vec<Slices<'_, T>> {
        let len = self.output.len().div_ceil(parts).max(1);
        let inputs = self.input.chunks(len).zip(self.grad.chunks(len));
        inputs
            .zip(self.output.chunks_mut(len))
            .map(|((input, grad), output)| Slices {
                input,
                grad,
                output,
            })
            .collect()
    }
}

/// The CPU's name, as it gives it.
pub fn cpu() -> String {
    #[cfg(target_arch = "x86_64")]
    if let Some(brand) = raw_cpuid::CpuId::new().get_processor_brand_string() {
        return brand.as_str().trim().to_owned();
    }
    env::consts::ARCH.to_owned()
}

/// Level and bytes of each data cache, as the CPU reports them.
pub fn caches() -> Vec<(u8, usize)> {
    #[cfg(target_arch = "x86_64")]
    if let Some(caches) = raw_cpuid::CpuId::new().get_cache_parameters() {
        return caches
            .filter(|cache| cache.cache_type() != raw_cpuid::CacheType::Instruction)
            .map(|cache| {
                let ways = cache.associativity() * cache.physical_line_partitions();
                (
                    cache.level(),
                    ways * cache.coherency_line_size() * cache.sets(),
                )
            })
            .collect();
    }
    vec![]
}

/// Whether every case is to run once, to see that it does: with `--test`, and under `cargo test`.
pub fn is_only_a_test() -> bool {
    let has = |wanted| env::args().any(|arg| arg == wanted);
    has("--test") || !has("--bench")
}
