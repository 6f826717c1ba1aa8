//! Values and gradients are candle's own, within its error, and learn the same.

use crate::common::{Number, close, tensor};
use candle_core::{D, DType, Device, Module, Result, Tensor, Var};
use candle_nn::{Linear, Optimizer, SGD, loss, ops, seq};
use rectify::{
    Activation, Celu, Clip, Elu, Gelu, GeluTanh, Gradient, HardSigmoid, HardSwish, LeakyRelu, Mish,
    Relu, Relu6, Sigmoid, Silu, SquaredRelu, Tanh,
};
use rectify_candle::{LogSoftmaxLastDim, Op, PRelu, SoftmaxLastDim};

/// Compares values and gradients of two layers, at numbers that are none of their kinks. They may differ by so many units of
/// the largest one.
fn compare<T: Number>(
    what: &str,
    ours: impl Fn(&Tensor) -> Result<Tensor>,
    candles: impl Fn(&Tensor) -> Result<Tensor>,
    (of_value, of_gradient): (f64, f64),
) {
    compare_within::<T>(
        what,
        ours,
        candles,
        (of_value * T::EPSILON, of_gradient * T::EPSILON),
    );
}

/// The same, with the error as a share of the largest number.
fn compare_within<T: Number>(
    what: &str,
    ours: impl Fn(&Tensor) -> Result<Tensor>,
    candles: impl Fn(&Tensor) -> Result<Tensor>,
    (of_value, of_gradient): (f64, f64),
) {
    let x = Var::from_tensor(&tensor::<T>(&[4, 8, 16], 1)).unwrap();
    let dy = tensor::<T>(&[4, 8, 16], 2);
    let run = |layer: &dyn Fn(&Tensor) -> Result<Tensor>| -> Result<_> {
        let y = layer(&x)?;
        let dx = (&y * &dy)?.sum_all()?.backward()?.remove(&x).unwrap();
        Ok((y, dx))
    };
    let ((y, dx), (their_y, their_dx)) = (run(&ours).unwrap(), run(&candles).unwrap());
    let what = format!("{what}, {:?}", T::DTYPE);
    close(&y, &their_y, of_value, &what);
    close(&dx, &their_dx, of_gradient, &format!("{what}, gradient"));
}

fn both(
    what: &str,
    ours: impl Activation<Formula: Gradient> + 'static,
    candles: impl Fn(&Tensor) -> Result<Tensor>,
    units: (f64, f64),
) {
    compare::<f32>(what, |x| Op(ours).forward(x), &candles, units);
    compare::<f64>(what, |x| Op(ours).forward(x), &candles, units);
}

#[test]
fn activations() {
    both("relu", Relu, |x| x.relu(), (0.0, 0.0));
    both("relu6", Relu6, |x| x.clamp(0.0, 6.0), (0.0, 0.0));
    both(
        "clip",
        Clip::new(-1.0, 2.0),
        |x| x.clamp(-1.0, 2.0),
        (0.0, 0.0),
    );
    both("squared relu", SquaredRelu, |x| x.relu()?.sqr(), (0.0, 0.0));
    both(
        "leaky relu",
        LeakyRelu::new(0.25),
        |x| ops::leaky_relu(x, 0.25),
        (0.0, 0.0),
    );
    both(
        "hard sigmoid",
        HardSigmoid::default(),
        ops::hard_sigmoid,
        (2.0, 8.0),
    );
    both(
        "hard swish",
        HardSwish,
        |x| x * ops::hard_sigmoid(x)?,
        (2.0, 8.0),
    );
    both("sigmoid", Sigmoid, ops::sigmoid, (2.0, 8.0));
    both("silu", Silu, |x| x.silu(), (2.0, 8.0));
    both("tanh", Tanh, |x| x.tanh(), (2.0, 8.0));
    both("elu", Elu::default(), |x| x.elu(1.0), (2.0, 8.0));
    both("celu", Celu::new(1.0), |x| x.elu(1.0), (2.0, 8.0));
    both("mish", Mish, ops::mish, (4.0, 16.0));
}

/// In candle's gradients of GELU the constants have six digits.
const SIX_DIGITS: f64 = 3e-6;

fn gelus<T: Number>() {
    let within = (4.0 * T::EPSILON, SIX_DIGITS);
    compare_within::<T>("gelu", |x| Op(Gelu).forward(x), |x| x.gelu_erf(), within);
    compare_within::<T>(
        "gelu by tanh",
        |x| Op(GeluTanh).forward(x),
        |x| x.gelu(),
        within,
    );
}

#[test]
fn gelu() {
    gelus::<f32>();
    gelus::<f64>();
}

#[test]
fn softmax() {
    let units = (4.0, 16.0);
    let softmax = |x: &Tensor| SoftmaxLastDim::new().forward(x);
    compare::<f32>("softmax", softmax, |x| ops::softmax(x, D::Minus1), units);
    compare::<f64>("softmax", softmax, |x| ops::softmax(x, D::Minus1), units);
    let log_softmax = |x: &Tensor| LogSoftmaxLastDim::new().forward(x);
    compare::<f32>(
        "log-softmax",
        log_softmax,
        |x| ops::log_softmax(x, D::Minus1),
        units,
    );
    compare::<f64>(
        "log-softmax",
        log_softmax,
        |x| ops::log_softmax(x, D::Minus1),
        units,
    );
    let x = tensor::<f32>(&[4, 8, 16], 3);
    close(
        &softmax(&x).unwrap(),
        &ops::softmax_last_dim(&x).unwrap(),
        4.0 * f64::from(f32::EPSILON),
        "softmax_last_dim",
    );
}

#[test]
fn fused_forms_are_their_parts() {
    for (dim, len) in [(0, 4), (1, 8), (2, 16)] {
        let other = Var::from_tensor(&tensor::<f64>(&[len], 4)).unwrap();
        let mut dims = [1; 3];
        dims[dim] = len;
        let parts = |x: &Tensor| x.broadcast_add(&other.reshape(&dims)?)?.silu();
        let fused = |x: &Tensor| Op(Silu).forward_bias(x, &other, dim);
        compare::<f64>("bias", fused, parts, (4.0, 16.0));
        let x = tensor::<f64>(&[4, 8, 16], 5);
        let of_bias = |y: Tensor| {
            y.sum_all()
                .unwrap()
                .backward()
                .unwrap()
                .remove(&other)
                .unwrap()
        };
        close(
            &of_bias(fused(&x).unwrap()),
            &of_bias(parts(&x).unwrap()),
            64.0 * f64::EPSILON,
            "gradient of a bias",
        );
    }
    let other = Var::from_tensor(&tensor::<f64>(&[4, 8, 16], 6)).unwrap();
    let residual = |x: &Tensor| Op(Silu).forward_residual(x, &other);
    compare::<f64>(
        "residual",
        residual,
        |x| (x + other.as_tensor())?.silu(),
        (4.0, 16.0),
    );
    let gate = |x: &Tensor| Op(Silu).forward_gated(x, &other);
    compare::<f64>("gate", gate, |x| x.silu()? * other.as_tensor(), (4.0, 16.0));
    let value = |x: &Tensor| Op(Silu).forward_gated(&other, x);
    compare::<f64>("value", value, |x| other.silu()? * x, (4.0, 16.0));
    let x = tensor::<f64>(&[4, 8, 16], 7);
    let halves = Op(Silu)
        .forward_gated_halves(&x, rectify::Halves::gate_first(8))
        .unwrap();
    close(
        &halves,
        &ops::swiglu(&x).unwrap(),
        4.0 * f64::EPSILON,
        "swiglu",
    );
}

#[test]
fn slopes() {
    // candle's channels are dimension 1.
    let slopes = tensor::<f64>(&[8], 8).abs().unwrap();
    let ours = PRelu::new(slopes.clone(), 1);
    let candles = candle_nn::PReLU::new(slopes, false);
    compare::<f64>(
        "prelu",
        |x| ours.forward(x),
        |x| candles.forward(x),
        (0.0, 0.0),
    );
}

/// Two layers with an activation between them, the same weights for the same seed.
fn network(activation: impl Module + 'static) -> Result<(candle_nn::Sequential, Vec<Var>)> {
    let weights = |dims: &[usize], seed| Var::from_tensor(&(tensor::<f64>(dims, seed) * 0.1)?);
    let vars = vec![
        weights(&[16, 2], 9)?,
        weights(&[16], 10)?,
        weights(&[2, 16], 11)?,
        weights(&[2], 12)?,
    ];
    let layer = |i: usize| {
        Linear::new(
            vars[i].as_tensor().clone(),
            Some(vars[i + 1].as_tensor().clone()),
        )
    };
    Ok((seq().add(layer(0)).add(activation).add(layer(2)), vars))
}

/// Learns exclusive or; returns the losses, and the gradients of the first step.
fn train(
    activation: impl Module + 'static,
    loss_of: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
) -> Result<(Vec<f64>, Vec<Tensor>)> {
    let x = Tensor::new(
        &[[-1.0_f64, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]],
        &Device::Cpu,
    )?;
    let target = Tensor::new(&[0_u32, 1, 1, 0], &Device::Cpu)?;
    let (network, vars) = network(activation)?;
    let first = loss_of(&network.forward(&x)?, &target)?.backward()?;
    let gradients = vars
        .iter()
        .map(|var| first.get(var).unwrap().clone())
        .collect();
    let mut optimizer = SGD::new(vars, 0.5)?;
    let losses = (0..200).map(|_| {
        let loss = loss_of(&network.forward(&x)?, &target)?;
        optimizer.backward_step(&loss)?;
        loss.to_dtype(DType::F64)?.to_scalar()
    });
    Ok((losses.collect::<Result<_>>()?, gradients))
}

#[test]
fn a_network_learns_as_with_candles_own() -> Result<()> {
    let (theirs, their_gradients) = train(candle_nn::Activation::Silu, loss::cross_entropy)?;
    let (ours, gradients) = train(Op(Silu.par()), |y, target| {
        loss::nll(&LogSoftmaxLastDim::new().forward(y)?, target)
    })?;
    for (i, (ours, theirs)) in gradients.iter().zip(&their_gradients).enumerate() {
        close(
            ours,
            theirs,
            64.0 * f64::EPSILON,
            &format!("gradient of weights {i}"),
        );
    }
    assert!(
        ours[0] > 0.5 && ours[199] < 0.05,
        "from {} to {}",
        ours[0],
        ours[199]
    );
    for (step, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        assert!(
            (ours - theirs).abs() < 1e-9,
            "step {step}: {ours} instead of {theirs}"
        );
    }
    Ok(())
}

#[test]
fn without_a_gradient_there_is_none() -> Result<()> {
    let x = Var::from_tensor(&tensor::<f32>(&[4], 13))?;
    let y = Op(Gelu).forward_only(&x)?;
    assert!(!y.track_op());
    assert!(y.sum_all()?.backward()?.get(&x).is_none());
    Ok(())
}
