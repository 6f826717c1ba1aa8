//! The functions over `float`.

use rectify::{Activation as _, Channels, Halves, LogSoftmax, PRelu, Softmax};

use crate::activation::{Activation, chosen};
use crate::buffers::{divide, halves, rows, slices};
use crate::flags::{RECTIFY_PARALLEL, known, planned, value_first};
use crate::status::{Status, call};

/// Writes f(input[i]) to output[i]. In place where `output` is `input`.
///
/// # Safety
/// As the head of `lib.rs` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rectify_forward_f32(
    activation: *const Activation,
    input: *const f32,
    output: *mut f32,
    len: usize,
    flags: u32,
) -> Status {
    call(|| {
        // SAFETY: as our caller says.
        let f = unsafe { chosen(activation, flags) }?;
        let inputs = [("input", input, len)];
        let outputs = [("output", output, len)];
        // SAFETY: as our caller says.
        let ([input], [output], in_place) = unsafe { slices(inputs, outputs, Some(0)) }?;
        if in_place {
            f.forward_in_place(output);
        } else {
            f.forward(input, output);
        }
        Ok(())
    })
}

/// Writes the gradient of the input to `grad_input`: grad_output[i] times the derivative at input[i], which is what
/// rectify_forward_f32() was given. In place where `grad_input` is `grad_output`.
///
/// # Safety
/// As the head of `lib.rs` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rectify_backward_f32(
    activation: *const Activation,
    input: *const f32,
    grad_output: *const f32,
    grad_input: *mut f32,
    len: usize,
    flags: u32,
) -> Status {
    call(|| {
        // SAFETY: as our caller says.
        let f = unsafe { chosen(activation, flags) }?;
        let inputs = [("input", input, len), ("grad_output", grad_output, len)];
        let outputs = [("grad_input", grad_input, len)];
        // SAFETY: as our caller says.
        let ([input, grad_output], [grad_input], in_place) =
            unsafe { slices(inputs, outputs, Some(1)) }?;
        if in_place {
            f.backward_in_place(input, grad_input);
        } else {
            f.backward(input, grad_output, grad_input);
        }
        Ok(())
    })
}

/// Writes f(input[i] + b) to output[i], where b is the value in `bias` of the element's channel. In place where `output` is
/// `input`.
///
/// # Safety
/// As the head of `lib.rs` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rectify_forward_bias_f32(
    activation: *const Activation,
    input: *const f32,
    bias: *const f32,
    channels: usize,
    inner: usize,
    output: *mut f32,
    len: usize,
    flags: u32,
) -> Status {
    call(|| {
        // SAFETY: as our caller says.
        let f = unsafe { chosen(activation, flags) }?;
        divide(len, channels, inner)?;
        let inputs = [("input", input, len), ("bias", bias, channels)];
        let outputs = [("output", output, len)];
        // SAFETY: as our caller says.
        let ([input, bias], [output], in_place) = unsafe { slices(inputs, outputs, Some(0)) }?;
        let bias = Channels::new(bias, inner);
        if in_place {
            f.forward_bias_in_place(bias, output);
        } else {
            f.forward_bias(input, bias, output);
        }
        Ok(())
    })
}

/// Writes the gradient of the input of rectify_forward_bias_f32() to `grad_input`: grad_output[i] times the derivative at
/// input[i] + b. That of the bias is its sum by channels: rectify_sum_channels_f32(). In place where `grad_input` is
/// `grad_output`.
///
/// # Safety
/// As the head of `lib.rs` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rectify_backward_bias_f32(
    activation: *const Activation,
    input: *const f32,
    bias: *const f32,
    channels: usize,
    inner: usize,
    grad_output: *const f32,
    grad_input: *mut f32,
    len: usize,
    flags: u32,
) -> Status {
    call(|| {
        // SAFETY: as our caller says.
        let f = unsafe { chosen(activation, flags) }?;
        divide(len, channels, inner)?;
        let inputs = [
            ("input", input, len),
            ("bias", bias, channels),
            ("grad_output", grad_output, len),
        ];
        let outputs = [("grad_input", grad_input, len)];
        // SAFETY: as our caller says.
        let ([input, bias, grad_output], [grad_input], in_place) =
            unsafe { slices(inputs, outputs, Some(2)) }?;
        let bias = Channels::new(bias, inner);
        if in_place {
            f.backward_bias_in_place(input, bias, grad_input);
        } else {
            f.backward_bias(input, bias, grad_output, grad_input);
        }
        Ok(())
    })
}

/// Writes to each of the `channels` elements of `totals` the sum of the elements of its channel in `elements`: the gradient of
/// a bias, where these are the gradient of what it was added to. The sum has the same bits at any number of threads; a channel
/// without elements has 0.
///
/// # Safety
/// As the head of `lib.rs` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rectify_sum_channels_f32(
    elements: *const f32,
    channels: usize,
    inner: usize,
    totals: *mut f32,
    len: usize,
    flags: u32,
) -> Status {
    call(|| {
        known(flags, RECTIFY_PARALLEL)?;
        divide(len, channels, inner)?;
        let inputs = [("elements", elements, len)];
        let outputs = [("totals", totals, channels)];
        // SAFETY: as our caller says.
        let ([elements], [totals], _) = unsafe { slices(inputs, outputs, None) }?;
        // The values are not looked at.
        let values = vec![0.0; channels];
        let channels = Channels::new(&values, inner);
        if flags & RECTIFY_PARALLEL != 0 {
            channels.par_sum(elements, totals);
        } else {
            channels.sum(elements, totals);
        }
        Ok(())
    })
}

/// Writes f(input[i] + residual[i]) to output[i]. In place where `output` is `input`.
///
/// # Safety
/// As the head of `lib.rs` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rectify_forward_residual_f32(
    activation: *const Activation,
    input: *const f32,
    residual: *const f32,
    output: *mut f32,
    len: usize,
    flags: u32,
) -> Status {
    call(|| {
        // SAFETY: as our caller says.
        let f = unsafe { chosen(activation, flags) }?;
        let inputs = [("input", input, len), ("residual", residual, len)];
        let outputs = [("output", output, len)];
        // SAFETY: as our caller says.
        let ([input, residual], [output], in_place) = unsafe { slices(inputs, outputs, Some(0)) }?;
        if in_place {
            f.forward_residual_in_place(residual, output);
        } else {
            f.forward_residual(input, residual, output);
        }
        Ok(())
    })
}

/// Writes the gradient of the input of rectify_forward_residual_f32(), which is that of the residual, too, to `grad_input`:
/// grad_output[i] times the derivative at input[i] + residual[i]. In place where `grad_input` is `grad_output`.
///
/// # Safety
/// As the head of `lib.rs` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rectify_backward_residual_f32(
    activation: *const Activation,
    input: *const f32,
    residual: *const f32,
    grad_output: *const f32,
    grad_input: *mut f32,
    len: usize,
    flags: u32,
) -> Status {
    call(|| {
        // SAFETY: as our caller says.
        let f = unsafe { chosen(activation, flags) }?;
        let inputs = [
            ("input", input, len),
            ("residual", residual, len),
            ("grad_output", grad_output, len),
        ];
        let outputs = [("grad_input", grad_input, len)];
        // SAFETY: as our caller says.
        let ([input, residual, grad_output], [grad_input], in_place) =
            unsafe { slices(inputs, outputs, Some(2)) }?;
        if in_place {
            f.backward_residual_in_place(input, residual, grad_input);
        } else {
            f.backward_residual(input, residual, grad_output, grad_input);
        }
        Ok(())
    })
}

/// Writes f(gate[i]) * value[i] to output[i]: SwiGLU with "silu", GEGLU with "gelu", GLU with "sigmoid". In place where `output`
/// is `value`.
///
/// # Safety
/// As the head of `lib.rs` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rectify_forward_gated_f32(
    activation: *const Activation,
    gate: *const f32,
    value: *const f32,
    output: *mut f32,
    len: usize,
    flags: u32,
) -> Status {
    call(|| {
        // SAFETY: as our caller says.
        let f = unsafe { chosen(activation, flags) }?;
        let inputs = [("gate", gate, len), ("value", value, len)];
        let outputs = [("output", output, len)];
        // SAFETY: as our caller says.
        let ([gate, value], [output], in_place) = unsafe { slices(inputs, outputs, Some(1)) }?;
        if in_place {
            f.forward_gated_in_place(gate, output);
        } else {
            f.forward_gated(gate, value, output);
        }
        Ok(())
    })
}

/// Writes the gradients of rectify_forward_gated_f32(): to `grad_gate` that of the gate, grad_output[i] * value[i] times the
/// derivative at gate[i], and to `grad_value` that of the value, grad_output[i] * f(gate[i]).
///
/// # Safety
/// As the head of `lib.rs` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rectify_backward_gated_f32(
    activation: *const Activation,
    gate: *const f32,
    value: *const f32,
    grad_output: *const f32,
    grad_gate: *mut f32,
    grad_value: *mut f32,
    len: usize,
    flags: u32,
) -> Status {
    call(|| {
        // SAFETY: as our caller says.
        let f = unsafe { chosen(activation, flags) }?;
        let inputs = [
            ("gate", gate, len),
            ("value", value, len),
            ("grad_output", grad_output, len),
        ];
        let outputs = [
            ("grad_gate", grad_gate, len),
            ("grad_value", grad_value, len),
        ];
        // SAFETY: as our caller says.
        let ([gate, value, grad_output], [grad_gate, grad_value], _) =
            unsafe { slices(inputs, outputs, None) }?;
        f.backward_gated(gate, value, grad_output, grad_gate, grad_value);
        Ok(())
    })
}

/// As rectify_forward_gated_f32(), where gate and value stand in one buffer: each row of `input` has `width` elements of the
/// gate and then `width` of the value, with RECTIFY_VALUE_FIRST the other way round. `input_len` is the number of elements
/// in `input`, a multiple of 2 * width; `output` has half as many.
///
/// # Safety
/// As the head of `lib.rs` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rectify_forward_gated_halves_f32(
    activation: *const Activation,
    input: *const f32,
    input_len: usize,
    width: usize,
    output: *mut f32,
    flags: u32,
) -> Status {
    call(|| {
        let (others, value_first) = value_first(flags);
        // SAFETY: as our caller says.
        let f = unsafe { chosen(activation, others) }?;
        let len = halves(input_len, width)?;
        let inputs = [("input", input, input_len)];
        let outputs = [("output", output, len)];
        // SAFETY: as our caller says.
        let ([input], [output], _) = unsafe { slices(inputs, outputs, None) }?;
        let halves = if value_first {
            Halves::value_first(width)
        } else {
            Halves::gate_first(width)
        };
        f.forward_gated_halves(input, halves, output);
        Ok(())
    })
}

/// Writes the gradients of rectify_forward_gated_halves_f32() to `grad_input`, which has the layout and the length of `input`;
/// `grad_output` has half as many elements.
///
/// # Safety
/// As the head of `lib.rs` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rectify_backward_gated_halves_f32(
    activation: *const Activation,
    input: *const f32,
    input_len: usize,
    width: usize,
    grad_output: *const f32,
    grad_input: *mut f32,
    flags: u32,
) -> Status {
    call(|| {
        let (others, value_first) = value_first(flags);
        // SAFETY: as our caller says.
        let f = unsafe { chosen(activation, others) }?;
        let len = halves(input_len, width)?;
        let inputs = [
            ("input", input, input_len),
            ("grad_output", grad_output, len),
        ];
        let outputs = [("grad_input", grad_input, input_len)];
        // SAFETY: as our caller says.
        let ([input, grad_output], [grad_input], _) = unsafe { slices(inputs, outputs, None) }?;
        let halves = if value_first {
            Halves::value_first(width)
        } else {
            Halves::gate_first(width)
        };
        f.backward_gated_halves(input, halves, grad_output, grad_input);
        Ok(())
    })
}

/// Writes for each row of `width` elements of `input` its softmax: e^(x - max) over the sum of these. A row with NaN,
/// with infinity, or of -infinity alone is NaN. In place where `output` is `input`.
///
/// # Safety
/// As the head of `lib.rs` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rectify_softmax_f32(
    input: *const f32,
    output: *mut f32,
    len: usize,
    width: usize,
    flags: u32,
) -> Status {
    call(|| {
        rows("len", len, width)?;
        let softmax = planned(Softmax::rows(width), flags, Softmax::par)?;
        let inputs = [("input", input, len)];
        let outputs = [("output", output, len)];
        // SAFETY: as our caller says.
        let ([input], [output], in_place) = unsafe { slices(inputs, outputs, Some(0)) }?;
        if in_place {
            softmax.forward_in_place(output);
        } else {
            softmax.forward(input, output);
        }
        Ok(())
    })
}

/// Writes the gradient of the input of rectify_softmax_f32() to `grad_input`, from what that wrote to `output`. In place where
/// `grad_input` is `grad_output`.
///
/// # Safety
/// As the head of `lib.rs` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rectify_softmax_backward_f32(
    output: *const f32,
    grad_output: *const f32,
    grad_input: *mut f32,
    len: usize,
    width: usize,
    flags: u32,
) -> Status {
    call(|| {
        rows("len", len, width)?;
        let softmax = planned(Softmax::rows(width), flags, Softmax::par)?;
        let inputs = [("output", output, len), ("grad_output", grad_output, len)];
        let outputs = [("grad_input", grad_input, len)];
        // SAFETY: as our caller says.
        let ([output, grad_output], [grad_input], in_place) =
            unsafe { slices(inputs, outputs, Some(1)) }?;
        if in_place {
            softmax.backward_from_output_in_place(output, grad_input);
        } else {
            softmax.backward_from_output(output, grad_output, grad_input);
        }
        Ok(())
    })
}

/// Writes for each row of `width` elements of `input` the logarithm of its softmax. A row with NaN,
/// with infinity, or of -infinity alone is NaN. In place where `output` is `input`.
///
/// # Safety
/// As the head of `lib.rs` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rectify_log_softmax_f32(
    input: *const f32,
    output: *mut f32,
    len: usize,
    width: usize,
    flags: u32,
) -> Status {
    call(|| {
        rows("len", len, width)?;
        let softmax = planned(LogSoftmax::rows(width), flags, LogSoftmax::par)?;
        let inputs = [("input", input, len)];
        let outputs = [("output", output, len)];
        // SAFETY: as our caller says.
        let ([input], [output], in_place) = unsafe { slices(inputs, outputs, Some(0)) }?;
        if in_place {
            softmax.forward_in_place(output);
        } else {
            softmax.forward(input, output);
        }
        Ok(())
    })
}

/// Writes the gradient of the input of rectify_log_softmax_f32() to `grad_input`, from what that wrote to `output`. In place where
/// `grad_input` is `grad_output`.
///
/// # Safety
/// As the head of `lib.rs` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rectify_log_softmax_backward_f32(
    output: *const f32,
    grad_output: *const f32,
    grad_input: *mut f32,
    len: usize,
    width: usize,
    flags: u32,
) -> Status {
    call(|| {
        rows("len", len, width)?;
        let softmax = planned(LogSoftmax::rows(width), flags, LogSoftmax::par)?;
        let inputs = [("output", output, len), ("grad_output", grad_output, len)];
        let outputs = [("grad_input", grad_input, len)];
        // SAFETY: as our caller says.
        let ([output, grad_output], [grad_input], in_place) =
            unsafe { slices(inputs, outputs, Some(1)) }?;
        if in_place {
            softmax.backward_from_output_in_place(output, grad_input);
        } else {
            softmax.backward_from_output(output, grad_output, grad_input);
        }
        Ok(())
    })
}

/// Writes s * input[i] to output[i] where input[i] < 0, else input[i], with s the value in `slopes` of the element's channel. In
/// place where `output` is `input`.
///
/// # Safety
/// As the head of `lib.rs` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rectify_prelu_f32(
    input: *const f32,
    slopes: *const f32,
    channels: usize,
    inner: usize,
    output: *mut f32,
    len: usize,
    flags: u32,
) -> Status {
    call(|| {
        divide(len, channels, inner)?;
        let inputs = [("input", input, len), ("slopes", slopes, channels)];
        let outputs = [("output", output, len)];
        // SAFETY: as our caller says.
        let ([input, slopes], [output], in_place) = unsafe { slices(inputs, outputs, Some(0)) }?;
        let prelu = planned(PRelu::new(Channels::new(slopes, inner)), flags, PRelu::par)?;
        if in_place {
            prelu.forward_in_place(output);
        } else {
            prelu.forward(input, output);
        }
        Ok(())
    })
}

/// Writes the gradient of the input of rectify_prelu_f32() to `grad_input`: s * grad_output[i] where input[i] <= 0, else
/// grad_output[i]. In place where `grad_input` is `grad_output`.
///
/// # Safety
/// As the head of `lib.rs` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rectify_prelu_backward_f32(
    input: *const f32,
    slopes: *const f32,
    channels: usize,
    inner: usize,
    grad_output: *const f32,
    grad_input: *mut f32,
    len: usize,
    flags: u32,
) -> Status {
    call(|| {
        divide(len, channels, inner)?;
        let inputs = [
            ("input", input, len),
            ("slopes", slopes, channels),
            ("grad_output", grad_output, len),
        ];
        let outputs = [("grad_input", grad_input, len)];
        // SAFETY: as our caller says.
        let ([input, slopes, grad_output], [grad_input], in_place) =
            unsafe { slices(inputs, outputs, Some(2)) }?;
        let prelu = planned(PRelu::new(Channels::new(slopes, inner)), flags, PRelu::par)?;
        if in_place {
            prelu.backward_in_place(input, grad_input);
        } else {
            prelu.backward(input, grad_output, grad_input);
        }
        Ok(())
    })
}

/// Writes the gradient of the slopes of rectify_prelu_f32() to the `channels` elements of `grad_slopes`: the sum over each
/// channel of input[i] * grad_output[i] where input[i] <= 0. It has the same bits at any number of threads.
///
/// # Safety
/// As the head of `lib.rs` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rectify_prelu_backward_slopes_f32(
    input: *const f32,
    slopes: *const f32,
    channels: usize,
    inner: usize,
    grad_output: *const f32,
    grad_slopes: *mut f32,
    len: usize,
    flags: u32,
) -> Status {
    call(|| {
        divide(len, channels, inner)?;
        let inputs = [
            ("input", input, len),
            ("slopes", slopes, channels),
            ("grad_output", grad_output, len),
        ];
        let outputs = [("grad_slopes", grad_slopes, channels)];
        // SAFETY: as our caller says.
        let ([input, slopes, grad_output], [grad_slopes], _) =
            unsafe { slices(inputs, outputs, None) }?;
        let prelu = planned(PRelu::new(Channels::new(slopes, inner)), flags, PRelu::par)?;
        prelu.backward_slopes(input, grad_output, grad_slopes);
        Ok(())
    })
}
