/* librectify: activation kernels for the CPU, forward and backward, over buffers of float and double.
 *
 * Made of the library's source by its header tool: not to be edited.
 *
 * What holds for every function:
 *
 * - It returns RECTIFY_OK, or what was wrong: then nothing was written, and rectify_last_error() has a sentence about it.
 * - `len` is the number of elements of every buffer beside it that has no number of its own. A buffer without elements may be
 *   null. No buffer is kept, and none is copied.
 * - An input may overlap other inputs. An output overlaps nothing, but may be the input that its function names: then the call
 *   is in place.
 * - Element i belongs to channel (i / inner) % channels: `inner` is 1 where channels are the last axis, and height * width for
 *   planes. `len` is a multiple of channels * inner.
 * - `flags` are RECTIFY_SERIAL or RECTIFY_PARALLEL. Every element has the same bits with both, on every instruction set.
 * - Functions may be called from several threads at once, on buffers that no other call writes to.
 * - A call may not see that a pointer points to less than it says, to memory that is gone, or to a buffer that another thread
 *   uses: as anywhere in C, then anything may happen.
 */


#ifndef RECTIFY_H
#define RECTIFY_H

#include <stddef.h>
#include <stdint.h>

/**
 * On the calling thread alone.
 */
#define RECTIFY_SERIAL 0

/**
 * Over the library's threads, of which the caller is one. Small buffers stay on the calling thread. The bits are the same.
 */
#define RECTIFY_PARALLEL 1

/**
 * Of rows of two halves: the value is the first and the gate the second. Without it the gate is the first.
 */
#define RECTIFY_VALUE_FIRST 2

/**
 * What a function returns. All but RECTIFY_OK are failures: then nothing was written to any buffer or handle, and
 * rectify_last_error() says what was wrong.
 */
typedef enum {
    /**
     * It is done.
     */
    RECTIFY_OK = 0,
    /**
     * A pointer is null. That of a buffer without elements may be.
     */
    RECTIFY_NULL_POINTER = 1,
    /**
     * The address of a buffer is no multiple of its element's size.
     */
    RECTIFY_MISALIGNED = 2,
    /**
     * A buffer has more bytes than memory can hold.
     */
    RECTIFY_TOO_LONG = 3,
    /**
     * A length is no multiple of what it should be, or a width, a number of channels or `inner` is 0.
     */
    RECTIFY_BAD_SHAPE = 4,
    /**
     * An output overlaps another buffer, and is not the one that the function says it may be.
     */
    RECTIFY_OVERLAP = 5,
    /**
     * A text names no activation, or a parameter is not allowed, as NaN never is.
     */
    RECTIFY_BAD_ACTIVATION = 6,
    /**
     * A text names no instruction set that this machine runs.
     */
    RECTIFY_BAD_TIER = 7,
    /**
     * A flag that the function does not know.
     */
    RECTIFY_BAD_FLAG = 8,
    /**
     * The instruction set or the number of threads is settled already.
     */
    RECTIFY_TOO_LATE = 9,
    /**
     * The library panicked: an environment variable of rectify cannot be read, or it has a fault.
     */
    RECTIFY_PANIC = 10,
} rectify_status;

/**
 * An activation with its parameters. It does not change, so threads may share it.
 */
typedef struct rectify_activation rectify_activation;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * What was wrong in the last call of this thread that failed, as a sentence with the sizes or values. Empty where none has.
 * Valid until the next call of this thread that fails, or the thread's end. Calls that do not fail leave it.
 */
const char *rectify_last_error(void);

/**
 * The version of the library, such as "0.1.0". Always valid.
 */
const char *rectify_version(void);

/**
 * Writes to `*name` the instruction set of calls, such as "AVX2". It is settled by the first call that needs it, and the
 * name stays valid.
 */
rectify_status rectify_tier(const char **name);

/**
 * Lets calls use the instruction set `name` at most, in place of the environment variable RECTIFY_MAX_TIER: "portable",
 * "AVX2" or "AVX-512", in any case. To be called once, before anything else but rectify_activation_new().
 *
 * RECTIFY_BAD_TIER: there is none of this name, or this machine does not run it. RECTIFY_TOO_LATE: it is settled.
 */
rectify_status rectify_set_max_tier(const char *name);

/**
 * Sets how many threads calls with RECTIFY_PARALLEL are shared out over, in place of the environment variable
 * RAYON_NUM_THREADS; 0 means one for each core. To be called once, before the first such call.
 *
 * RECTIFY_TOO_LATE: they are started already, or could not be.
 */
rectify_status rectify_set_threads(size_t threads);

/**
 * Makes the activation that `text` names, and writes a handle to it to `*activation`: to be given back by
 * rectify_activation_free(). A text is a name, such as "relu", and parameters where they should have other values than their
 * defaults, such as "leaky_relu(negative_slope=0.1)". The message about a name that is none lists those that are.
 *
 * RECTIFY_BAD_ACTIVATION: the text names none, or a parameter is NaN or out of its range.
 */
rectify_status rectify_activation_new(const char *text,
                                      rectify_activation **activation);

/**
 * Gives back an activation, which nobody may use any more. Null is no activation, and nothing happens.
 */
void rectify_activation_free(rectify_activation *activation);

/**
 * The text of an activation, with all its parameters: rectify_activation_new() makes the same one of it. Valid as long
 * as the activation. Of null it is null.
 */
const char *rectify_activation_text(const rectify_activation *activation);

/**
 * Writes f(input[i]) to output[i]. In place where `output` is `input`.
 */
rectify_status rectify_forward_f32(const rectify_activation *activation,
                                   const float *input,
                                   float *output,
                                   size_t len,
                                   uint32_t flags);

/**
 * Writes the gradient of the input to `grad_input`: grad_output[i] times the derivative at input[i], which is what
 * rectify_forward_f32() was given. In place where `grad_input` is `grad_output`.
 */
rectify_status rectify_backward_f32(const rectify_activation *activation,
                                    const float *input,
                                    const float *grad_output,
                                    float *grad_input,
                                    size_t len,
                                    uint32_t flags);

/**
 * Writes f(input[i] + b) to output[i], where b is the value in `bias` of the element's channel. In place where `output` is
 * `input`.
 */
rectify_status rectify_forward_bias_f32(const rectify_activation *activation,
                                        const float *input,
                                        const float *bias,
                                        size_t channels,
                                        size_t inner,
                                        float *output,
                                        size_t len,
                                        uint32_t flags);

/**
 * Writes the gradient of the input of rectify_forward_bias_f32() to `grad_input`: grad_output[i] times the derivative at
 * input[i] + b. That of the bias is its sum by channels: rectify_sum_channels_f32(). In place where `grad_input` is
 * `grad_output`.
 */
rectify_status rectify_backward_bias_f32(const rectify_activation *activation,
                                         const float *input,
                                         const float *bias,
                                         size_t channels,
                                         size_t inner,
                                         const float *grad_output,
                                         float *grad_input,
                                         size_t len,
                                         uint32_t flags);

/**
 * Writes to each of the `channels` elements of `totals` the sum of the elements of its channel in `elements`: the gradient of
 * a bias, where these are the gradient of what it was added to. The sum has the same bits at any number of threads; a channel
 * without elements has 0.
 */
rectify_status rectify_sum_channels_f32(const float *elements,
                                        size_t channels,
                                        size_t inner,
                                        float *totals,
                                        size_t len,
                                        uint32_t flags);

/**
 * Writes f(input[i] + residual[i]) to output[i]. In place where `output` is `input`.
 */
rectify_status rectify_forward_residual_f32(const rectify_activation *activation,
                                            const float *input,
                                            const float *residual,
                                            float *output,
                                            size_t len,
                                            uint32_t flags);

/**
 * Writes the gradient of the input of rectify_forward_residual_f32(), which is that of the residual, too, to `grad_input`:
 * grad_output[i] times the derivative at input[i] + residual[i]. In place where `grad_input` is `grad_output`.
 */
rectify_status rectify_backward_residual_f32(const rectify_activation *activation,
                                             const float *input,
                                             const float *residual,
                                             const float *grad_output,
                                             float *grad_input,
                                             size_t len,
                                             uint32_t flags);

/**
 * Writes f(gate[i]) * value[i] to output[i]: SwiGLU with "silu", GEGLU with "gelu", GLU with "sigmoid". In place where `output`
 * is `value`.
 */
rectify_status rectify_forward_gated_f32(const rectify_activation *activation,
                                         const float *gate,
                                         const float *value,
                                         float *output,
                                         size_t len,
                                         uint32_t flags);

/**
 * Writes the gradients of rectify_forward_gated_f32(): to `grad_gate` that of the gate, grad_output[i] * value[i] times the
 * derivative at gate[i], and to `grad_value` that of the value, grad_output[i] * f(gate[i]).
 */
rectify_status rectify_backward_gated_f32(const rectify_activation *activation,
                                          const float *gate,
                                          const float *value,
                                          const float *grad_output,
                                          float *grad_gate,
                                          float *grad_value,
                                          size_t len,
                                          uint32_t flags);

/**
 * As rectify_forward_gated_f32(), where gate and value stand in one buffer: each row of `input` has `width` elements of the
 * gate and then `width` of the value, with RECTIFY_VALUE_FIRST the other way round. `input_len` is the number of elements
 * in `input`, a multiple of 2 * width; `output` has half as many.
 */
rectify_status rectify_forward_gated_halves_f32(const rectify_activation *activation,
                                                const float *input,
                                                size_t input_len,
                                                size_t width,
                                                float *output,
                                                uint32_t flags);

/**
 * Writes the gradients of rectify_forward_gated_halves_f32() to `grad_input`, which has the layout and the length of `input`;
 * `grad_output` has half as many elements.
 */
rectify_status rectify_backward_gated_halves_f32(const rectify_activation *activation,
                                                 const float *input,
                                                 size_t input_len,
                                                 size_t width,
                                                 const float *grad_output,
                                                 float *grad_input,
                                                 uint32_t flags);

/**
 * Writes for each row of `width` elements of `input` its softmax: e^(x - max) over the sum of these. A row with NaN,
 * with infinity, or of -infinity alone is NaN. In place where `output` is `input`.
 */
rectify_status rectify_softmax_f32(const float *input,
                                   float *output,
                                   size_t len,
                                   size_t width,
                                   uint32_t flags);

/**
 * Writes the gradient of the input of rectify_softmax_f32() to `grad_input`, from what that wrote to `output`. In place where
 * `grad_input` is `grad_output`.
 */
rectify_status rectify_softmax_backward_f32(const float *output,
                                            const float *grad_output,
                                            float *grad_input,
                                            size_t len,
                                            size_t width,
                                            uint32_t flags);

/**
 * Writes for each row of `width` elements of `input` the logarithm of its softmax. A row with NaN,
 * with infinity, or of -infinity alone is NaN. In place where `output` is `input`.
 */
rectify_status rectify_log_softmax_f32(const float *input,
                                       float *output,
                                       size_t len,
                                       size_t width,
                                       uint32_t flags);

/**
 * Writes the gradient of the input of rectify_log_softmax_f32() to `grad_input`, from what that wrote to `output`. In place where
 * `grad_input` is `grad_output`.
 */
rectify_status rectify_log_softmax_backward_f32(const float *output,
                                                const float *grad_output,
                                                float *grad_input,
                                                size_t len,
                                                size_t width,
                                                uint32_t flags);

/**
 * Writes s * input[i] to output[i] where input[i] < 0, else input[i], with s the value in `slopes` of the element's channel. In
 * place where `output` is `input`.
 */
rectify_status rectify_prelu_f32(const float *input,
                                 const float *slopes,
                                 size_t channels,
                                 size_t inner,
                                 float *output,
                                 size_t len,
                                 uint32_t flags);

/**
 * Writes the gradient of the input of rectify_prelu_f32() to `grad_input`: s * grad_output[i] where input[i] <= 0, else
 * grad_output[i]. In place where `grad_input` is `grad_output`.
 */
rectify_status rectify_prelu_backward_f32(const float *input,
                                          const float *slopes,
                                          size_t channels,
                                          size_t inner,
                                          const float *grad_output,
                                          float *grad_input,
                                          size_t len,
                                          uint32_t flags);

/**
 * Writes the gradient of the slopes of rectify_prelu_f32() to the `channels` elements of `grad_slopes`: the sum over each
 * channel of input[i] * grad_output[i] where input[i] <= 0. It has the same bits at any number of threads.
 */
rectify_status rectify_prelu_backward_slopes_f32(const float *input,
                                                 const float *slopes,
                                                 size_t channels,
                                                 size_t inner,
                                                 const float *grad_output,
                                                 float *grad_slopes,
                                                 size_t len,
                                                 uint32_t flags);

/**
 * Writes f(input[i]) to output[i]. In place where `output` is `input`.
 */
rectify_status rectify_forward_f64(const rectify_activation *activation,
                                   const double *input,
                                   double *output,
                                   size_t len,
                                   uint32_t flags);

/**
 * Writes the gradient of the input to `grad_input`: grad_output[i] times the derivative at input[i], which is what
 * rectify_forward_f64() was given. In place where `grad_input` is `grad_output`.
 */
rectify_status rectify_backward_f64(const rectify_activation *activation,
                                    const double *input,
                                    const double *grad_output,
                                    double *grad_input,
                                    size_t len,
                                    uint32_t flags);

/**
 * Writes f(input[i] + b) to output[i], where b is the value in `bias` of the element's channel. In place where `output` is
 * `input`.
 */
rectify_status rectify_forward_bias_f64(const rectify_activation *activation,
                                        const double *input,
                                        const double *bias,
                                        size_t channels,
                                        size_t inner,
                                        double *output,
                                        size_t len,
                                        uint32_t flags);

/**
 * Writes the gradient of the input of rectify_forward_bias_f64() to `grad_input`: grad_output[i] times the derivative at
 * input[i] + b. That of the bias is its sum by channels: rectify_sum_channels_f64(). In place where `grad_input` is
 * `grad_output`.
 */
rectify_status rectify_backward_bias_f64(const rectify_activation *activation,
                                         const double *input,
                                         const double *bias,
                                         size_t channels,
                                         size_t inner,
                                         const double *grad_output,
                                         double *grad_input,
                                         size_t len,
                                         uint32_t flags);

/**
 * Writes to each of the `channels` elements of `totals` the sum of the elements of its channel in `elements`: the gradient of
 * a bias, where these are the gradient of what it was added to. The sum has the same bits at any number of threads; a channel
 * without elements has 0.
 */
rectify_status rectify_sum_channels_f64(const double *elements,
                                        size_t channels,
                                        size_t inner,
                                        double *totals,
                                        size_t len,
                                        uint32_t flags);

/**
 * Writes f(input[i] + residual[i]) to output[i]. In place where `output` is `input`.
 */
rectify_status rectify_forward_residual_f64(const rectify_activation *activation,
                                            const double *input,
                                            const double *residual,
                                            double *output,
                                            size_t len,
                                            uint32_t flags);

/**
 * Writes the gradient of the input of rectify_forward_residual_f64(), which is that of the residual, too, to `grad_input`:
 * grad_output[i] times the derivative at input[i] + residual[i]. In place where `grad_input` is `grad_output`.
 */
rectify_status rectify_backward_residual_f64(const rectify_activation *activation,
                                             const double *input,
                                             const double *residual,
                                             const double *grad_output,
                                             double *grad_input,
                                             size_t len,
                                             uint32_t flags);

/**
 * Writes f(gate[i]) * value[i] to output[i]: SwiGLU with "silu", GEGLU with "gelu", GLU with "sigmoid". In place where `output`
 * is `value`.
 */
rectify_status rectify_forward_gated_f64(const rectify_activation *activation,
                                         const double *gate,
                                         const double *value,
                                         double *output,
                                         size_t len,
                                         uint32_t flags);

/**
 * Writes the gradients of rectify_forward_gated_f64(): to `grad_gate` that of the gate, grad_output[i] * value[i] times the
 * derivative at gate[i], and to `grad_value` that of the value, grad_output[i] * f(gate[i]).
 */
rectify_status rectify_backward_gated_f64(const rectify_activation *activation,
                                          const double *gate,
                                          const double *value,
                                          const double *grad_output,
                                          double *grad_gate,
                                          double *grad_value,
                                          size_t len,
                                          uint32_t flags);

/**
 * As rectify_forward_gated_f64(), where gate and value stand in one buffer: each row of `input` has `width` elements of the
 * gate and then `width` of the value, with RECTIFY_VALUE_FIRST the other way round. `input_len` is the number of elements
 * in `input`, a multiple of 2 * width; `output` has half as many.
 */
rectify_status rectify_forward_gated_halves_f64(const rectify_activation *activation,
                                                const double *input,
                                                size_t input_len,
                                                size_t width,
                                                double *output,
                                                uint32_t flags);

/**
 * Writes the gradients of rectify_forward_gated_halves_f64() to `grad_input`, which has the layout and the length of `input`;
 * `grad_output` has half as many elements.
 */
rectify_status rectify_backward_gated_halves_f64(const rectify_activation *activation,
                                                 const double *input,
                                                 size_t input_len,
                                                 size_t width,
                                                 const double *grad_output,
                                                 double *grad_input,
                                                 uint32_t flags);

/**
 * Writes for each row of `width` elements of `input` its softmax: e^(x - max) over the sum of these. A row with NaN,
 * with infinity, or of -infinity alone is NaN. In place where `output` is `input`.
 */
rectify_status rectify_softmax_f64(const double *input,
                                   double *output,
                                   size_t len,
                                   size_t width,
                                   uint32_t flags);

/**
 * Writes the gradient of the input of rectify_softmax_f64() to `grad_input`, from what that wrote to `output`. In place where
 * `grad_input` is `grad_output`.
 */
rectify_status rectify_softmax_backward_f64(const double *output,
                                            const double *grad_output,
                                            double *grad_input,
                                            size_t len,
                                            size_t width,
                                            uint32_t flags);

/**
 * Writes for each row of `width` elements of `input` the logarithm of its softmax. A row with NaN,
 * with infinity, or of -infinity alone is NaN. In place where `output` is `input`.
 */
rectify_status rectify_log_softmax_f64(const double *input,
                                       double *output,
                                       size_t len,
                                       size_t width,
                                       uint32_t flags);

/**
 * Writes the gradient of the input of rectify_log_softmax_f64() to `grad_input`, from what that wrote to `output`. In place where
 * `grad_input` is `grad_output`.
 */
rectify_status rectify_log_softmax_backward_f64(const double *output,
                                                const double *grad_output,
                                                double *grad_input,
                                                size_t len,
                                                size_t width,
                                                uint32_t flags);

/**
 * Writes s * input[i] to output[i] where input[i] < 0, else input[i], with s the value in `slopes` of the element's channel. In
 * place where `output` is `input`.
 */
rectify_status rectify_prelu_f64(const double *input,
                                 const double *slopes,
                                 size_t channels,
                                 size_t inner,
                                 double *output,
                                 size_t len,
                                 uint32_t flags);

/**
 * Writes the gradient of the input of rectify_prelu_f64() to `grad_input`: s * grad_output[i] where input[i] <= 0, else
 * grad_output[i]. In place where `grad_input` is `grad_output`.
 */
rectify_status rectify_prelu_backward_f64(const double *input,
                                          const double *slopes,
                                          size_t channels,
                                          size_t inner,
                                          const double *grad_output,
                                          double *grad_input,
                                          size_t len,
                                          uint32_t flags);

/**
 * Writes the gradient of the slopes of rectify_prelu_f64() to the `channels` elements of `grad_slopes`: the sum over each
 * channel of input[i] * grad_output[i] where input[i] <= 0. It has the same bits at any number of threads.
 */
rectify_status rectify_prelu_backward_slopes_f64(const double *input,
                                                 const double *slopes,
                                                 size_t channels,
                                                 size_t inner,
                                                 const double *grad_output,
                                                 double *grad_slopes,
                                                 size_t len,
                                                 uint32_t flags);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* RECTIFY_H */
