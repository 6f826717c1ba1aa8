//! Results and gradients have the bits of the crate `rectify`, in every layout, on one thread and on several.

use crate::common::{Number, elements, layouts, numbers, same_bits, tensor};
use candle_core::{CustomOp1, D, Device, Result, Tensor, Var};
use rectify::{
    Activation, AnyActivation, Channels, Formula, Gelu, Gradient, Halves, LogSoftmax, PRelu, Relu,
    Silu, Softmax, Vector,
};
use rectify_candle::{LogSoftmaxLastDim, Op, SoftmaxLastDim};

const TEXTS: &[&str] = &[
    "relu",
    "leaky_relu(negative_slope=0.2)",
    "clip(min=-1, max=2)",
    "relu6",
    "hard_tanh",
    "thresholded_relu",
    "squared_relu",
    "hard_sigmoid",
    "hard_swish",
    "hard_shrink",
    "soft_shrink",
    "sigmoid",
    "silu",
    "swish(beta=1.702)",
    "tanh",
    "elu",
    "selu",
    "celu(alpha=0.5)",
    "gelu",
    "gelu_tanh",
    "softplus",
    "mish",
    "log_sigmoid",
    "softsign",
    "tanh_shrink",
];

const DIMS: [usize; 3] = [3, 5, 8];

/// A bell, e^(-x²), with its gradient.
#[derive(Clone, Copy, Debug)]
struct Bell;

impl Formula for Bell {
    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        (-(x * x)).exp()
    }
}

impl Gradient for Bell {
    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        -(x + x) * self.value(x) * grad_output
    }
}

/// The gradients of these variables, for the gradient `dy` of `y`.
fn gradients(y: &Tensor, dy: &Tensor, of: &[&Var]) -> Vec<Tensor> {
    let loss = (y * dy).unwrap().sum_all().unwrap();
    let gradients = loss.backward().unwrap();
    of.iter()
        .map(|var| gradients.get(var).unwrap().clone())
        .collect()
}

fn alone<T: Number>(activation: impl Activation<Formula: Gradient> + 'static, what: &str) {
    for (layout, x) in layouts::<T>(DIMS, 1) {
        let what = format!("{what}, {layout}");
        let values = elements::<T>(&x);
        let expected = activation.forward_to_vec(&values);
        same_bits(&Op(activation).forward(&x).unwrap(), &expected, &what);
        same_bits(&Op(activation).forward_only(&x).unwrap(), &expected, &what);
        same_bits(&x.apply(&Op(activation)).unwrap(), &expected, &what);
        same_bits(&x.apply_op1(Op(activation)).unwrap(), &expected, &what);
        // candle hands over gradients that are contiguous, and may be had in another layout tomorrow.
        let y = Op(activation).forward(&x).unwrap();
        for (of_gradient, dy) in layouts::<T>(DIMS, 2) {
            let dx = CustomOp1::bwd(&Op(activation), &x, &y, &dy)
                .unwrap()
                .unwrap();
            let expected = activation.backward_to_vec(&values, &elements::<T>(&dy));
            same_bits(&dx, &expected, &format!("{what}, gradient {of_gradient}"));
        }
    }
    for (layout, var, x) in views::<T>(DIMS, 3) {
        let dy = tensor::<T>(&DIMS, 4);
        let y = Op(activation).forward(&x).unwrap();
        let expected = activation.backward_to_vec(&elements::<T>(&x), &elements::<T>(&dy));
        let dx = gradients(&y, &dy, &[&var]).remove(0);
        seen(
            layout,
            &dx,
            &expected,
            &format!("{what}, gradient of {layout}"),
        );
    }
}

#[test]
fn each_activation_in_each_layout() {
    for text in TEXTS {
        let Op(activation) = text.parse::<Op<AnyActivation>>().unwrap();
        alone::<f32>(activation, text);
        alone::<f64>(activation, text);
    }
}

#[test]
fn planned_forms_and_own_formulas() {
    alone::<f32>(Gelu.par(), "par");
    alone::<f32>(Gelu.on(rectify::Tier::available().next().unwrap()), "on");
    alone::<f32>(Bell, "own");
    alone::<f64>(Bell.par(), "own, par");
}

#[test]
fn large_tensors_on_several_threads() -> Result<()> {
    let values = numbers::<f32>(1 << 20, 3);
    let x = Tensor::from_slice(&values, (1024, 1024), &Device::Cpu)?;
    same_bits(
        &Op(Gelu.par()).forward(&x)?,
        &Gelu.forward_to_vec(&values),
        "large",
    );
    let softmax = SoftmaxLastDim::new().par().forward(&x)?;
    same_bits(
        &softmax,
        &Softmax::rows(1024).forward_to_vec(&values),
        "large softmax",
    );
    let bias = numbers::<f32>(1024, 4);
    let b = Var::from_slice(&bias, 1024, &Device::Cpu)?;
    let [serial, parallel] = [Gelu.planned(), Gelu.par()].map(|gelu| {
        let y = Op(gelu).forward_bias(&x, &b, D::Minus1).unwrap();
        let dx = gradients(&y, &x, &[&b]).remove(0);
        (y, dx)
    });
    let channels = Channels::last(&bias);
    let mut sums = vec![0.0; 1024];
    channels.sum(
        &Gelu.backward_bias_to_vec(&values, channels, &values),
        &mut sums,
    );
    for (y, db) in [serial, parallel] {
        same_bits(
            &y,
            &Gelu.forward_bias_to_vec(&values, channels),
            "large bias",
        );
        same_bits(&db, &sums, "large gradient of the bias");
    }
    Ok(())
}

/// A variable, seen in another layout: the gradient comes back through the view.
fn views<T: Number>(dims: [usize; 3], seed: u64) -> Vec<(&'static str, Var, Tensor)> {
    let [a, b, c] = dims;
    let var = |dims: [usize; 3]| Var::from_tensor(&tensor::<T>(&dims, seed)).unwrap();
    let (whole, wide, turned) = (var(dims), var([a, b, c + 1]), var([c, b, a]));
    vec![
        ("whole", whole.clone(), whole.as_tensor().clone()),
        ("narrowed", wide.clone(), wide.narrow(2, 1, c).unwrap()),
        ("turned", turned.clone(), turned.permute((2, 1, 0)).unwrap()),
    ]
}

fn bias<T: Number>(activation: impl Activation<Formula: Gradient> + 'static) {
    let [a, b, c] = DIMS;
    let dy = tensor::<T>(&DIMS, 5);
    for (dim, channels, inner) in [(0, a, b * c), (1, b, c), (2, c, 1)] {
        for (layout, _, x) in views::<T>(DIMS, 6) {
            // Every other element of a longer tensor: a bias with gaps.
            let values = Var::from_tensor(&tensor::<T>(&[channels, 2], 7)).unwrap();
            let bias = values.narrow(1, 1, 1).unwrap().squeeze(1).unwrap();
            let what = format!("bias of dimension {dim}, {layout}");
            let y = Op(activation).forward_bias(&x, &bias, dim).unwrap();
            let (numbers, of_bias) = (elements::<T>(&x), elements::<T>(&bias));
            let by_channel = Channels::new(&of_bias, inner);
            same_bits(
                &y,
                &activation.forward_bias_to_vec(&numbers, by_channel),
                &what,
            );
            let dx = activation.backward_bias_to_vec(&numbers, by_channel, &elements::<T>(&dy));
            let mut expected = vec![Default::default(); channels];
            by_channel.sum(&dx, &mut expected);
            let d_values = gradients(&y, &dy, &[&values]).remove(0);
            same_bits(&d_values.narrow(1, 1, 1).unwrap(), &expected, &what);
            same_bits(
                &d_values.narrow(1, 0, 1).unwrap(),
                &vec![T::ZERO; channels],
                &what,
            );
        }
    }
    let x = tensor::<T>(&DIMS, 8);
    let b = tensor::<T>(&[c], 9);
    let [last, third] = [
        Op(activation).forward_bias(&x, &b, D::Minus1).unwrap(),
        Op(activation).forward_bias(&x, &b, 2).unwrap(),
    ];
    same_bits(&last, &elements::<T>(&third), "the last dimension");
}

#[test]
fn bias_by_channels() {
    bias::<f32>(Gelu);
    bias::<f64>(Gelu.par());
    bias::<f32>(Bell);
}

/// The gradient of a view is that of its variable, seen the same way; what is not seen has the gradient 0.
fn seen<T: Number>(layout: &str, gradient: &Tensor, expected: &[T], what: &str) {
    let [_, _, c] = DIMS;
    let view = match layout {
        "whole" => gradient.clone(),
        "narrowed" => {
            let unseen = gradient.narrow(2, 0, 1).unwrap();
            same_bits(&unseen, &vec![T::ZERO; unseen.elem_count()], what);
            gradient.narrow(2, 1, c).unwrap()
        }
        _ => gradient.permute((2, 1, 0)).unwrap(),
    };
    // candle adds a gradient to zeros, where -0.0 becomes +0.0.
    let expected: Vec<T> = expected.iter().map(|&x| x + T::ZERO).collect();
    same_bits(&view, &expected, what);
}

fn of_two<T: Number>(activation: impl Activation<Formula: Gradient> + 'static) {
    let dy = tensor::<T>(&DIMS, 10);
    let d = elements::<T>(&dy);
    for (first_layout, first, a) in views::<T>(DIMS, 11) {
        for (second_layout, second, b) in views::<T>(DIMS, 12) {
            let (x, r) = (elements::<T>(&a), elements::<T>(&b));
            let what = format!("{first_layout} and {second_layout}");

            let y = Op(activation).forward_residual(&a, &b).unwrap();
            same_bits(&y, &activation.forward_residual_to_vec(&x, &r), &what);
            let expected = activation.backward_residual_to_vec(&x, &r, &d);
            let both = gradients(&y, &dy, &[&first, &second]);
            seen(first_layout, &both[0], &expected, &what);
            seen(second_layout, &both[1], &expected, &what);

            let y = Op(activation).forward_gated(&a, &b).unwrap();
            same_bits(&y, &activation.forward_gated_to_vec(&x, &r), &what);
            let (mut d_gate, mut d_value) = (vec![T::ZERO; x.len()], vec![T::ZERO; x.len()]);
            activation.backward_gated(&x, &r, &d, &mut d_gate, &mut d_value);
            let both = gradients(&y, &dy, &[&first, &second]);
            seen(first_layout, &both[0], &d_gate, &what);
            seen(second_layout, &both[1], &d_value, &what);
        }
    }
}

#[test]
fn residual_and_gate() {
    of_two::<f32>(Silu);
    of_two::<f64>(Silu.par());
    of_two::<f32>(Relu);
}

#[test]
fn one_tensor_as_gate_and_value() -> Result<()> {
    let x = Var::from_tensor(&tensor::<f64>(&[4], 13))?;
    let y = Op(Silu).forward_gated(&x, &x)?;
    let dx = gradients(&y, &Tensor::ones_like(&y)?, &[&x]).remove(0);
    let values = elements::<f64>(&x);
    let expected: Vec<f64> = values
        .iter()
        .map(|&x| Silu.eval_backward(x, x) + Silu.eval(x))
        .collect();
    same_bits(&dx, &expected, "silu(x) * x");
    Ok(())
}

fn halves<T: Number>(activation: impl Activation<Formula: Gradient> + 'static) {
    let [a, b, c] = DIMS;
    let dy = tensor::<T>(&[a, b, c / 2], 14);
    for halves in [Halves::gate_first(c / 2), Halves::value_first(c / 2)] {
        for (layout, var, x) in views::<T>(DIMS, 15) {
            let what = format!("{halves:?}, {layout}");
            let values = elements::<T>(&x);
            let y = Op(activation).forward_gated_halves(&x, halves).unwrap();
            assert_eq!(y.dims(), [a, b, c / 2]);
            same_bits(
                &y,
                &activation.forward_gated_halves_to_vec(&values, halves),
                &what,
            );
            let mut dx = vec![T::ZERO; values.len()];
            activation.backward_gated_halves(&values, halves, &elements::<T>(&dy), &mut dx);
            seen(layout, &gradients(&y, &dy, &[&var])[0], &dx, &what);
        }
    }
}

#[test]
fn gate_and_value_in_halves() {
    halves::<f32>(Silu);
    halves::<f64>(Gelu.par());
}

macro_rules! rows_in_each_layout {
    ($number:ident, $op:expr, $rows:expr) => {
        for (layout, var, x) in views::<$number>(DIMS, 16) {
            let values = elements::<$number>(&x);
            let y = $op.forward(&x).unwrap();
            let expected = $rows.forward_to_vec(&values);
            same_bits(&y, &expected, layout);
            same_bits(&x.apply(&$op).unwrap(), &expected, layout);
            let dy = tensor::<$number>(&DIMS, 17);
            let mut dx = vec![0.0; values.len()];
            $rows.backward_from_output(&expected, &elements::<$number>(&dy), &mut dx);
            seen(layout, &gradients(&y, &dy, &[&var])[0], &dx, layout);
        }
        for (layout, x) in layouts::<$number>(DIMS, 16) {
            let expected = $rows.forward_to_vec(&elements::<$number>(&x));
            let y = $op.forward(&x).unwrap();
            same_bits(&y, &expected, layout);
            for (of_gradient, dy) in layouts::<$number>(DIMS, 17) {
                let mut dx = vec![0.0; expected.len()];
                $rows.backward_from_output(&expected, &elements::<$number>(&dy), &mut dx);
                let backward = CustomOp1::bwd(&$op, &x, &y, &dy).unwrap().unwrap();
                same_bits(&backward, &dx, of_gradient);
            }
        }
    };
}

#[test]
fn softmax_of_the_last_dimension() {
    let [_, _, c] = DIMS;
    rows_in_each_layout!(f32, SoftmaxLastDim::new(), Softmax::rows(c));
    rows_in_each_layout!(f64, SoftmaxLastDim::new().par(), Softmax::rows(c));
    rows_in_each_layout!(f32, LogSoftmaxLastDim::new().par(), LogSoftmax::rows(c));
    rows_in_each_layout!(f64, LogSoftmaxLastDim::default(), LogSoftmax::rows(c));
}

fn prelu<T: Number>(parallel: bool) {
    let [a, b, c] = DIMS;
    let dy = tensor::<T>(&DIMS, 18);
    for (dim, channels, inner) in [(0, a, b * c), (1, b, c), (2, c, 1), (1, 1, 1)] {
        for (layout, var, x) in views::<T>(DIMS, 19) {
            let slopes = Var::from_tensor(&tensor::<T>(&[channels], 20)).unwrap();
            let layer = rectify_candle::PRelu::new(slopes.as_tensor().clone(), dim);
            let layer = if parallel { layer.par() } else { layer };
            let (values, of_slopes) = (elements::<T>(&x), elements::<T>(&slopes));
            let prelu = PRelu::new(Channels::new(&of_slopes, inner));
            let what = format!("{channels} slopes of dimension {dim}, {layout}");
            let y = x.apply(&layer).unwrap();
            same_bits(&y, &prelu.forward_to_vec(&values), &what);
            let both = gradients(&y, &dy, &[&var, &slopes]);
            let dx = prelu.backward_to_vec(&values, &elements::<T>(&dy));
            seen(layout, &both[0], &dx, &what);
            let mut d_slopes = vec![T::ZERO; channels];
            prelu.backward_slopes(&values, &elements::<T>(&dy), &mut d_slopes);
            same_bits(&both[1], &d_slopes, &what);
            assert_eq!(both[1].dims(), [channels]);
        }
    }
}

#[test]
fn learned_slopes() {
    prelu::<f32>(false);
    prelu::<f64>(true);
}

#[test]
fn nothing_and_one_number() -> Result<()> {
    let silu = Op(Silu.par());
    for dims in [vec![0], vec![2, 0], vec![0, 3], vec![3, 0, 2]] {
        let x = Var::zeros(dims.as_slice(), candle_core::DType::F32, &Device::Cpu)?;
        let last = *dims.last().unwrap();
        let bias = Var::zeros(last, candle_core::DType::F32, &Device::Cpu)?;
        for y in [
            silu.forward(&x)?,
            silu.forward_only(&x)?,
            silu.forward_residual(&x, &x)?,
            silu.forward_gated(&x, &x)?,
            silu.forward_bias(&x, &bias, D::Minus1)?,
            SoftmaxLastDim::new().forward(&x)?,
            LogSoftmaxLastDim::new().forward(&x)?,
            rectify_candle::PRelu::new(bias.as_tensor().clone(), D::Minus1).forward(&x)?,
        ] {
            assert_eq!(y.dims(), dims);
            if y.track_op() {
                let dx = y.sum_all()?.backward()?.remove(&x).unwrap();
                assert_eq!(dx.dims(), dims);
            }
        }
        let y = silu.forward_bias(&x, &bias, D::Minus1)?;
        let d_bias = y.sum_all()?.backward()?.remove(&bias).unwrap();
        same_bits(
            &d_bias,
            &vec![0.0_f32; last],
            "the gradient of a bias that nothing was added to",
        );
        silu.forward_in_place(&x.detach())?;
        SoftmaxLastDim::new().forward_in_place(&x.detach())?;
    }
    let x = Tensor::new(2.0_f32, &Device::Cpu)?;
    let y = silu.forward(&x)?;
    assert_eq!(y.dims(), [0; 0]);
    assert_eq!(y.to_scalar::<f32>()?, Silu.eval(2.0_f32));
    let x = Tensor::zeros((2, 0), candle_core::DType::F32, &Device::Cpu)?;
    assert!(
        silu.forward_gated_halves(&x, Halves::gate_first(1))
            .is_err()
    );
    let x = Tensor::zeros((0, 4), candle_core::DType::F32, &Device::Cpu)?;
    assert_eq!(
        silu.forward_gated_halves(&x, Halves::gate_first(2))?.dims(),
        [0, 2]
    );
    Ok(())
}
