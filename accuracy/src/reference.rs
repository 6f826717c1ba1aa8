//! The truth: each function in `f64`, composed so that nothing cancels, which is fast enough for all 2^32 `f32`; and by
//! MPFR, from its definition, which says how far to trust the former and is the reference of `f64`.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, SQRT_2};

use rectify::AnyActivation;
use rug::float::Constant;
use rug::ops::Pow;
use rug::{Assign, Float};

/// A value or a gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Value,
    Gradient,
}

/// A function of one number, with its parameters.
#[derive(Clone, Copy, Debug)]
pub enum Function {
    Sigmoid,
    Tanh,
    /// x sigmoid(beta x).
    Swish {
        beta: f64,
    },
    Gelu,
    GeluTanh,
    /// scale alpha (e^(x / width) - 1) below 0, scale x above.
    Elu {
        alpha: f64,
        width: f64,
    },
    Selu,
    Softplus {
        beta: f64,
    },
    Mish,
    LogSigmoid,
    Softsign,
    TanhShrink,
}
use Function::*;

/// Those of SELU, to more digits than `f64` has. Source: Klambauer and others, *Self-Normalizing Neural Networks*, 2017.
const SELU_ALPHA: &str = "1.6732632423543772848170429916717";
const SELU_SCALE: &str = "1.0507009873554804934193349852946";
/// The coefficient of GELU's approximation, which is this decimal fraction.
const CUBIC: &str = "0.044715";

/// Bits of MPFR's results: more than twice those of `f64`.
const PRECISION: u32 = 200;

impl Function {
    /// That of `activation`, each parameter of which `rounded` rounds to the element type.
    pub fn of(activation: AnyActivation, rounded: fn(f64) -> f64) -> Result<Self, String> {
        let parameter = |name| {
            let parameters = activation.parameters();
            let found = parameters.iter().find(|(known, _)| *known == name);
            let missing = || format!("`{activation}` has no parameter `{name}`");
            found.map(|(_, value)| rounded(*value)).ok_or_else(missing)
        };
        Ok(match activation.name() {
            "sigmoid" => Sigmoid,
            "tanh" => Tanh,
            "silu" => Swish { beta: 1.0 },
            "swish" => Swish {
                beta: parameter("beta")?,
            },
            "gelu" => Gelu,
            "gelu_tanh" => GeluTanh,
            "elu" => Elu {
                alpha: parameter("alpha")?,
                width: 1.0,
            },
            "celu" => Elu {
                alpha: parameter("alpha")?,
                width: parameter("alpha")?,
            },
            "selu" => Selu,
            "softplus" => Softplus {
                beta: parameter("beta")?,
            },
            "mish" => Mish,
            "log_sigmoid" => LogSigmoid,
            "softsign" => Softsign,
            "tanh_shrink" => TanhShrink,
            name => return Err(format!("there is no reference for `{name}`")),
        })
    }

    /// Between which inputs the gradient crosses zero: from its least value to 0.
    pub fn crossing(self) -> Option<[f64; 2]> {
        let least = match self {
            Swish { beta } => -2.4 / beta,
            Gelu | GeluTanh => -SQRT_2,
            Mish => -2.2,
            _ => return None,
        };
        Some([least.min(0.0), least.max(0.0)])
    }

    /// The limit at an infinite `x`.
    fn limit(self, direction: Direction, x: f64) -> f64 {
        let above = x > 0.0;
        let step = |below: f64, above_it: f64| if above { above_it } else { below };
        match (direction, self) {
            (Direction::Value, Sigmoid) => step(0.0, 1.0),
            (Direction::Value, Tanh | Softsign) => step(-1.0, 1.0),
            (Direction::Value, Swish { beta }) if beta < 0.0 => step(x, 0.0),
            (Direction::Value, Swish { .. } | Gelu | GeluTanh | Mish) => step(-0.0, x),
            (Direction::Value, Elu { alpha, .. }) => step(-alpha, x),
            (Direction::Value, Selu) => step(selu().0 * -selu().1, x),
            (Direction::Value, Softplus { beta }) if beta < 0.0 => step(x, -0.0),
            (Direction::Value, Softplus { .. }) => step(0.0, x),
            (Direction::Value, LogSigmoid) => step(x, -0.0),
            (Direction::Value, TanhShrink) => x,
            (Direction::Gradient, Sigmoid | Tanh | Softsign) => 0.0,
            (Direction::Gradient, Swish { beta } | Softplus { beta }) if beta < 0.0 => {
                step(1.0, 0.0)
            }
            (Direction::Gradient, Selu) => step(0.0, selu().1),
            (Direction::Gradient, LogSigmoid) => step(1.0, 0.0),
            (Direction::Gradient, TanhShrink) => 1.0,
            (Direction::Gradient, _) => step(0.0, 1.0),
        }
    }

    /// In `f64`, for an `x` that is an `f32`. Of NaN it is NaN, or what its last branch is.
    #[inline]
    pub fn fast(self, direction: Direction, x: f64) -> f64 {
        if x.is_infinite() {
            return self.limit(direction, x);
        }
        match direction {
            Direction::Value => self.value(x),
            Direction::Gradient => self.gradient(x),
        }
    }

    #[inline]
    fn value(self, x: f64) -> f64 {
        match self {
            Sigmoid => sigmoid(x),
            Tanh => tanh(x),
            Swish { beta } => x * sigmoid(beta * x),
            Gelu => x * normal(x),
            GeluTanh => x * sigmoid(2.0 * tanh_argument(x)),
            Elu { alpha, width } if x < 0.0 => alpha * exp_m1(x / width),
            Elu { .. } => x,
            Selu if x < 0.0 => selu().1 * selu().0 * exp_m1(x),
            Selu => selu().1 * x,
            Softplus { beta } => softplus(beta * x) / beta,
            Mish => {
                let (_, numerator) = mish_parts(x);
                if x > 40.0 {
                    x
                } else {
                    x * (numerator / (numerator + 2.0))
                }
            }
            LogSigmoid => -softplus(-x),
            Softsign => x / (1.0 + x.abs()),
            TanhShrink => tanh_shrink(x),
        }
    }

    #[inline]
    fn gradient(self, x: f64) -> f64 {
        match self {
            Sigmoid => {
                let e = exp(-x.abs());
                e / ((1.0 + e) * (1.0 + e))
            }
            Tanh => {
                let e = exp(-2.0 * x.abs());
                4.0 * e / ((1.0 + e) * (1.0 + e))
            }
            Swish { beta } => times_sigmoid(beta * x, beta * x),
            Gelu => normal(x) + x * exp(-0.5 * x * x) * (0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2),
            GeluTanh => {
                let slope = FRAC_2_SQRT_PI * FRAC_1_SQRT_2 * (1.0 + 3.0 * 0.044715 * x * x);
                times_sigmoid(2.0 * tanh_argument(x), 2.0 * x * slope)
            }
            Elu { alpha, width } if x <= 0.0 => alpha / width * exp(x / width),
            Elu { .. } => 1.0,
            Selu if x <= 0.0 => selu().1 * selu().0 * exp(x),
            Selu => selu().1,
            Softplus { beta } => sigmoid(beta * x),
            Mish if x > 40.0 => 1.0,
            Mish => {
                let (e, numerator) = mish_parts(x);
                let under = numerator + 2.0;
                (numerator * under + 4.0 * x * e * (1.0 + e)) / (under * under)
            }
            LogSigmoid => sigmoid(-x),
            Softsign => {
                let under = 1.0 + x.abs();
                1.0 / (under * under)
            }
            TanhShrink => tanh(x).powi(2),
        }
    }

    /// By MPFR, as it is defined. `x` is no NaN.
    pub fn slow(self, direction: Direction, x: f64) -> Float {
        if x.is_infinite() {
            return Float::with_val(PRECISION, self.limit(direction, x));
        }
        // x - tanh x is x^3 / 3 where x is small.
        let small = match (self, direction) {
            (TanhShrink, Direction::Value) if x != 0.0 => (-2.0 * x.abs().log2()).max(0.0) as u32,
            _ => 0,
        };
        let x = Float::with_val(PRECISION + small, x);
        match direction {
            Direction::Value => self.slow_value(x),
            Direction::Gradient => self.slow_gradient(x),
        }
    }

    fn slow_value(self, x: Float) -> Float {
        match self {
            Sigmoid => slow_sigmoid(x),
            Tanh => x.tanh(),
            Swish { beta } => slow_sigmoid(x.clone() * beta) * x,
            Gelu => slow_normal(&x) * x,
            GeluTanh => {
                // (1 + tanh u) / 2 is 1 / (1 + e^(-2u)).
                slow_sigmoid(slow_tanh_argument(&x) * 2) * x
            }
            Elu { alpha, width } if x < 0 => (x / width).exp_m1() * alpha,
            Elu { .. } => x,
            Selu if x < 0 => x.exp_m1() * decimal(SELU_ALPHA) * decimal(SELU_SCALE),
            Selu => x * decimal(SELU_SCALE),
            Softplus { beta } => slow_softplus(x * beta) / beta,
            Mish => slow_softplus(x.clone()).tanh() * x,
            LogSigmoid => -slow_softplus(-x),
            Softsign => {
                let under = x.clone().abs() + 1;
                x / under
            }
            TanhShrink => {
                let tanh = x.clone().tanh();
                x - tanh
            }
        }
    }

    fn slow_gradient(self, x: Float) -> Float {
        match self {
            Sigmoid => slow_sigmoid(x.clone()) * slow_sigmoid(-x),
            Tanh => x.sech().square(),
            Swish { beta } => {
                let x = x * beta;
                slow_sigmoid(x.clone()) * (slow_sigmoid(-x.clone()) * x + 1)
            }
            Gelu => {
                let power: Float = x.clone().square() / -2_i32;
                let turn: Float = Float::with_val(PRECISION, Constant::Pi) * 2_i32;
                let density = power.exp() / turn.sqrt();
                slow_normal(&x) + density * x
            }
            GeluTanh => {
                let argument: Float = slow_tanh_argument(&x) * 2_i32;
                let slope =
                    (x.clone().square() * decimal(CUBIC) * 3 + 1) * two_by_root_two_pi() * 2;
                slow_sigmoid(argument.clone()) * (slow_sigmoid(-argument) * slope * x + 1)
            }
            Elu { alpha, width } if x <= 0 => (x / width).exp() * alpha / width,
            Elu { .. } => one(),
            Selu if x <= 0 => x.exp() * decimal(SELU_ALPHA) * decimal(SELU_SCALE),
            Selu => decimal(SELU_SCALE),
            Softplus { beta } => slow_sigmoid(x * beta),
            Mish => {
                let softplus = slow_softplus(x.clone());
                let slope = softplus.clone().sech().square() * slow_sigmoid(x.clone());
                softplus.tanh() + slope * x
            }
            LogSigmoid => slow_sigmoid(-x),
            Softsign => {
                let under: Float = x.abs() + 1_i32;
                under.pow(-2_i32)
            }
            TanhShrink => x.tanh().square(),
        }
    }
}

/// alpha and scale.
fn selu() -> (f64, f64) {
    (1.673_263_242_354_377_2, 1.050_700_987_355_480_5)
}

// The standard library's and `libm`'s, which are not asked for most of the 2^32 inputs: of these numbers the results are the
// nearest, or next to it.

/// Less than half of the last bit of 1.
const TINY: f64 = 1.0 / (1_u64 << 54) as f64;

#[inline]
fn exp(x: f64) -> f64 {
    if x < -746.0 {
        0.0
    } else if x > 710.0 {
        f64::INFINITY
    } else if x.abs() < TINY {
        1.0
    } else {
        x.exp()
    }
}

#[inline]
fn exp_m1(x: f64) -> f64 {
    if x < -40.0 {
        -1.0
    } else if x.abs() < TINY {
        x
    } else {
        x.exp_m1()
    }
}

#[inline]
fn ln_1p(x: f64) -> f64 {
    if x.abs() < TINY { x } else { x.ln_1p() }
}

#[inline]
fn tanh(x: f64) -> f64 {
    if x.abs() > 20.0 {
        1.0_f64.copysign(x)
    } else if x.abs() < TINY {
        x
    } else {
        x.tanh()
    }
}

#[inline]
fn erfc(x: f64) -> f64 {
    if x > 28.0 {
        0.0
    } else if x < -6.0 {
        2.0
    } else if x.abs() < TINY {
        1.0
    } else {
        libm::erfc(x)
    }
}

#[inline]
fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// The gradient of x sigmoid(z), where `slope` is x z'. Where the sigmoid is 0, so is it.
#[inline]
fn times_sigmoid(z: f64, slope: f64) -> f64 {
    let (s, rest) = (sigmoid(z), sigmoid(-z));
    if s == 0.0 || rest == 0.0 {
        s
    } else {
        s * (1.0 + slope * rest)
    }
}

/// The normal distribution's integral.
#[inline]
fn normal(x: f64) -> f64 {
    0.5 * erfc(x * -FRAC_1_SQRT_2)
}

#[inline]
fn tanh_argument(x: f64) -> f64 {
    FRAC_2_SQRT_PI * FRAC_1_SQRT_2 * (x + 0.044715 * x * x * x)
}

#[inline]
fn softplus(x: f64) -> f64 {
    x.max(0.0) + ln_1p(exp(-x.abs()))
}

/// e = e^x, and e (e + 2): tanh(softplus(x)) is the latter over itself and 2.
#[inline]
fn mish_parts(x: f64) -> (f64, f64) {
    let e = exp(x);
    (e, e * (e + 2.0))
}

#[inline]
fn tanh_shrink(x: f64) -> f64 {
    if x.abs() > 0.1 {
        return x - tanh(x);
    }
    // The series of tanh without its first term.
    let x2 = x * x;
    let series = [
        929_569.0 / 638_512_875.0,
        -21_844.0 / 6_081_075.0,
        1382.0 / 155_925.0,
        -62.0 / 2835.0,
        17.0 / 315.0,
        -2.0 / 15.0,
        1.0 / 3.0,
    ];
    x * x2 * series.iter().fold(0.0, |sum, term| sum * x2 + term)
}

fn decimal(digits: &str) -> Float {
    Float::with_val(PRECISION, Float::parse(digits).expect("these are digits"))
}

fn one() -> Float {
    Float::with_val(PRECISION, 1)
}

fn slow_sigmoid(x: Float) -> Float {
    let under: Float = (-x).exp() + 1_i32;
    under.recip()
}

fn slow_softplus(x: Float) -> Float {
    // The logarithm of 1 and less than MPFR's least step from it is that, with `ln_1p`.
    if x > 0 {
        (-x.clone()).exp().ln_1p() + x
    } else {
        x.exp().ln_1p()
    }
}

fn slow_normal(x: &Float) -> Float {
    let mut argument = Float::new(PRECISION);
    argument.assign(x / -Float::with_val(PRECISION, 2).sqrt());
    argument.erfc() / 2
}

/// sqrt(2 / pi).
fn two_by_root_two_pi() -> Float {
    let square: Float = 2_i32 / Float::with_val(PRECISION, Constant::Pi);
    square.sqrt()
}

fn slow_tanh_argument(x: &Float) -> Float {
    (x.clone().pow(3) * decimal(CUBIC) + x) * two_by_root_two_pi()
}
