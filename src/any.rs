//! An activation that is chosen at run time: from a text, or from an operator of ONNX.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use crate::activation::Formula;
use crate::activation::all::*;
use crate::parallel::Plan;
use crate::slice::Buffers;
use crate::vector::Vector;
use crate::{Activation, Element};

/// Why a text or an operator names no activation. Its text says what is wrong and what is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivationError(String);

impl fmt::Display for ActivationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for ActivationError {}

/// A member of the family as the text form knows it.
struct Member {
    name: &'static str,
    parameters: &'static [Parameter],
    /// Of which the parameters are taken that are not given.
    default: Option<AnyActivation>,
    /// With a value for each parameter, none NaN and none too small.
    build: fn(&[f64]) -> AnyActivation,
}

struct Parameter {
    name: &'static str,
    least: f64,
}

/// Declares the members, each with its name in texts and the parameters of its `new` in their order, which are
/// also the names of the methods that return them. A new activation is a line here.
macro_rules! family {
    ($(
        $activation:ident $(: $default:ident)? = $name:literal
            ($($parameter:ident $(from $least:literal)?),*);
    )*) => {
        /// Any activation of the family but [`PRelu`](crate::PRelu), chosen at run time: by pipelines that read
        /// it from a configuration or a model.
        ///
        /// It is an [`Activation`] itself: each call costs one `match` more than a call of the activation
        /// that it holds, and gives the same bits.
        ///
        /// As text it is the activation's name and its parameters, such as `relu` or
        /// `leaky_relu(negative_slope=0.01)`. Parameters that are not given have their defaults; those of
        /// `clip` have none. Numbers are read as Rust reads an `f64`, `inf` included, and printed so that
        /// they are read as the same ones. Names are those of the variants below, matched exactly.
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
                #[doc = concat!("`", $name, "` in texts.")]
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

        const MEMBERS: [Member; [$($name),*].len()] = [$(Member {
            name: $name,
            parameters: &[$(Parameter {
                name: stringify!($parameter),
                least: family!(@least $($least)?),
            }),*],
            default: family!(@default $activation $($default)?),
            build: |values| {
                let mut values = values.iter().copied();
                let activation = family!(@build $activation, values, $($parameter)*);
                debug_assert!(values.next().is_none());
                activation.into()
            },
        }),*];

        impl AnyActivation {
            /// The name in texts, without parameters.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$activation(_) => $name,)*
                }
            }

            /// The parameters, in the order of the constructor.
            #[must_use]
            pub fn parameters(&self) -> Vec<(&'static str, f64)> {
                let mut parameters = vec![];
                match self {
                    $(Self::$activation(_activation) => {
                        $(parameters.push((stringify!($parameter), _activation.$parameter()));)*
                    })*
                }
                parameters
            }
        }

        family!(@forward $($activation)*);
    };
    (@least) => { f64::NEG_INFINITY };
    (@least $least:literal) => { $least };
    (@default $activation:ident) => { None };
    (@default $activation:ident Default) => { Some(AnyActivation::$activation($activation::DEFAULT)) };
    (@build $activation:ident, $values:ident,) => { $activation };
    (@build $activation:ident, $values:ident, $($parameter:ident)+) => {
        $activation::new($({
            let $parameter = $values.next().expect("a value for each parameter");
            $parameter
        }),+)
    };
    (@forward $($activation:ident)*) => {
        impl Formula for AnyActivation {
            #[inline]
            fn vector_forward<V: Vector>(self, x: V) -> V {
                match self {
                    $(Self::$activation(activation) => activation.vector_forward(x),)*
                }
            }

            #[inline]
            fn vector_backward<V: Vector>(self, x: V, grad_output: V) -> V {
                match self {
                    $(Self::$activation(activation) => activation.vector_backward(x, grad_output),)*
                }
            }

            // Chosen here, once a call, and not in the loops.
            #[inline]
            fn run_forward<T: Element>(self, plan: Plan, buffers: Buffers<'_, T, 1>) {
                match self {
                    $(Self::$activation(activation) => activation.run_forward(plan, buffers),)*
                }
            }

            #[inline]
            fn run_backward<T: Element>(self, plan: Plan, buffers: Buffers<'_, T, 2>) {
                match self {
                    $(Self::$activation(activation) => activation.run_backward(plan, buffers),)*
                }
            }
        }

        impl Activation for AnyActivation {
            #[inline]
            fn eval<T: Element>(&self, x: T) -> T {
                match self {
                    $(Self::$activation(activation) => activation.eval(x),)*
                }
            }

            #[inline]
            fn eval_backward<T: Element>(&self, x: T, grad_output: T) -> T {
                match self {
                    $(Self::$activation(activation) => activation.eval_backward(x, grad_output),)*
                }
            }
        }
    };
}

family! {
    Relu = "relu" ();
    LeakyRelu: Default = "leaky_relu" (negative_slope);
    Clip = "clip" (min, max);
    Relu6 = "relu6" ();
    HardTanh: Default = "hard_tanh" (min, max);
    ThresholdedRelu: Default = "thresholded_relu" (theta);
    SquaredRelu = "squared_relu" ();
    HardSigmoid: Default = "hard_sigmoid" (alpha, beta);
    HardSwish = "hard_swish" ();
    HardShrink: Default = "hard_shrink" (lambda from 0.0);
    SoftShrink: Default = "soft_shrink" (lambda from 0.0);
}

impl fmt::Display for AnyActivation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `Debug` of a number is short where it is far from 1, too.
        let parameters = self
            .parameters()
            .into_iter()
            .map(|(name, value)| format!("{name}={value:?}"));
        let parameters = parameters.collect::<Vec<_>>().join(", ");
        if parameters.is_empty() {
            f.pad(self.name())
        } else {
            f.pad(&format!("{}({parameters})", self.name()))
        }
    }
}

impl FromStr for AnyActivation {
    type Err = ActivationError;

    fn from_str(text: &str) -> Result<Self, ActivationError> {
        let text = text.trim();
        let (name, arguments) = match text.split_once('(') {
            None => (text, ""),
            Some((name, rest)) => match rest.strip_suffix(')') {
                Some(arguments) => (name.trim_end(), arguments),
                None => {
                    return Err(ActivationError(format!(
                        "`{text}` has no closing parenthesis"
                    )));
                }
            },
        };
        let Some(member) = MEMBERS.iter().find(|member| member.name == name) else {
            let known = list(MEMBERS.iter().map(|member| member.name));
            return Err(ActivationError(format!(
                "`{name}` is no activation: there are {known}"
            )));
        };
        let mut given = vec![];
        for argument in arguments.split(',').map(str::trim) {
            if argument.is_empty() && arguments.trim().is_empty() {
                continue;
            }
            let (parameter, value) = argument.split_once('=').ok_or_else(|| {
                ActivationError(format!(
                    "`{argument}` in `{text}` is not of the form `parameter=number`"
                ))
            })?;
            let (parameter, value) = (parameter.trim(), value.trim());
            let number = value.parse().map_err(|_| {
                ActivationError(format!(
                    "`{parameter}` of `{name}` is `{value}`: it must be a number"
                ))
            })?;
            given.push((parameter, number));
        }
        let defaults: Vec<_> = match member.default {
            Some(default) => default
                .parameters()
                .into_iter()
                .map(|(_, value)| Some(value))
                .collect(),
            None => vec![None; member.parameters.len()],
        };
        let known = member.parameters.iter().zip(defaults);
        Ok((member.build)(&values(name, known, &given)?))
    }
}

/// The value of each known parameter: as given, or the default.
fn values<'a>(
    of: &str,
    known: impl Iterator<Item = (&'a Parameter, Option<f64>)> + Clone,
    given: &[(&str, f64)],
) -> Result<Vec<f64>, ActivationError> {
    for (i, (name, _)) in given.iter().enumerate() {
        if !known.clone().any(|(parameter, _)| parameter.name == *name) {
            let names = list(known.map(|(parameter, _)| parameter.name));
            let names = if names.is_empty() {
                "no parameters"
            } else {
                &names
            };
            return Err(ActivationError(format!(
                "`{of}` has no `{name}`: it has {names}"
            )));
        }
        if given[..i].iter().any(|(earlier, _)| earlier == name) {
            return Err(ActivationError(format!(
                "`{name}` of `{of}` is given twice"
            )));
        }
    }
    known
        .map(|(&Parameter { name, least }, default)| {
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
            Ok(value)
        })
        .collect()
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// An operator of ONNX.
struct Operator {
    name: &'static str,
    /// With their defaults.
    attributes: &'static [(Parameter, Option<f64>)],
    build: fn(&[f64]) -> Result<AnyActivation, ActivationError>,
}

/// An attribute of any value.
const fn attribute(name: &'static str) -> Parameter {
    Parameter {
        name,
        least: f64::NEG_INFINITY,
    }
}

const OPERATORS: [Operator; 8] = [
    Operator {
        name: "Relu",
        attributes: &[],
        build: |_| Ok(Relu.into()),
    },
    Operator {
        name: "LeakyRelu",
        attributes: &[(attribute("alpha"), Some(LeakyRelu::ONNX_SLOPE))],
        build: |values| Ok(LeakyRelu::new(values[0]).into()),
    },
    Operator {
        name: "PRelu",
        attributes: &[(attribute("slope"), None)],
        build: |values| Ok(LeakyRelu::new(values[0]).into()),
    },
    Operator {
        name: "Clip",
        attributes: &[
            (attribute("min"), Some(f64::NEG_INFINITY)),
            (attribute("max"), Some(f64::INFINITY)),
        ],
        build: |values| Ok(Clip::new(values[0], values[1]).into()),
    },
    Operator {
        name: "ThresholdedRelu",
        attributes: &[(attribute("alpha"), Some(1.0))],
        build: |values| Ok(ThresholdedRelu::new(values[0]).into()),
    },
    Operator {
        name: "HardSigmoid",
        attributes: &[
            (attribute("alpha"), Some(HardSigmoid::ONNX.alpha())),
            (attribute("beta"), Some(HardSigmoid::ONNX.beta())),
        ],
        build: |values| Ok(HardSigmoid::new(values[0], values[1]).into()),
    },
    Operator {
        name: "HardSwish",
        attributes: &[],
        build: |_| Ok(HardSwish.into()),
    },
    Operator {
        name: "Shrink",
        attributes: &[
            (
                Parameter {
                    name: "lambd",
                    least: 0.0,
                },
                Some(0.5),
            ),
            (attribute("bias"), Some(0.0)),
        ],
        build: |values| match *values {
            [lambda, 0.0] => Ok(HardShrink::new(lambda).into()),
            [lambda, bias] if lambda == bias => Ok(SoftShrink::new(lambda).into()),
            _ => Err(ActivationError(format!(
                "`Shrink` with `lambd` {:?} and `bias` {:?}: there is `hard_shrink`, with a `bias` of 0, and \
                 `soft_shrink`, with one of `lambd`",
                values[0], values[1]
            ))),
        },
    },
];

impl AnyActivation {
    /// From the type of an [ONNX operator](https://onnx.ai/onnx/operators/) and its attributes: `Relu`,
    /// `LeakyRelu`, `PRelu`, `Clip`, `ThresholdedRelu`, `HardSigmoid`, `HardSwish`, and `Shrink` where it is a
    /// hard or a soft one. Attributes that are not given have ONNX's defaults.
    ///
    /// Constant inputs are given as attributes: `min` and `max` of `Clip`, where one that is missing clips
    /// nothing, and `slope` of `PRelu`. A `PRelu` of one slope is a [`LeakyRelu`]; for more, build a
    /// [`PRelu`](crate::PRelu) from the slopes and the input's shape.
    ///
    /// Values are `f64`. A `float` of a model that is widened keeps its value, so `0.01_f32` prints as
    /// 0.009999999776482582.
    ///
    /// Every kernel computes as this crate's numeric contract says, which differs from ONNX: NaN stays NaN in
    /// `Shrink` and `ThresholdedRelu`, a `Clip` without a bound passes that infinity, and `HardSwish` is +0 at
    /// -inf.
    ///
    /// ```
    /// use rectify::{AnyActivation, HardSigmoid, LeakyRelu};
    ///
    /// let sigmoid = AnyActivation::from_onnx("HardSigmoid", &[])?;
    /// assert_eq!(sigmoid, HardSigmoid::ONNX.into());
    /// let leaky = AnyActivation::from_onnx("LeakyRelu", &[("alpha", 0.1)])?;
    /// assert_eq!(leaky, LeakyRelu::new(0.1).into());
    /// # Ok::<(), rectify::ActivationError>(())
    /// ```
    ///
    /// # Errors
    /// If the operator or an attribute is unknown, a slope is missing, or a value is NaN or not allowed.
    pub fn from_onnx(op_type: &str, attributes: &[(&str, f64)]) -> Result<Self, ActivationError> {
        let Some(operator) = OPERATORS.iter().find(|operator| operator.name == op_type) else {
            let known = list(OPERATORS.iter().map(|operator| operator.name));
            return Err(ActivationError(format!(
                "`{op_type}` is no operator that is an activation of this family: there are {known}"
            )));
        };
        let known = operator
            .attributes
            .iter()
            .map(|(attribute, default)| (attribute, *default));
        (operator.build)(&values(op_type, known, attributes)?)
    }
}

#[cfg(feature = "serde")]
mod serialized {
    use super::AnyActivation;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    impl Serialize for AnyActivation {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }

    impl<'de> Deserialize<'de> for AnyActivation {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = String::deserialize(deserializer)?;
            text.parse().map_err(de::Error::custom)
        }
    }
}
