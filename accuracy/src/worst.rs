//! How far a result is from the truth, and the farthest of many.

use rug::Float;

/// The exponent of 1/16: the least of an ulp where a gradient crosses zero.
const CROSSING: i32 = -4;

/// What sets the size of an ulp.
#[derive(Clone, Copy)]
pub struct Format {
    /// Bits after the leading one.
    pub mantissa_bits: i32,
    /// The least exponent of a normal number.
    pub least: i32,
    pub max: f64,
}

pub const F32: Format = Format {
    mantissa_bits: 23,
    least: -126,
    max: f32::MAX as f64,
};
pub const F64: Format = Format {
    mantissa_bits: 52,
    least: -1022,
    max: f64::MAX,
};

impl Format {
    /// The distance of `result` to the truth in ulp of the truth, which is an `f64` of far more bits than `result`; of
    /// at least 1/16 where `crossing`.
    #[inline]
    pub fn error(self, result: f64, truth: f64, crossing: bool) -> f64 {
        if result == truth {
            return 0.0;
        }
        if !result.is_finite() || !truth.is_finite() {
            return self.overflow(result, truth.abs());
        }
        let exponent = ((truth.to_bits() >> 52 & 0x7ff) as i32 - 1023).max(self.least(crossing));
        (result - truth).abs() * power(self.mantissa_bits - exponent)
    }

    /// As [`error`](Self::error), with a truth of any precision.
    pub fn error_of(self, result: f64, truth: &Float, crossing: bool) -> f64 {
        if *truth == result {
            return 0.0;
        }
        if !result.is_finite() || !truth.is_finite() {
            return self.overflow(result, truth.to_f64().abs());
        }
        // MPFR's numbers begin behind the point.
        let exponent = truth
            .get_exp()
            .map_or(i32::MIN, |exponent| exponent - 1)
            .max(self.least(crossing));
        ((truth.clone() - result).abs() << (self.mantissa_bits - exponent)).to_f64()
    }

    /// One of them is no finite number. It is right where the truth is so large that it rounds to infinity.
    fn overflow(self, result: f64, truth: f64) -> f64 {
        let half_an_ulp = self.max * power(-self.mantissa_bits - 2);
        if result.is_infinite() && truth - self.max >= half_an_ulp {
            0.0
        } else {
            f64::INFINITY
        }
    }

    fn least(self, crossing: bool) -> i32 {
        if crossing {
            self.least.max(CROSSING)
        } else {
            self.least
        }
    }
}

/// 2^exponent, where that is a normal number or at the least 2^1074.
#[inline]
fn power(exponent: i32) -> f64 {
    if exponent > 1023 {
        return power(1023) * power(exponent - 1023);
    }
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// The farthest from the truth.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Worst {
    pub error: f64,
    pub at: f64,
}

impl Worst {
    #[inline]
    pub fn meet(&mut self, error: f64, at: f64) {
        if error > self.error {
            *self = Self { error, at };
        }
    }

    pub fn or(mut self, other: Self) -> Self {
        self.meet(other.error, other.at);
        self
    }
}
