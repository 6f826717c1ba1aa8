//! Loops that move the bytes of an operation, compute nothing and choose nothing: what a kernel is compared with.
//!
//! The copy of a size is the best of them all, since none is best everywhere: `rep movsb` wins in L2,
//! streaming past the caches, an aligned loop of full registers in L1. It is no limit: where a call is short, a kernel
//! with fewer instructions around its loop is faster.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use bytemuck::Pod;
use rectify::Element;

use super::Slices;
use super::turns::{Contender, time};

/// What an operation reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// One read, one write: forward.
    Copy,
    /// One read, and a write to the same place: forward in place.
    Update,
    /// Two reads, one write: backward.
    Merge,
    /// Two reads, and a write to the place of one of them: backward in place.
    MergeUpdate,
}

impl Traffic {
    /// How many buffers it touches: its footprint is as many times the length.
    pub fn buffers(self) -> usize {
        match self {
            Self::Update => 1,
            Self::Copy | Self::MergeUpdate => 2,
            Self::Merge => 3,
        }
    }
}

/// A way to move the bytes: from `input`, or `input` and `grad`, to `output`. Leaves an `output` that it
/// reads as it was.
pub type Move = fn(&mut Slices<'_, u8>);

/// Every way that this machine has, with its name. The one that streams comes first: it leaves the caches
/// without the output, and who is measured next should not pay for that.
pub fn ways(traffic: Traffic) -> Vec<(&'static str, Move)> {
    let mut ways: Vec<(&'static str, Move)> = vec![];
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            ways.extend(x86::avx512::ways(traffic));
        } else if is_x86_feature_detected!("avx2") {
            ways.extend(x86::avx2::ways(traffic));
        }
        if traffic == Traffic::Copy {
            ways.push(("rep movsb", x86::rep_movsb));
        }
    }
    if traffic == Traffic::Copy {
        ways.push(("memcpy", memcpy));
    }
    if ways.is_empty() {
        ways.push(("plain loop", |slices| {
            for (out, x) in slices.output.iter_mut().zip(slices.input) {
                *out ^= x & black_box(0);
            }
        }));
    }
    ways
}

/// Every way as a contender. With several `threads`, each moves its own share over and over and waits for
/// nobody: what the machine can do where threads cost nothing.
pub fn contenders<'a, T: Element + Pod>(
    traffic: Traffic,
    threads: usize,
    slices: &'a RefCell<Slices<'_, T>>,
) -> Vec<Contender<'a>> {
    let contender = |(name, way): (&'static str, Move)| {
        Contender::timing(name, move |runs| {
            let mut slices = slices.borrow_mut();
            let mut bytes = slices.bytes();
            if threads == 1 {
                return time(runs, || way(black_box(&mut bytes)));
            }
            let parts = bytes.split(threads);
            let start = &Barrier::new(parts.len());
            thread::scope(|scope| {
                let work = |mut part: Slices<'_, u8>| {
                    start.wait();
                    time(runs, || way(black_box(&mut part)))
                };
                let workers: Vec<_> = parts
                    .into_iter()
                    .map(|part| scope.spawn(move || work(part)))
                    .collect();
                workers
                    .into_iter()
                    .map(|worker| worker.join().expect("no way panics"))
                    .max()
                    .unwrap_or(Duration::ZERO)
            })
        })
    };
    ways(traffic).into_iter().map(contender).collect()
}

fn memcpy(slices: &mut Slices<'_, u8>) {
    slices.output.copy_from_slice(slices.input);
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Move, Slices, Traffic, black_box};
    use std::arch::asm;

    pub(super) fn rep_movsb(slices: &mut Slices<'_, u8>) {
        assert_eq!(slices.input.len(), slices.output.len());
        // SAFETY: it reads and writes the length that both slices have, and nothing else. The direction
        // flag is clear, as the calling convention says.
        unsafe {
            asm!(
                "rep movsb",
                inout("rcx") slices.output.len() => _,
                inout("rsi") slices.input.as_ptr() => _,
                inout("rdi") slices.output.as_mut_ptr() => _,
                options(nostack, preserves_flags)
            );
        }
    }

    /// The loops of one register size: stores aligned, four registers a turn, the ends by one overlapping
    /// register each.
    macro_rules! loops {
        (
            $module:ident, $feature:literal, $register:ident,
            $load:ident, $store:ident, $stream:ident, $set:ident, $xor:ident, $and:ident
        ) => {
            pub(super) mod $module {
                use super::{Move, Traffic, black_box};
                use std::arch::x86_64::*;

                pub(in super::super) fn ways(traffic: Traffic) -> Vec<(&'static str, Move)> {
                    match traffic {
                        Traffic::Copy => vec![
                            ("streaming loop", |slices| {
                                go::<1, true>([slices.input.as_ptr()], slices.output);
                            }),
                            ("vector loop", |slices| {
                                go::<1, false>([slices.input.as_ptr()], slices.output);
                            }),
                        ],
                        Traffic::Update => vec![("vector loop", |slices| {
                            go::<1, false>([slices.output.as_ptr()], slices.output);
                        })],
                        Traffic::Merge => vec![
                            ("streaming loop", |slices| {
                                let inputs = [slices.grad.as_ptr(), slices.input.as_ptr()];
                                go::<2, true>(inputs, slices.output);
                            }),
                            ("vector loop", |slices| {
                                let inputs = [slices.grad.as_ptr(), slices.input.as_ptr()];
                                go::<2, false>(inputs, slices.output);
                            }),
                        ],
                        Traffic::MergeUpdate => vec![("vector loop", |slices| {
                            let inputs = [slices.output.as_ptr(), slices.input.as_ptr()];
                            go::<2, false>(inputs, slices.output);
                        })],
                    }
                }

                fn go<const N: usize, const STREAM: bool>(
                    inputs: [*const u8; N],
                    output: &mut [u8],
                ) {
                    // SAFETY: `ways` is called where the instructions are there; a case's slices have one
                    // length, and an input is the output itself or apart from it.
                    unsafe { enabled::<N, STREAM>(inputs, output.as_mut_ptr(), output.len()) }
                }

                #[target_feature(enable = $feature)]
                unsafe fn enabled<const N: usize, const STREAM: bool>(
                    inputs: [*const u8; N],
                    output: *mut u8,
                    len: usize,
                ) {
                    const BYTES: usize = size_of::<$register>();
                    const UNROLL: usize = 4;
                    const AHEAD_BYTES: usize = 4096;
                    assert!(len >= BYTES);
                    // What the compiler does not know to be zero, it has to compute with.
                    let zero = $set(black_box(0));
                    // SAFETY: every access is in bounds, since `at + BYTES <= len`.
                    unsafe {
                        let load = |at: usize| {
                            let value = $xor($load(inputs[0].add(at).cast()), zero);
                            match inputs.get(1) {
                                Some(input) => $xor(value, $and($load(input.add(at).cast()), zero)),
                                None => value,
                            }
                        };
                        let store = |at: usize, value| {
                            if STREAM {
                                $stream(output.add(at).cast(), value);
                            } else {
                                $store(output.add(at).cast(), value);
                            }
                        };
                        let (first, last) = (load(0), load(len - BYTES));
                        let mut at = output.addr().wrapping_neg() % BYTES;
                        while at + UNROLL * BYTES <= len {
                            if STREAM {
                                for line in (0..UNROLL * BYTES).step_by(64) {
                                    for input in inputs {
                                        let ahead = input.wrapping_add(at + line + AHEAD_BYTES);
                                        _mm_prefetch::<_MM_HINT_T1>(ahead.cast());
                                    }
                                }
                            }
                            let values: [$register; UNROLL] =
                                std::array::from_fn(|i| load(at + i * BYTES));
                            for (i, value) in values.into_iter().enumerate() {
                                store(at + i * BYTES, value);
                            }
                            at += UNROLL * BYTES;
                        }
                        while at + BYTES <= len {
                            store(at, load(at));
                            at += BYTES;
                        }
                        $store(output.cast(), first);
                        $store(output.add(len - BYTES).cast(), last);
                        if STREAM {
                            _mm_sfence();
                        }
                    }
                }
            }
        };
    }

    loops! {
        avx2, "avx2", __m256i, _mm256_loadu_si256, _mm256_storeu_si256, _mm256_stream_si256,
        _mm256_set1_epi8, _mm256_xor_si256, _mm256_and_si256
    }
    loops! {
        avx512, "avx512f", __m512i, _mm512_loadu_si512, _mm512_storeu_si512, _mm512_stream_si512,
        _mm512_set1_epi32, _mm512_xor_si512, _mm512_and_si512
    }
}
