//! What an activation is called and what it takes, in texts and in ONNX. Stated in the activation's own file.

use crate::formula::Gradient;

/// An activation with a name.
pub(crate) trait Named: Gradient + 'static {
    /// In texts.
    const NAME: &'static str;

    /// Of its constructor, in their order.
    const PARAMETERS: &'static [Parameter] = &[];

    /// The operators of ONNX that are this activation.
    const OPERATORS: &'static [Operator<Self>] = &[];

    /// From a value for each of `PARAMETERS`, each allowed.
    fn with(values: &[f64]) -> Self;

    /// The value of each of `PARAMETERS`.
    fn values(self) -> Vec<f64> {
        vec![]
    }
}

/// A parameter of an activation, or an attribute of an operator. NaN is no value of any.
#[derive(Clone, Copy)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    /// The value where none is given; without one it has to be.
    pub(crate) default: Option<f64>,
    /// No value is below.
    pub(crate) least: f64,
    /// Whether it may be 0.
    pub(crate) zero: bool,
}

impl Parameter {
    /// Of any value, which has to be given.
    pub(crate) const fn required(name: &'static str) -> Self {
        Self {
            name,
            default: None,
            least: f64::NEG_INFINITY,
            zero: true,
        }
    }

    /// Of any value.
    pub(crate) const fn new(name: &'static str, default: f64) -> Self {
        Self {
            default: Some(default),
            ..Self::required(name)
        }
    }

    /// Of any value but 0.
    pub(crate) const fn not_zero(name: &'static str, default: f64) -> Self {
        Self {
            zero: false,
            ..Self::new(name, default)
        }
    }

    /// Not negative.
    pub(crate) const fn not_negative(name: &'static str, default: f64) -> Self {
        Self {
            least: 0.0,
            ..Self::new(name, default)
        }
    }
}

/// An operator of ONNX that is an activation, or is where its attributes have certain values.
pub(crate) struct Operator<A> {
    pub(crate) name: &'static str,
    pub(crate) attributes: &'static [Parameter],
    /// Which values, in words; empty where it is this activation for all.
    pub(crate) condition: &'static str,
    /// From a value for each attribute; `None` where these make another activation.
    pub(crate) build: fn(&[f64]) -> Option<A>,
}

/// As text: the name, and the parameters with their values. `Debug` of a number is short where it is far from 1, too.
pub(crate) fn text<A: Named>(activation: A) -> String {
    let named = A::PARAMETERS.iter().zip(activation.values());
    let parameters: Vec<_> = named
        .map(|(parameter, value)| format!("{}={value:?}", parameter.name))
        .collect();
    if parameters.is_empty() {
        A::NAME.to_owned()
    } else {
        format!("{}({})", A::NAME, parameters.join(", "))
    }
}
