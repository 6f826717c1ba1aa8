//! The smooth activations against the truth, for which `vectors/make_smooth.py` has brought two sources each. Ours are
//! within the bounds that all inputs are promised; PyTorch's `f32` and that of ONNX's reference implementation are,
//! but for what stands in `vectors/others.csv`, and nothing more stands there.

use std::collections::BTreeSet;

use Pass::{Gradient, Value};
use csv::StringRecord;
use rectify::{Activation, AnyActivation, Selu, Tier};

use crate::common::{smooth, tiers};
use crate::vectors::{columns, numbers, records};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Pass {
    Value,
    Gradient,
}

/// A row: an activation's inputs, their truth and what others make of them.
struct Vectors {
    activation: AnyActivation,
    x: Vec<f32>,
    y: Vec<f64>,
    /// Of a `dy` of 1.
    dx: Vec<f64>,
    pytorch: [Vec<f32>; 2],
    /// None, where ONNX has no such operator.
    onnx: Option<Vec<f32>>,
}

impl Vectors {
    fn new(record: &StringRecord) -> Self {
        let [
            text,
            x,
            y,
            y_truth_of,
            dx,
            dx_truth_of,
            pytorch_y,
            pytorch_dx,
            onnx_y,
        ] = columns(record);
        let vectors = Self {
            activation: text.parse().expect(text),
            x: numbers(x),
            y: numbers(y),
            dx: numbers(dx),
            pytorch: [numbers(pytorch_y), numbers(pytorch_dx)],
            onnx: (!onnx_y.is_empty()).then(|| numbers(onnx_y)),
        };
        let [pytorch_y, pytorch_dx] = &vectors.pytorch;
        let onnx_y = vectors.onnx.as_ref().unwrap_or(pytorch_y);
        let lengths = [
            vectors.y.len(),
            y_truth_of.len(),
            vectors.dx.len(),
            dx_truth_of.len(),
            pytorch_y.len(),
            pytorch_dx.len(),
            onnx_y.len(),
        ];
        assert_eq!(lengths, [vectors.x.len(); 7], "{text}");
        vectors
    }

    fn all() -> Vec<Self> {
        records("smooth.csv").iter().map(Self::new).collect()
    }

    fn truth(&self, pass: Pass) -> &[f64] {
        match pass {
            Value => &self.y,
            Gradient => &self.dx,
        }
    }

    fn ours(&self, tier: Tier, pass: Pass) -> Vec<f32> {
        let kernel = self.activation.on(tier);
        let mut result = vec![1.0; self.x.len()];
        match pass {
            Value => kernel.forward(&self.x, &mut result),
            Gradient => kernel.backward_in_place(&self.x, &mut result),
        }
        result
    }

    /// In ulp.
    fn bound(&self, pass: Pass) -> f64 {
        match (pass, self.activation) {
            (
                Value,
                AnyActivation::Gelu(_) | AnyActivation::GeluTanh(_) | AnyActivation::Mish(_),
            ) => 4.0,
            (Value, _) => 3.0,
            (Gradient, _) => 4.0,
        }
    }

    /// Whether the gradient crosses zero at `x` or near: from its least value on.
    fn crosses_zero(&self, x: f32) -> bool {
        let least = match self.activation {
            AnyActivation::Silu(_) => -2.4,
            AnyActivation::Swish(swish) => -2.4 / swish.beta(),
            AnyActivation::Gelu(_) | AnyActivation::GeluTanh(_) => -std::f64::consts::SQRT_2,
            AnyActivation::Mish(_) => -2.2,
            _ => return false,
        };
        (least..=0.0).contains(&f64::from(x))
    }

    /// Where a gradient has a branch at 0: at NaN no test holds, so it is the last branch's, as that of this crate's
    /// rectifiers. The truth in the file is PyTorch's, NaN.
    fn slope_at_nan(&self) -> Option<f32> {
        match self.activation {
            AnyActivation::Elu(_) | AnyActivation::Celu(_) => Some(1.0),
            AnyActivation::Selu(_) => Some(Selu::SCALE as f32),
            _ => None,
        }
    }

    fn errors<'a>(&'a self, pass: Pass, result: &'a [f32]) -> impl Iterator<Item = f64> {
        (0..self.x.len()).map(move |i| {
            let wide = pass == Gradient && self.crosses_zero(self.x[i]);
            let least_exponent = if wide { -4 } else { f32::MIN_EXP - 1 };
            error(result[i], self.truth(pass)[i], least_exponent)
        })
    }
}

/// In ulp of the truth, or of 2^`least_exponent` where that is larger. Infinite where one of the two is no finite
/// number and the other is another.
fn error(result: f32, truth: f64, least_exponent: i32) -> f64 {
    let same = f64::from(result) == truth || (result.is_nan() && truth.is_nan());
    let overflows = result.is_infinite() && result == truth as f32;
    if same || overflows {
        return 0.0;
    }
    if !result.is_finite() || !truth.is_finite() {
        return f64::INFINITY;
    }
    let exponent = ((truth.to_bits() >> 52 & 0x7ff) as i32 - 1023).max(least_exponent);
    let ulp = 2.0_f64.powi(exponent + 1 - f32::MANTISSA_DIGITS as i32);
    (f64::from(result) - truth).abs() / ulp
}

#[test]
fn ours_are_within_their_bounds() {
    let all = Vectors::all();
    let in_file: BTreeSet<_> = all
        .iter()
        .map(|vectors| vectors.activation.name())
        .collect();
    let smooth: BTreeSet<_> = smooth(usize::MAX)
        .map(|activation| activation.name())
        .collect();
    assert_eq!(in_file, smooth, "an activation is missing");

    let mut wrong = vec![];
    for vectors in &all {
        for (tier, pass) in tiers().flat_map(|tier| [Value, Gradient].map(|pass| (tier, pass))) {
            let activation = vectors.activation;
            let ours = vectors.ours(tier, pass);
            let mut largest = (0.0, f32::NAN);
            for (i, error) in vectors.errors(pass, &ours).enumerate() {
                let (x, truth) = (vectors.x[i], vectors.truth(pass)[i]);
                if let Some(slope) = vectors
                    .slope_at_nan()
                    .filter(|_| pass == Gradient && x.is_nan())
                {
                    assert_eq!(ours[i], slope, "{activation} at NaN");
                    continue;
                }
                if error > largest.0 {
                    largest = (error, x);
                }
                // Of gradients it depends on the terms that add up to them.
                let sign = pass == Gradient
                    || truth as f32 != 0.0
                    || ours[i].is_sign_negative() == truth.is_sign_negative();
                if error > vectors.bound(pass) || !sign {
                    wrong.push(format!(
                        "{activation}, {pass:?} on {tier}: at {x:?} it is {:?} for {truth:e}, {error:.3} ulp",
                        ours[i],
                    ));
                }
            }
            println!(
                "{activation}, {pass:?} on {tier}: {:.3} ulp at {:?}",
                largest.0, largest.1
            );
        }
    }
    assert!(
        wrong.is_empty(),
        "{} results are above their bounds:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// A row of `others.csv`: one source's results of one activation, of which some are above the bound.
#[derive(Debug, PartialEq)]
struct Above {
    activation: String,
    pass: Pass,
    bound: f64,
    inputs: usize,
    above: usize,
    /// The largest error that is a number, and where, if it is above the bound.
    largest: Option<(f64, u32)>,
    /// How many are NaN or infinite, and should not be.
    not_finite: usize,
    /// The first of them.
    not_finite_at: Option<u32>,
}

impl Above {
    /// The file's, with its source.
    fn recorded(record: &StringRecord) -> (String, Self) {
        let [
            source,
            activation,
            direction,
            bound,
            inputs,
            above,
            error,
            at,
            not_finite,
            not_finite_at,
        ] = columns(record);
        let bits = |text: &str| text.parse::<f32>().expect(text).to_bits();
        let row = Self {
            activation: activation.to_owned(),
            pass: match direction {
                "value" => Value,
                "gradient" => Gradient,
                _ => panic!("`{direction}` is no direction"),
            },
            bound: bound.parse().expect(bound),
            inputs: inputs.parse().expect(inputs),
            above: above.parse().expect(above),
            largest: (!error.is_empty()).then(|| (error.parse().expect(error), bits(at))),
            not_finite: not_finite.parse().expect(not_finite),
            not_finite_at: (!not_finite_at.is_empty()).then(|| bits(not_finite_at)),
        };
        let (source, _version) = source.split_once(' ').expect("a source with its version");
        (source.to_owned(), row)
    }

    /// What it should be, if there is such a row.
    fn of(vectors: &Vectors, pass: Pass, result: &[f32]) -> Option<Self> {
        let bound = vectors.bound(pass);
        let errors: Vec<_> = vectors.errors(pass, result).collect();
        let at = |i: usize| vectors.x[i].to_bits();
        let mut largest = (bound, None);
        for (i, &error) in errors.iter().enumerate() {
            if error.is_finite() && error > largest.0 {
                largest = (error, Some(at(i)));
            }
        }
        let lost = |error: &f64| error.is_infinite();
        let above = errors.iter().filter(|&&error| error > bound).count();
        (above > 0).then(|| Self {
            activation: vectors.activation.to_string(),
            pass,
            bound,
            inputs: errors.len(),
            above,
            largest: largest.1.map(|at| (six_digits(largest.0), at)),
            not_finite: errors.iter().filter(|error| lost(error)).count(),
            not_finite_at: errors.iter().position(lost).map(at),
        })
    }
}

/// As the file has it.
fn six_digits(number: f64) -> f64 {
    let text = format!("{number:.5e}");
    text.parse().expect("it is a number")
}

#[test]
fn what_of_others_is_above_the_bounds_is_in_the_table() {
    let mut found = vec![];
    for vectors in &Vectors::all() {
        let [pytorch_y, pytorch_dx] = &vectors.pytorch;
        let results = [
            ("PyTorch", Value, Some(pytorch_y)),
            ("PyTorch", Gradient, Some(pytorch_dx)),
            ("ONNX", Value, vectors.onnx.as_ref()),
        ];
        for (source, pass, result) in results {
            let row = result.and_then(|result| Above::of(vectors, pass, result));
            found.extend(row.map(|row| (source.to_owned(), row)));
        }
    }
    let recorded: Vec<_> = records("others.csv").iter().map(Above::recorded).collect();
    for row in &found {
        assert!(recorded.contains(row), "not in the table: {row:#?}");
    }
    for row in &recorded {
        assert!(found.contains(row), "in the table, but not so: {row:#?}");
    }
    assert_eq!(found.len(), recorded.len(), "a row is in the table twice");
}
