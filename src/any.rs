//! An activation that is chosen at run time: from a text, or from an operator of ONNX.

mod onnx;
#[cfg(feature = "serde")]
mod serialized;
mod text;

use std::error::Error;
use std::fmt;

use crate::activation::activations;
use crate::activation::all::*;
use crate::element::Element;
use crate::formula::{Formula, Gradient, OneOfMany, Run, RunGradient};
use crate::named::{Named, Parameter};
use crate::vector::Vector;

/// Why a text or an operator names no activation. Its text says what is wrong and what is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivationError(String);

impl fmt::Display for ActivationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for ActivationError {}

/// An activation as texts and ONNX know it.
struct Member {
    name: &'static str,
    parameters: &'static [Parameter],
    build: fn(&[f64]) -> AnyActivation,
    operators: fn() -> Vec<Operator>,
}

/// Builds an activation from a value for each attribute, where they make it.
type Build = Box<dyn Fn(&[f64]) -> Option<AnyActivation>>;

/// An operator of ONNX that is an activation: see [`named::Operator`](crate::named::Operator).
struct Operator {
    name: &'static str,
    attributes: &'static [Parameter],
    condition: &'static str,
    activation: &'static str,
    build: Build,
}

impl Member {
    const fn of<A: Named + Into<AnyActivation>>() -> Self {
        Self {
            name: A::NAME,
            parameters: A::PARAMETERS,
            build: |values| A::with(values).into(),
            operators: || {
                let operators = A::OPERATORS.iter();
                operators
                    .map(|operator| Operator {
                        name: operator.name,
                        attributes: operator.attributes,
                        condition: operator.condition,
                        activation: A::NAME,
                        build: Box::new(|values| Some((operator.build)(values)?.into())),
                    })
                    .collect()
            },
        }
    }
}

macro_rules! any_of {
    ($($file:ident::$activation:ident,)*) => {
        /// Any activation of the family but [`PRelu`](crate::PRelu), chosen at run time: by pipelines that read
        /// it from a configuration or a model.
        ///
        /// It is an [`Activation`](crate::Activation) itself: each call costs one `match` more than a call of the
        /// activation that it holds, and gives the same bits. What is fused with it (a bias, a residual, a gate) is one loop
        /// for `Relu` and `LeakyRelu`; for the others it is done in steps, a block in the cache at a time, which costs
        /// the smooth ones some percent.
        ///
        /// As text it is the activation's name and its parameters, such as `relu` or
        /// `leaky_relu(negative_slope=0.01)`. Parameters that are not given have their defaults; those of
        /// `clip` have none. Numbers are read as Rust reads an `f64`, `inf` included, and printed so that
        /// they are read as the same ones. Names are matched exactly: those of the variants below, in lower case
        /// with underscores.
        ///
        /// ```
        /// use rectify::{Activation, AnyActivation, Clip};
        ///
        /// let activation: AnyActivation = "clip(min=-1, max=2)".parse()?;
        /// assert_eq!(activation, AnyActivation::Clip(Clip::new(-1.0, 2.0)));
        /// assert_eq!(activation.to_string(), "clip(min=-1.0, max=2.0)");
        /// let mut y = [-3.0_f32, 0.5, 3.0];
        /// activation.forward_in_place(&mut y);
        /// assert_eq!(y, [-1.0, 0.5, 2.0]);
        ///
        /// let error = "leaky_relu(slope=0.1)".parse::<AnyActivation>().unwrap_err();
        /// assert_eq!(
        ///     error.to_string(),
        ///     "`leaky_relu` has no `slope`: it has `negative_slope`"
        /// );
        /// # Ok::<(), rectify::ActivationError>(())
        /// ```
        ///
        /// With the feature `serde` it is serialized as its text.
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum AnyActivation {
            $(
                #[doc = concat!("[`", stringify!($activation), "`].")]
                $activation($activation),
            )*
        }

        $(
            impl From<$activation> for AnyActivation {
                #[inline]
                fn from(activation: $activation) -> Self {
                    Self::$activation(activation)
                }
            }
        )*

        const MEMBERS: &[Member] = &[$(Member::of::<$activation>()),*];

        impl AnyActivation {
            /// The name in texts, without parameters.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$activation(_) => $activation::NAME,)*
                }
            }

            /// The parameters, in the order of the constructor.
            #[must_use]
            pub fn parameters(&self) -> Vec<(&'static str, f64)> {
                let (parameters, values) = match self {
                    $(Self::$activation(a) => ($activation::PARAMETERS, a.values()),)*
                };
                let names = parameters.iter().map(|parameter| parameter.name);
                names.zip(values).collect()
            }
        }

        impl Formula for AnyActivation {
            #[inline(always)]
            fn value<V: Vector>(self, x: V) -> V {
                match self {
                    $(Self::$activation(a) => a.value(x),)*
                }
            }

            #[inline]
            fn scalar<T: Element>(self, x: T) -> T {
                match self {
                    $(Self::$activation(a) => a.scalar(x),)*
                }
            }

            #[inline]
            #[allow(unreachable_patterns, reason = "the first two stand among all")]
            fn choose<R: Run>(self, run: R) -> R::Done {
                match self {
                    // The usual ones, whose steps would take longer than themselves.
                    Self::Relu(a) => a.choose(run),
                    Self::LeakyRelu(a) => a.choose(run),
                    $(Self::$activation(a) => a.choose(OneOfMany(run)),)*
                }
            }
        }

        impl Gradient for AnyActivation {
            #[inline(always)]
            fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
                match self {
                    $(Self::$activation(a) => a.gradient(x, grad_output),)*
                }
            }

            #[inline]
            fn scalar_gradient<T: Element>(self, x: T, grad_output: T) -> T {
                match self {
                    $(Self::$activation(a) => a.scalar_gradient(x, grad_output),)*
                }
            }

            #[inline]
            #[allow(unreachable_patterns, reason = "the first two stand among all")]
            fn choose_gradient<R: RunGradient>(self, run: R) -> R::Done {
                match self {
                    // The usual ones, whose steps would take longer than themselves.
                    Self::Relu(a) => a.choose_gradient(run),
                    Self::LeakyRelu(a) => a.choose_gradient(run),
                    $(Self::$activation(a) => a.choose_gradient(OneOfMany(run)),)*
                }
            }
        }
    };
}
activations!(any_of);

/// The value of each known parameter: as given, or the default.
fn values(
    of: &str,
    known: &[Parameter],
    given: &[(&str, f64)],
) -> Result<Vec<f64>, ActivationError> {
    for (i, (name, _)) in given.iter().enumerate() {
        if !known.iter().any(|parameter| parameter.name == *name) {
            let names = list(known.iter().map(|parameter| parameter.name));
            let names = if names.is_empty() {
                "no parameters"
            } else {
                &names
            };
            let name = quoted(name);
            return Err(ActivationError(format!(
                "`{of}` has no {name}: it has {names}"
            )));
        }
        if given[..i].iter().any(|(earlier, _)| earlier == name) {
            return Err(ActivationError(format!(
                "`{name}` of `{of}` is given twice"
            )));
        }
    }
    let value = |parameter: &Parameter| {
        let Parameter {
            name,
            default,
            least,
            zero,
        } = *parameter;
        let given = given.iter().find(|(given, _)| *given == name);
        let Some(value) = given.map(|&(_, value)| value).or(default) else {
            return Err(ActivationError(format!(
                "`{of}` needs `{name}`, which has no default"
            )));
        };
        if value.is_nan() {
            return Err(ActivationError(format!("`{name}` of `{of}` is NaN")));
        }
        if value < least {
            return Err(ActivationError(format!(
                "`{name}` of `{of}` is {value:?}: it must be at least {least:?}"
            )));
        }
        if value == 0.0 && !zero {
            return Err(ActivationError(format!("`{name}` of `{of}` is 0")));
        }
        Ok(value)
    };
    known.iter().map(value).collect()
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// A part of a text from anywhere, for an error: without control characters, and not all of it where it is long.
fn quoted(text: &str) -> String {
    const MOST: usize = 60;
    let escaped: String = text
        .chars()
        .take(MOST)
        .flat_map(char::escape_debug)
        .collect();
    let more = if text.chars().nth(MOST).is_some() {
        "..."
    } else {
        ""
    };
    format!("`{escaped}{more}`")
}
