//! What the benches share: buffers, turns, and loops to compare with.
#![allow(dead_code, unreachable_pub)] // Each bench uses its part.

pub mod copy;
pub mod operation;
pub mod plain;
#[cfg(feature = "parallel")]
pub mod threads;
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
    /// Numbers between -6 and 6, uniform: what smooth activations are made for, and no branch predictor knows the signs.
    pub fn new(len: usize) -> Self {
        let mut rng = SmallRng::seed_from_u64(7);
        let room = 2 * PAGE_BYTES / size_of::<T>();
        let mut numbers = || {
            (0..len + room)
                .map(|_| T::from_f64(rng.random_range(-6.0..6.0)))
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

/// The CPU's name, as it gives it, and its generation: virtual machines often hide one of the two.
pub fn cpu() -> String {
    #[cfg(target_arch = "x86_64")]
    {
        let cpuid = raw_cpuid::CpuId::new();
        let brand = cpuid.get_processor_brand_string();
        let brand = brand
            .as_ref()
            .map_or("x86-64", |brand| brand.as_str().trim());
        let brand = brand.replace("(R)", "").replace("(TM)", "");
        match (generation(), cpuid.get_feature_info()) {
            (Some(generation), _) => format!("{brand} ({generation})"),
            (None, Some(info)) => {
                let (family, model) = (info.family_id(), info.model_id());
                format!("{brand} (family {family}, model {model})")
            }
            (None, None) => brand,
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    env::consts::ARCH.to_owned()
}

/// The directory in `docs/` for the measurements of this CPU: named by its generation, or by all that it says.
pub fn directory() -> String {
    let name = generation().map_or_else(cpu, str::to_owned);
    name.to_lowercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}

/// What the maker calls CPUs of this kind. An Intel one that has AMX is told by it: virtual machines give such a CPU the
/// model number of an older one.
fn generation() -> Option<&'static str> {
    #[cfg(target_arch = "x86_64")]
    {
        let cpuid = raw_cpuid::CpuId::new();
        let info = cpuid.get_feature_info()?;
        match cpuid.get_vendor_info()?.as_str() {
            "AuthenticAMD" => zen(info.family_id(), info.model_id()),
            "GenuineIntel" if cpuid.get_extended_feature_info()?.has_amx_tile() => {
                Some("Sapphire Rapids or later")
            }
            _ => None,
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    None
}

/// AMD's name of a generation, by the family and the model that `cpuid` returns.
#[cfg(target_arch = "x86_64")]
fn zen(family: u8, model: u8) -> Option<&'static str> {
    Some(match (family, model) {
        (0x17, 0x00..=0x2f) => "Zen",
        (0x17, _) => "Zen 2",
        (0x19, 0x10..=0x1f | 0x60..=0x7f | 0xa0..=0xaf) => "Zen 4",
        (0x19, _) => "Zen 3",
        (0x1a, _) => "Zen 5",
        _ => return None,
    })
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
