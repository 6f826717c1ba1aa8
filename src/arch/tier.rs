//! Which registers this machine may and should use, found once.

use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

#[cfg(x86_tiers)]
use super::cpu;
use super::register::{Register, Work};
#[cfg(x86_tiers)]
use super::x86::{
    avx2::{self, Avx2},
    avx512::{self, Avx512},
};
use crate::environment::variable;

/// An instruction set that this machine can run.
///
/// A `Tier` can only be had from [`best`](Tier::best), [`available`](Tier::available),
/// [`detected`](Tier::detected) and its name, so holding one proves that its kernels run here. Every tier gives the same bits;
/// they differ in speed alone. Tiers are ordered: a later one has newer instructions, and registers that are no
/// narrower.
///
/// | `Display` | registers | chosen |
/// |---|---|---|
/// | `portable (SSE2)` or what else the target has | `wide`'s `f32x8` and `f64x4`: 256 bits, or pairs of 128 where the target has no more | at compile time |
/// | `AVX2` | 256 bits | at run time, on x86-64 CPUs with AVX2 and FMA |
/// | `AVX-512` | 512 bits | at run time, on x86-64 CPUs that keep their clock under it: those with VBMI2 (Ice Lake, Zen 4 and later) |
///
/// The environment variable `RECTIFY_MAX_TIER` caps what `best` and `available` return, and so what calls run on that
/// name no tier. It is read once, at the first use; an empty one is as if it were not set.
/// [`set_max`](Tier::set_max) does the same from code.
///
/// Both the variable and `FromStr` take what `Display` prints, in any case, with or without the hyphen, and `portable`
/// for whatever instructions that is here: `portable`, `avx2`, `AVX512`. A text that names a tier which this machine does not
/// run is an error for `FromStr`, and caps nothing.
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
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tier(Kind);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Portable,
    #[cfg(x86_tiers)]
    Avx2(Avx2),
    #[cfg(x86_tiers)]
    Avx512(Avx512),
}

/// What `Display` prints, the least tier first; of the portable one what precedes its instructions.
const NAMES: [&str; 3] = ["portable", "AVX2", "AVX-512"];

/// The most tiers that [`Tier::available`] returns.
static MAX: OnceLock<usize> = OnceLock::new();

/// What a call takes that names no tier.
struct Best {
    tier: Tier,
    /// Where loads and stores set the pace.
    memory_bound: Tier,
}

impl Tier {
    /// The widest tier that this machine runs well, up to the cap. Found at the first call and remembered.
    ///
    /// It is what a call runs on that names no tier, with one exception: where the CPU's units are 256 bits wide
    /// and take AVX-512 in two halves, as Zen 4 says of itself, formulas that are bound by loads and stores
    /// ([`Formula::MEMORY_BOUND`](crate::Formula::MEMORY_BOUND)) run on AVX2, which is faster for them there.
    ///
    /// # Panics
    /// If `RECTIFY_MAX_TIER` names no tier.
    #[inline]
    #[must_use]
    pub fn best() -> Self {
        Best::get().tier
    }

    /// What a call runs on that names no tier.
    #[inline]
    pub(crate) fn best_for(memory_bound: bool) -> Self {
        let best = Best::get();
        if memory_bound {
            best.memory_bound
        } else {
            best.tier
        }
    }

    /// Every tier that this machine runs well, up to the cap: the portable one first and
    /// [`best`](Tier::best) last.
    ///
    /// # Panics
    /// As [`best`](Tier::best).
    pub fn available() -> impl DoubleEndedIterator<Item = Self> + Clone {
        let most = *MAX.get_or_init(max_from_environment);
        Self::detected().filter(move |tier| tier.rank() < most)
    }

    /// Every tier that this machine runs well, whatever the cap.
    pub fn detected() -> impl DoubleEndedIterator<Item = Self> + Clone {
        let tiers = [
            Some(Kind::Portable),
            #[cfg(x86_tiers)]
            Avx2::detect().map(Kind::Avx2),
            #[cfg(x86_tiers)]
            Avx512::detect().map(Kind::Avx512),
        ];
        tiers.into_iter().flatten().map(Self)
    }

    /// Caps what [`best`](Tier::best) and [`available`](Tier::available) return, in place of `RECTIFY_MAX_TIER`,
    /// which is then not read. To be called before the first use of any kernel.
    ///
    /// ```
    /// use rectify::Tier;
    ///
    /// let portable = Tier::detected().next().expect("the portable tier is always there");
    /// Tier::set_max(portable).expect("nothing has used a kernel yet");
    /// assert_eq!(Tier::best(), portable);
    /// ```
    ///
    /// # Errors
    /// If the cap is settled already: by an earlier call, or by the first use.
    pub fn set_max(max: Self) -> Result<(), TierAlreadyChosen> {
        MAX.set(max.rank() + 1).map_err(|_| TierAlreadyChosen(()))
    }

    /// Its place in [`NAMES`].
    fn rank(self) -> usize {
        match self.0 {
            Kind::Portable => 0,
            #[cfg(x86_tiers)]
            Kind::Avx2(_) => 1,
            #[cfg(x86_tiers)]
            Kind::Avx512(_) => 2,
        }
    }
}

impl Best {
    #[inline]
    fn get() -> &'static Self {
        static BEST: OnceLock<Best> = OnceLock::new();
        BEST.get_or_init(Self::find)
    }

    fn find() -> Self {
        let tier = Tier::available().last().expect("portable is always there");
        #[cfg(x86_tiers)]
        if let Kind::Avx512(token) = tier.0
            && cpu::halves_512_bits()
        {
            let memory_bound = Tier(Kind::Avx2(token.into()));
            return Self { tier, memory_bound };
        }
        let memory_bound = tier;
        Self { tier, memory_bound }
    }
}

/// An element type with a register of each tier. Out of the crate's reach, so it seals
/// [`Element`](crate::Element).
pub trait Dispatch: Sized {
    /// Runs `work` with the registers of `tier`.
    fn dispatch<W: Work<Self>>(tier: Tier, work: W);

    /// As [`dispatch`](Dispatch::dispatch) where the registers stream, and says whether they do. Elsewhere nothing is run, nor
    /// compiled.
    fn dispatch_streaming<W: Work<Self>>(tier: Tier, work: W) -> bool;
}

macro_rules! dispatch {
    ($element:ident, portable: $portable:path, avx2: $avx2:path, avx512: $avx512:path) => {
        impl Dispatch for $element {
            #[inline]
            fn dispatch<W: Work<Self>>(tier: Tier, work: W) {
                match tier.0 {
                    Kind::Portable => W::Home::portable::<$portable, W>(work),
                    #[cfg(x86_tiers)]
                    Kind::Avx2(token) => token.run::<$avx2, W>(work),
                    #[cfg(x86_tiers)]
                    Kind::Avx512(token) => token.run::<$avx512, W>(work),
                }
            }

            #[inline]
            fn dispatch_streaming<W: Work<Self>>(tier: Tier, work: W) -> bool {
                match tier.0 {
                    Kind::Portable => {
                        drop(work);
                        false
                    }
                    #[cfg(x86_tiers)]
                    Kind::Avx2(token) => {
                        token.run::<$avx2, W>(work);
                        true
                    }
                    #[cfg(x86_tiers)]
                    Kind::Avx512(token) => {
                        token.run::<$avx512, W>(work);
                        true
                    }
                }
            }
        }
    };
}

dispatch!(f32, portable: wide::f32x8, avx2: avx2::F32x8, avx512: avx512::F32x16);
dispatch!(f64, portable: wide::f64x4, avx2: avx2::F64x4, avx512: avx512::F64x8);

/// A method of every [`Work::Home`].
trait Portable {
    fn portable<V: Register<Token = ()>, W: Work<V::Element>>(work: W);
}

impl<H> Portable for H {
    /// A function of its own, as the other tiers' kernels are, so that the choice between them stays small
    /// enough to be inlined where it is called.
    #[inline(never)]
    fn portable<V: Register<Token = ()>, W: Work<V::Element>>(work: W) {
        work.run::<V>(());
    }
}

/// The place in [`NAMES`] of the tier that `text` names.
fn rank_of(text: &str) -> Option<usize> {
    let folded = |name: &str| name.trim().replace('-', "").to_ascii_lowercase();
    let text = folded(text);
    let portable = folded(&[NAMES[0], PORTABLE_SIMD].concat());
    let text = if text == portable { NAMES[0] } else { &text };
    NAMES.iter().position(|name| folded(name) == text)
}

/// What [`NAMES`] has, for an error.
fn known() -> String {
    NAMES.map(|name| format!("`{name}`")).join(", ")
}

/// What follows the name of the portable tier.
const PORTABLE_SIMD: &str = concat!(" (", env!("RECTIFY_PORTABLE_SIMD"), ")");

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rank() {
            0 => f.pad(&[NAMES[0], PORTABLE_SIMD].concat()),
            rank => f.pad(NAMES[rank]),
        }
    }
}

impl fmt::Debug for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tier")
            .field(&format_args!("{self}"))
            .finish()
    }
}

impl FromStr for Tier {
    type Err = ParseTierError;

    fn from_str(text: &str) -> Result<Self, ParseTierError> {
        let Some(rank) = rank_of(text) else {
            let known = known();
            return Err(ParseTierError(format!(
                "{text:?} is no tier: there are {known}"
            )));
        };
        Self::detected()
            .find(|tier| tier.rank() == rank)
            .ok_or_else(|| {
                let name = NAMES[rank];
                let detected: Vec<_> = Self::detected().map(|tier| format!("`{tier}`")).collect();
                ParseTierError(format!(
                    "`{name}` does not run here: there are {}",
                    detected.join(", ")
                ))
            })
    }
}

/// Why a text names no tier of this machine. Its text says which there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseTierError(String);

impl fmt::Display for ParseTierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for ParseTierError {}

/// [`Tier::set_max`] came too late: the cap was settled, by an earlier call of it, of [`Tier::best`] or of
/// [`Tier::available`], or by the first use of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TierAlreadyChosen(());

impl fmt::Display for TierAlreadyChosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the greatest tier is settled: it can be set once, before tiers are asked for and before the first use of a kernel",
        )
    }
}

impl Error for TierAlreadyChosen {}

/// How many of [`NAMES`] the environment allows, counted from the least.
fn max_from_environment() -> usize {
    let Some(value) = variable("RECTIFY_MAX_TIER") else {
        return NAMES.len();
    };
    match value.to_str().and_then(rank_of) {
        Some(rank) => rank + 1,
        None => panic!(
            "RECTIFY_MAX_TIER is {value:?}: it must be one of {}",
            known()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the integration tests do: fails where other tiers are to be tested.
    #[test]
    fn tiers_are_those_to_test() {
        if let Ok(expected) = std::env::var("RECTIFY_TEST_TIERS") {
            let names: Vec<_> = Tier::available().map(|tier| tier.to_string()).collect();
            assert_eq!(names.join(", "), expected);
        }
    }

    #[test]
    fn a_printed_tier_is_read_in_any_case() {
        for tier in Tier::detected() {
            let name = tier.to_string();
            for text in [
                &name,
                &name.to_lowercase(),
                &name.to_uppercase(),
                &name.replace('-', ""),
            ] {
                assert_eq!(text.parse(), Ok(tier), "{text}");
            }
            assert_eq!(format!("{tier:?}"), format!("Tier({tier})"));
        }
        assert_eq!("PORTABLE".parse::<Tier>().ok(), Tier::detected().next());
        for wrong in ["", "avx", "AVX-5121", "portable (", "avx2 (x)"] {
            let error = wrong.parse::<Tier>().expect_err(wrong).to_string();
            assert_eq!(
                error,
                format!("{wrong:?} is no tier: there are `portable`, `AVX2`, `AVX-512`")
            );
        }
    }

    /// Says which register it was run with.
    struct NameOfRegister<'a>(&'a mut &'static str);

    impl<T> Work<T> for NameOfRegister<'_> {
        type Home = Self;

        #[inline(always)]
        fn run<V: Register<Element = T>>(self, _: V::Token) {
            *self.0 = std::any::type_name::<V>();
        }
    }

    fn names_of_registers<T: Dispatch>() -> Vec<&'static str> {
        let mut names = vec![];
        for tier in Tier::available() {
            let mut name = "";
            T::dispatch(tier, NameOfRegister(&mut name));
            names.push(name.rsplit("::").next().expect("a name has an end"));
        }
        names
    }

    /// All tiers give the same bits, so nothing else would notice if one ran the kernels of another.
    #[test]
    fn registers_are_those_of_the_tier() {
        let tiers = Tier::available().count();
        assert_eq!(
            names_of_registers::<f32>(),
            ["f32x8", "F32x8", "F32x16"][..tiers]
        );
        assert_eq!(
            names_of_registers::<f64>(),
            ["f64x4", "F64x4", "F64x8"][..tiers]
        );
        let bytes = [32, 32, 64];
        assert_eq!(
            [size_of::<wide::f32x8>(), size_of::<wide::f64x4>()],
            [bytes[0]; 2]
        );
    }

    #[test]
    fn what_is_bound_by_memory_takes_no_register_in_two_halves() {
        let (best, memory_bound) = (Tier::best_for(false), Tier::best_for(true));
        assert_eq!(best, Tier::best());
        #[cfg(x86_tiers)]
        if best.rank() == 2 && cpu::halves_512_bits() {
            assert_eq!(memory_bound.rank(), 1);
            return;
        }
        assert_eq!(memory_bound, best);
    }
}
