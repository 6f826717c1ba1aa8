//! Which registers this machine may and should use, found once.

use std::fmt;
use std::sync::OnceLock;

use crate::Element;
use crate::element::Registers;
use crate::slice::{self, Buffers, Map};
#[cfg(x86_tiers)]
use crate::x86::{Avx2, Avx512};

/// An instruction set that this machine can run.
///
/// A `Tier` can only be had from [`best`](Tier::best) and [`available`](Tier::available), so holding one
/// proves that its kernels run here. Every tier gives the same bits; they differ in speed alone. Tiers are
/// ordered: a later one has newer instructions, and registers that are no narrower.
///
/// | `Display` | registers | chosen |
/// |---|---|---|
/// | `portable (SSE2)` or what else the target has | `wide`'s `f32x4` and `f64x2`: 128 bits | at compile time |
/// | `AVX2` | 256 bits | at run time, on x86-64 |
/// | `AVX-512` | 512 bits | at run time, on x86-64 CPUs that keep their clock under it: those with VBMI2 (Ice Lake, Zen 4 and later) |
///
/// The environment variable `RECTIFY_MAX_TIER` (`portable`, `avx2` or `avx512`) caps what is found. It is
/// read once, at the first use.
///
/// ```
/// use rectify::{Activation, Relu, Tier};
///
/// for tier in Tier::available() {
///     let mut y = [-1.0_f32, 2.0];
///     Relu.on(tier).forward_in_place(&mut y);
///     assert_eq!(y, [0.0, 2.0], "{tier}");
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tier(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Portable,
    #[cfg(x86_tiers)]
    Avx2(Avx2),
    #[cfg(x86_tiers)]
    Avx512(Avx512),
}

/// The values of `RECTIFY_MAX_TIER`, the least tier first.
const NAMES: [&str; 3] = ["portable", "avx2", "avx512"];

impl Tier {
    /// The widest tier that this machine runs well, at most `RECTIFY_MAX_TIER`. Found at the first call
    /// and remembered.
    ///
    /// # Panics
    /// If `RECTIFY_MAX_TIER` is set to anything but `portable`, `avx2` or `avx512`.
    #[inline]
    #[must_use]
    pub fn best() -> Self {
        static BEST: OnceLock<Tier> = OnceLock::new();
        *BEST.get_or_init(|| Self::available().last().expect("portable is always there"))
    }

    /// Every tier that this machine runs well, the portable one first and [`best`](Tier::best) last.
    ///
    /// # Panics
    /// As [`best`](Tier::best).
    pub fn available() -> impl DoubleEndedIterator<Item = Self> + Clone {
        let tiers = [
            Some(Kind::Portable),
            #[cfg(x86_tiers)]
            Avx2::detect().map(Kind::Avx2),
            #[cfg(x86_tiers)]
            Avx512::detect().map(Kind::Avx512),
        ];
        tiers.into_iter().take(max_tiers()).flatten().map(Self)
    }

    #[inline]
    pub(crate) fn run<T: Element, M: Map<N>, const N: usize>(
        self,
        map: M,
        buffers: &Buffers<T, N>,
        streaming: bool,
    ) {
        match self.0 {
            Kind::Portable => portable(map, buffers, streaming),
            #[cfg(x86_tiers)]
            Kind::Avx2(token) => token.run(map, buffers, streaming),
            #[cfg(x86_tiers)]
            Kind::Avx512(token) => token.run(map, buffers, streaming),
        }
    }
}

/// A function of its own, as the other tiers' kernels are, so that the choice between them stays small
/// enough to be inlined where it is called.
#[inline(never)]
fn portable<T: Element, M: Map<N>, const N: usize>(
    map: M,
    buffers: &Buffers<T, N>,
    streaming: bool,
) {
    slice::run::<<T as Registers>::Portable, M, N>((), map, buffers, streaming);
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self.0 {
            Kind::Portable => concat!("portable (", env!("RECTIFY_PORTABLE_SIMD"), ")"),
            #[cfg(x86_tiers)]
            Kind::Avx2(_) => "AVX2",
            #[cfg(x86_tiers)]
            Kind::Avx512(_) => "AVX-512",
        })
    }
}

/// How many of [`NAMES`] the environment allows, counted from the least.
fn max_tiers() -> usize {
    static MAX: OnceLock<usize> = OnceLock::new();
    *MAX.get_or_init(|| match std::env::var_os("RECTIFY_MAX_TIER") {
        None => NAMES.len(),
        Some(value) => match NAMES.iter().position(|name| value == **name) {
            Some(at) => at + 1,
            None => panic!(
                "RECTIFY_MAX_TIER is {value:?}: it must be one of {}",
                NAMES.map(|name| format!("`{name}`")).join(", ")
            ),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::Vector;

    /// Whatever the input, the number of lanes of the register that it was computed in.
    #[derive(Clone, Copy)]
    struct Lanes;

    impl Map<1> for Lanes {
        #[inline(always)]
        fn apply<V: Vector>(self, [x]: [V; 1]) -> V {
            x.splat(V::Element::from_f64(V::LANES as f64))
        }
    }

    /// As the integration tests do: fails where other tiers are to be tested.
    #[test]
    fn tiers_are_those_to_test() {
        if let Ok(expected) = std::env::var("RECTIFY_TEST_TIERS") {
            let names: Vec<_> = Tier::available().map(|tier| tier.to_string()).collect();
            assert_eq!(names.join(", "), expected);
        }
    }

    /// All tiers give the same bits, so nothing else would notice if one ran the kernels of another.
    fn registers_are_those_of_the_tier<T: Element>() {
        for tier in Tier::available() {
            let bytes = match tier.0 {
                Kind::Portable => 16,
                #[cfg(x86_tiers)]
                Kind::Avx2(_) => 32,
                #[cfg(x86_tiers)]
                Kind::Avx512(_) => 64,
            };
            let lanes = T::from_f64((bytes / size_of::<T>()) as f64);
            for (len, streaming) in [(16, false), (100, false), (1_000, false), (1_000, true)] {
                let mut buffer = vec![T::ZERO; len];
                let input = buffer.clone();
                let buffers = Buffers::new([&input], slice::as_output(&mut buffer));
                tier.run(Lanes, &buffers, streaming);
                assert!(
                    buffer.iter().all(|&x| x == lanes),
                    "{tier}, {len}: {:?}",
                    buffer[0]
                );
            }
        }
    }

    #[test]
    fn registers_are_those_of_the_tier_f32() {
        registers_are_those_of_the_tier::<f32>();
    }

    #[test]
    fn registers_are_those_of_the_tier_f64() {
        registers_are_those_of_the_tier::<f64>();
    }
}
