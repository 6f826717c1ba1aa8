//! The functions of this element type against mathematics, at the worst inputs that are known and at the ends.
#![allow(
    clippy::excessive_precision,
    clippy::approx_constant,
    reason = "inputs are written with nine digits, which tell every `f32` apart, and what is exact as it came"
)]

use super::{erf, gelu, gelu_tanh, ln_1p, mish, softplus, tanh, tanh_shrink};

/// `y` is within `most` ulp of `exact`, or of the ulp of 1/16 where `crosses` says that the function is near a zero
/// that it crosses.
#[track_caller]
fn near(y: f32, exact: f64, most: f64, crosses: bool) {
    let least = if crosses {
        0.0625
    } else {
        f64::from(f32::MIN_POSITIVE)
    };
    let ulp = 2_f64.powi(exact.abs().max(least).log2().floor() as i32 - 23);
    let error = (f64::from(y) - exact).abs() / ulp;
    assert!(error <= most, "{y} is {error} ulp from {exact}");
}

macro_rules! exact {
    ($($name:ident: $function:path, $most:literal, $crosses:literal: $($x:literal => $exact:literal,)*;)*) => {$(
        #[test]
        fn $name() {
            $(near($function($x), $exact, $most, $crosses);)*
        }
    )*};
}

exact! {
    gelu: gelu::gelu, 4.0, false:
        -14.1999998 => -6.504498799833305e-45,
        -12.0 => -2.1317785344932147e-32,
        -4.02256727 => -0.00011578397592420058,
        -1.0 => -0.15865525393145705,
        -0.00100000005 => -0.0004996010814969171,
        1e-30 => 5.000000015855384e-31,
        0.300000012 => 0.18537343538671314,
        2.5 => 2.4844758366855597,
        20.0 => 20.0,
    ;
    gelu_gradient: gelu::gelu_gradient, 4.0, true:
        -14.1999998 => -9.235944705074117e-44,
        -12.0 => -2.5578956616748956e-31,
        -4.0 => -0.0005036496612264215,
        -1.12517023 => -0.10809318731471293,
        -0.751791596 => -3.094635629896001e-08,
        -0.526837707 => 0.11621007513606278,
        -0.00100000005 => 0.49920211566726114,
        0.300000012 => 0.7323277755109192,
        2.5 => 1.037611085908145,
        20.0 => 1.0,
    ;
    gelu_tanh: gelu_tanh::gelu_tanh, 4.0, false:
        -10.5 => -7.42490055607904e-43,
        -9.0 => -1.3364595947348725e-28,
        -3.0 => -0.003637392081773019,
        -1.0 => -0.1588080093917233,
        -0.00100000005 => -0.0004996010814972463,
        1e-30 => 5.000000015855384e-31,
        0.300000012 => 0.18537093227240134,
        2.5 => 2.484915733910001,
        20.0 => 20.0,
    ;
    gelu_tanh_gradient: gelu_tanh::gelu_tanh_gradient, 4.0, true:
        -10.5 => -1.8637344242040152e-41,
        -9.0 => -2.515735285067425e-27,
        -3.0 => -0.011584166630969726,
        -1.0 => -0.08296408384578255,
        -0.752461374 => 2.0773268398776437e-08,
        -0.5317716 => 0.11341238303882863,
        -0.00100000005 => 0.49920211566857753,
        0.300000012 => 0.7322954603190077,
        2.5 => 1.037951576212666,
        20.0 => 1.0,
    ;
    softplus: softplus::softplus, 3.0, false:
        -103.0 => 1.8521167695179754e-45,
        -90.0 => 8.194012623990515e-40,
        -13.9258842 => 8.954990336395371e-07,
        -1.0 => 0.3132616875182228,
        -0.00100000005 => 0.6926473055362032,
        0.0 => 0.6931471805599453,
        0.00100000005 => 0.6936473055837007,
        1.0 => 1.3132616875182228,
        13.0 => 13.000002260326852,
        200.0 => 200.0,
    ;
    softplus_gradient: softplus::softplus_gradient, 4.0, false:
        -103.0 => 1.8521167695179754e-45,
        -90.0 => 8.194012623990515e-40,
        -2.71211243 => 0.06226240155781134,
        -1.0 => 0.2689414213699951,
        0.0 => 0.5,
        1.0 => 0.7310585786300049,
        30.0 => 0.9999999999999064,
    ;
    mish: mish::mish, 4.0, false:
        -106.0 => -9.774415208301434e-45,
        -90.0 => -7.374611361591464e-38,
        -6.78197002 => -0.0076866549269586455,
        -1.19241309 => -0.3088434129734121,
        -0.00100000005 => -0.0005996800125139364,
        1e-30 => 6.0000000190264615e-31,
        0.5 => 0.37524521130489513,
        5.0 => 4.999552077529406,
        30.0 => 30.0,
    ;
    mish_gradient: mish::mish_gradient, 4.0, true:
        -106.0 => -9.682203744072169e-45,
        -90.0 => -7.292671235351559e-38,
        -6.0 => -0.01235996793178131,
        -2.25629997 => -0.11252612207185225,
        -1.19241309 => 4.837925834046959e-06,
        -0.665244877 => 0.20150828297943982,
        0.5 => 0.8864243753577272,
        5.0 => 1.0008002248320826,
        30.0 => 1.0,
    ;
    tanh_shrink: tanh_shrink::tanh_shrink, 3.0, false:
        -30.0 => -29.0,
        -1.0625 => -0.2758811878913024,
        -1.00622594 => -0.24202942416075862,
        -9.99999975e-05 => -3.3333330673787596e-13,
        9.99999996e-13 => 3.3333332933753057e-37,
        0.5 => 0.03788284273999024,
        2.0 => 1.035972419924183,
        10000000000.0 => 9999999999.0,
    ;
    tanh_shrink_gradient: tanh_shrink::tanh_shrink_gradient, 4.0, false:
        -30.0 => 1.0,
        -1.0625 => 0.6187691555632985,
        -0.864145875 => 0.4877452004552375,
        -9.99999975e-05 => 9.99999942809085e-09,
        9.99999996e-13 => 9.999999920083944e-25,
        0.5 => 0.2135522670340726,
        2.0 => 0.9293491751468356,
        10000000000.0 => 1.0,
    ;
    erf: erf::erf, 2.0, false:
        -4.0 => -0.9999999845827421,
        -3.82604265 => -0.9999999372706927,
        -1.03824353 => -0.8579767289025563,
        -0.5 => -0.5204998778130465,
        -9.99999975e-05 => -0.00011283791348289937,
        1e-30 => 1.1283791706736896e-30,
        0.99000001 => 0.838508073593712,
        1.0 => 0.8427007929497149,
        2.0 => 0.9953222650189527,
        5.0 => 0.9999999999984626,
    ;
    ln_1p: ln_1p::ln_1p, 2.0, false:
        -0.99999994 => -16.635532333438686,
        -0.899999976 => -2.302584854575495,
        -0.300000012 => -0.35667496096863105,
        -9.99999975e-05 => -0.00010000499780689321,
        1e-30 => 1.0000000031710769e-30,
        0.416168064 => 0.3479546774086185,
        0.5 => 0.4054651081081644,
        3.0 => 1.3862943611198906,
        10000000000.0 => 23.025850930040455,
        3.00000001e+38 => 88.59684582427442,
    ;
}

#[test]
fn softplus_of_other_betas() {
    for beta in [1.702_f32, 0.3, 20.0, -2.5, 1e-3, 1e3] {
        for i in -400..=400 {
            let x = i as f32 * 0.01 / beta.abs().min(4.0);
            let v = f64::from(beta) * f64::from(x);
            let exact = (v.max(0.0) + (-v.abs()).exp().ln_1p()) / f64::from(beta);
            near(softplus::softplus_scaled(x, beta), exact, 3.0, false);
            near(
                softplus::softplus_scaled_gradient(x, beta),
                1.0 / (1.0 + (-v).exp()),
                4.0,
                false,
            );
        }
    }
    assert_eq!(softplus::softplus_scaled(3.0_f32, f32::INFINITY), 3.0);
    assert_eq!(softplus::softplus_scaled(-3.0_f32, f32::INFINITY), 0.0);
    assert_eq!(softplus::softplus_scaled(-3.0_f32, f32::NEG_INFINITY), -3.0);
}

#[test]
fn ends() {
    let ends = [f32::NEG_INFINITY, -0.0, 0.0, f32::INFINITY];
    let same = |f: fn(f32) -> f32, values: [f32; 4]| {
        for (x, value) in ends.into_iter().zip(values) {
            assert_eq!(f(x).to_bits(), value.to_bits(), "{x}");
        }
        assert!(f(f32::NAN).is_nan() && f(-f32::NAN).is_nan());
    };
    const INF: f32 = f32::INFINITY;
    let ln_2 = std::f32::consts::LN_2;
    same(gelu::gelu, [-0.0, -0.0, 0.0, INF]);
    same(gelu::gelu_gradient, [-0.0, 0.5, 0.5, 1.0]);
    same(gelu_tanh::gelu_tanh, [-0.0, -0.0, 0.0, INF]);
    same(gelu_tanh::gelu_tanh_gradient, [-0.0, 0.5, 0.5, 1.0]);
    same(softplus::softplus, [0.0, ln_2, ln_2, INF]);
    same(softplus::softplus_gradient, [0.0, 0.5, 0.5, 1.0]);
    same(mish::mish, [-0.0, -0.0, 0.0, INF]);
    same(mish::mish_gradient, [-0.0, 0.6, 0.6, 1.0]);
    same(tanh::tanh, [-1.0, -0.0, 0.0, 1.0]);
    same(tanh::tanh_gradient, [0.0, 1.0, 1.0, 0.0]);
    same(tanh_shrink::tanh_shrink, [-INF, -0.0, 0.0, INF]);
    same(tanh_shrink::tanh_shrink_gradient, [1.0, 0.0, 0.0, 1.0]);
    same(erf::erf, [-1.0, -0.0, 0.0, 1.0]);
    for x in [-0.0, 0.0, INF] {
        assert_eq!(ln_1p::ln_1p(x).to_bits(), x.to_bits());
    }
    for x in [-INF, -1.0000001, f32::NAN] {
        assert!(ln_1p::ln_1p(x).is_nan());
    }
    assert_eq!(ln_1p::ln_1p(-1.0_f32), -INF);
}
