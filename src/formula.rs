//! What authors write: a formula over registers, from one input, with its gradient, or from several.

use crate::element::Element;
use crate::vector::Vector;

/// A function of one number, written once for every register. Whoever implements it has
/// [`Activation`](crate::Activation), with all its methods.
///
/// ```
/// use rectify::{Activation, Formula, Gradient, Vector};
///
/// /// Half of a square: x² / 2.
/// #[derive(Clone, Copy)]
/// struct HalfSquare;
///
/// impl Formula for HalfSquare {
///     #[inline(always)]
///     fn value<V: Vector>(self, x: V) -> V {
///         x * x * V::constant(0.5)
///     }
/// }
///
/// impl Gradient for HalfSquare {
///     #[inline(always)]
///     fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
///         x * grad_output
///     }
/// }
///
/// let x = [1.0_f32, 2.0, 3.0];
/// let mut dx = [0.0; 3];
/// assert_eq!(HalfSquare.forward_to_vec(&x), [0.5, 2.0, 4.5]);
/// HalfSquare.backward(&x, &[1.0, 1.0, 10.0], &mut dx);
/// assert_eq!(dx, [1.0, 2.0, 30.0]);
/// ```
///
/// Write `#[inline(always)]` on [`value`](Formula::value) and on every function of yours that it calls, and no
/// closures in it: what is not inlined is compiled without the tier's instructions, and runs 10 to 40 times
/// slower. It still gives the same bits.
///
/// Its result must depend on nothing but its arguments and `self`. How often it is called for an element is not said:
/// elements at the ends of a slice may be computed more than once.
///
/// A formula may panic. The panic reaches the caller, from whatever thread; an output that was being written
/// then holds old and new elements.
pub trait Formula: Copy + Send + Sync {
    /// Whether loads and stores set the pace of [`value`](Formula::value), as they do for a handful of additions,
    /// products and maxima. It changes speed alone. Such a formula is done with as few loads and stores as can be where
    /// a call is short; and where no tier is asked for, on a CPU that takes its widest registers in two halves, in
    /// narrower ones, which is faster there: see [`Tier::best`](crate::Tier::best).
    const MEMORY_BOUND: bool = false;

    /// The value of the function at each lane of `x`.
    fn value<V: Vector>(self, x: V) -> V;

    /// The value at one number: what [`Activation::eval`](crate::Activation::eval) returns. By default
    /// [`value`](Formula::value) itself. A second definition here, in plain comparisons, is for tests to compare with;
    /// the author answers for its bits being the same.
    #[inline]
    fn scalar<T: Element>(self, x: T) -> T {
        self.value(x)
    }

    /// Hands the formula to run to `run`: by default itself.
    ///
    /// Called once a call, before its loop. A formula that is one of several, by its
    /// parameters or as an `enum`, names the one here, so that the choice is not made in the loop. It must give the same bits
    /// as [`value`](Formula::value).
    #[inline]
    fn choose<R: Run>(self, run: R) -> R::Done {
        run.run(self)
    }
}

/// A [`Formula`] with a gradient: what [`Activation::backward`](crate::Activation::backward) needs.
pub trait Gradient: Formula {
    /// As [`Formula::MEMORY_BOUND`], for [`gradient`](Gradient::gradient).
    const GRADIENT_MEMORY_BOUND: bool = false;

    /// The gradient of the input at each lane: `grad_output` times the derivative at `x`.
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V;

    /// As [`Formula::scalar`], for [`gradient`](Gradient::gradient).
    #[inline]
    fn scalar_gradient<T: Element>(self, x: T, grad_output: T) -> T {
        self.gradient(x, grad_output)
    }

    /// As [`Formula::choose`], for [`gradient`](Gradient::gradient).
    #[inline]
    fn choose_gradient<R: RunGradient>(self, run: R) -> R::Done {
        run.run(self)
    }
}

/// A [`Gradient`] that can be had from the result as well as from the input: what
/// [`Activation::backward_from_output`](crate::Activation::backward_from_output) needs, to train in place.
pub trait GradientFromOutput: Gradient {
    /// The gradient of the input at each lane, where `output` is the value there.
    fn gradient_from_output<V: Vector>(self, output: V, grad_output: V) -> V;

    /// Panics where these parameters have no such gradient, and names them. By default there are none.
    #[inline]
    #[track_caller]
    fn check_parameters(self) {}
}

/// Runs the formula that [`Formula::choose`] names.
pub trait Run: Sized {
    /// Proof that it was run.
    type Done;

    /// Runs `formula`.
    fn run<F: Formula>(self, formula: F) -> Self::Done;

    /// As `run`, for a formula that is one of many. What is fused with it is then done step by step, a block in the cache at a
    /// time, so that no loop is compiled for each of the many with each thing around them. The same bits, for some
    /// percent of the time where arithmetic sets the pace.
    fn run_in_steps<F: Formula>(self, formula: F) -> Self::Done {
        self.run(formula)
    }
}

/// Runs the formula that [`Gradient::choose_gradient`] names.
pub trait RunGradient: Sized {
    /// Proof that it was run.
    type Done;

    /// Runs the gradient of `formula`.
    fn run<F: Gradient>(self, formula: F) -> Self::Done;

    /// As `run`, for a formula that is one of many. What is fused with it is then done step by step, a block in the cache at a
    /// time, so that no loop is compiled for each of the many with each thing around them. The same bits, for some
    /// percent of the time where arithmetic sets the pace.
    fn run_in_steps<F: Gradient>(self, formula: F) -> Self::Done {
        self.run(formula)
    }
}

/// Runs what a formula that is one of many chooses, in steps.
pub(crate) struct OneOfMany<R>(pub(crate) R);

impl<R: Run> Run for OneOfMany<R> {
    type Done = R::Done;

    #[inline]
    fn run<F: Formula>(self, formula: F) -> R::Done {
        self.0.run_in_steps(formula)
    }
}

impl<R: RunGradient> RunGradient for OneOfMany<R> {
    type Done = R::Done;

    #[inline]
    fn run<F: Gradient>(self, formula: F) -> R::Done {
        self.0.run_in_steps(formula)
    }
}

/// A function of `N` numbers, written once for every register. Whoever implements it has
/// [`MapSlices`](crate::MapSlices), which runs it on slices.
///
/// What is said of [`Formula`] about inlining, results and panics holds here, too.
///
/// ```
/// use rectify::{Map, MapSlices, Vector};
///
/// /// The length of the hypotenuse.
/// #[derive(Clone, Copy)]
/// struct Hypotenuse;
///
/// impl Map<2> for Hypotenuse {
///     #[inline(always)]
///     fn apply<V: Vector>(self, [a, b]: [V; 2]) -> V {
///         (a * a + b * b).sqrt()
///     }
/// }
///
/// let mut c = [0.0_f64; 2];
/// Hypotenuse.map([&[3.0, 5.0], &[4.0, 12.0]], &mut c);
/// assert_eq!(c, [5.0, 13.0]);
/// ```
pub trait Map<const N: usize>: Copy + Send + Sync {
    /// As [`Formula::MEMORY_BOUND`].
    const MEMORY_BOUND: bool = false;

    /// The value of the function at each lane of the inputs.
    fn apply<V: Vector>(self, inputs: [V; N]) -> V;
}

/// What loops run: `OUT` numbers of `N`. A [`Map`] has one.
pub(crate) trait Kernel<const N: usize, const OUT: usize>: Copy + Send + Sync {
    /// As [`Formula::MEMORY_BOUND`].
    const MEMORY_BOUND: bool;

    /// See [`Work::Home`](crate::arch::Work::Home).
    type Home;

    /// The outputs at each lane of the inputs.
    fn outputs<V: Vector>(self, inputs: [V; N]) -> [V; OUT];
}

impl<M: Map<N>, const N: usize> Kernel<N, 1> for M {
    const MEMORY_BOUND: bool = M::MEMORY_BOUND;
    type Home = M;

    #[inline(always)]
    fn outputs<V: Vector>(self, inputs: [V; N]) -> [V; 1] {
        [self.apply(inputs)]
    }
}

/// The value of a formula, as a kernel.
#[derive(Clone, Copy)]
pub(crate) struct Value<F>(pub(crate) F);

impl<F: Formula> Kernel<1, 1> for Value<F> {
    const MEMORY_BOUND: bool = F::MEMORY_BOUND;
    type Home = F;

    #[inline(always)]
    fn outputs<V: Vector>(self, [x]: [V; 1]) -> [V; 1] {
        [self.0.value(x)]
    }
}

/// The gradient of a formula, as a kernel.
#[derive(Clone, Copy)]
pub(crate) struct Slope<F>(pub(crate) F);

impl<F: Gradient> Kernel<2, 1> for Slope<F> {
    const MEMORY_BOUND: bool = F::GRADIENT_MEMORY_BOUND;
    type Home = F;

    #[inline(always)]
    fn outputs<V: Vector>(self, [x, grad_output]: [V; 2]) -> [V; 1] {
        [self.0.gradient(x, grad_output)]
    }
}
