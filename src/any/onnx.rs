//! From the operators of ONNX.

use super::{ActivationError, AnyActivation, MEMBERS, Operator, list, quoted, values};

impl AnyActivation {
    /// From the type of an [ONNX operator](https://onnx.ai/onnx/operators/) and its attributes: `Relu`,
    /// `LeakyRelu`, `PRelu`, `Clip`, `ThresholdedRelu`, `HardSigmoid`, `HardSwish`, `Sigmoid`, `Tanh`, `Swish`, `Elu`, `Selu`,
    /// `Celu`, `Gelu`, `Softplus`, `Mish`, `Softsign`, and
    /// `Shrink` where it is a hard or a soft one. Attributes that are not given have ONNX's defaults.
    ///
    /// The text `approximate` of `Gelu` is given as a number: 0 for "none", 1 for "tanh".
    ///
    /// Constant inputs are given as attributes: `min` and `max` of `Clip`, where one that is missing clips
    /// nothing, and `slope` of `PRelu`. A `PRelu` of one slope is a [`LeakyRelu`](crate::LeakyRelu); for more, build a
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
        let all = MEMBERS.iter().flat_map(|member| (member.operators)());
        let (these, others): (Vec<_>, Vec<_>) = all.partition(|known| known.name == op_type);
        let Some(Operator {
            name,
            attributes: known,
            ..
        }) = these.first()
        else {
            let op_type = quoted(op_type);
            let known = list(others.iter().map(|operator| operator.name));
            return Err(ActivationError(format!(
                "{op_type} is no operator that is an activation of this family: there are {known}"
            )));
        };
        // Those of one name have the same attributes.
        let values = values(name, known, attributes)?;
        if let Some(activation) = these.iter().find_map(|operator| (operator.build)(&values)) {
            return Ok(activation);
        }
        let named = known.iter().zip(&values);
        let given: Vec<_> = named
            .map(|(known, value)| format!("`{}` {value:?}", known.name))
            .collect();
        let these = these
            .iter()
            .map(|operator| format!("`{}`, {}", operator.activation, operator.condition));
        Err(ActivationError(format!(
            "`{name}` with {}: there is {}",
            given.join(" and "),
            these.collect::<Vec<_>>().join(", and ")
        )))
    }
}
