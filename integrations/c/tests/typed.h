/* Every function over T, float or double: F(name) is its name, and N(name) a name of this file. */

/* Shapes: LEN is a multiple of all. */
enum { N(CHANNELS) = 4, N(INNER) = 3, N(WIDTH) = 6, N(UNIT) = 24, N(LEN) = 2 * N(UNIT) };

/* How many elements a buffer has in a call with `len`. */
typedef enum { N(NONE), N(ALL), N(HALF), N(BY_CHANNEL) } N(size);

typedef struct {
    const char *name;
    rectify_status (*call)(const rectify_activation *, const T *const *, T *const *, size_t, uint32_t);
    /* What it should write for leaky_relu(negative_slope=0.25), bit by bit; NULL where others look at its values. */
    void (*reference)(const T *const *, T *const *, size_t);
    N(size) in[3], out[2];
    int in_place; /* the input that the output may be, or -1 */
    int has_activation, has_shape, has_halves;
} N(operation);

static T N(leaky)(T x) { return x < 0 ? (T)0.25 * x : x; }
static T N(slope)(T x, T dy) { return x <= 0 ? (T)0.25 * dy : dy; }
static size_t N(channel)(size_t i) { return i / N(INNER) % N(CHANNELS); }
/* Where the gate and the value of output i stand. */
static size_t N(first)(size_t i) { return i / N(WIDTH) * 2 * N(WIDTH) + i % N(WIDTH); }

#define CALL(name, ...)                                                                                                \
    static rectify_status N(call_##name)(const rectify_activation *f, const T *const *in, T *const *out, size_t len,   \
                                         uint32_t flags) {                                                             \
        (void)f;                                                                                                       \
        return F(name)(__VA_ARGS__);                                                                                   \
    }
#define SHAPE N(CHANNELS), N(INNER)
CALL(forward, f, in[0], out[0], len, flags)
CALL(backward, f, in[0], in[1], out[0], len, flags)
CALL(forward_bias, f, in[0], in[1], SHAPE, out[0], len, flags)
CALL(backward_bias, f, in[0], in[1], SHAPE, in[2], out[0], len, flags)
CALL(sum_channels, in[0], SHAPE, out[0], len, flags)
CALL(forward_residual, f, in[0], in[1], out[0], len, flags)
CALL(backward_residual, f, in[0], in[1], in[2], out[0], len, flags)
CALL(forward_gated, f, in[0], in[1], out[0], len, flags)
CALL(backward_gated, f, in[0], in[1], in[2], out[0], out[1], len, flags)
CALL(forward_gated_halves, f, in[0], len, N(WIDTH), out[0], flags)
CALL(backward_gated_halves, f, in[0], len, N(WIDTH), in[1], out[0], flags)
CALL(softmax, in[0], out[0], len, N(WIDTH), flags)
CALL(softmax_backward, in[0], in[1], out[0], len, N(WIDTH), flags)
CALL(log_softmax, in[0], out[0], len, N(WIDTH), flags)
CALL(log_softmax_backward, in[0], in[1], out[0], len, N(WIDTH), flags)
CALL(prelu, in[0], in[1], SHAPE, out[0], len, flags)
CALL(prelu_backward, in[0], in[1], SHAPE, in[2], out[0], len, flags)
CALL(prelu_backward_slopes, in[0], in[1], SHAPE, in[2], out[0], len, flags)
#undef SHAPE
#undef CALL

#define REFERENCE(name, body)                                                                                          \
    static void N(reference_##name)(const T *const *in, T *const *out, size_t len) {                                   \
        for (size_t i = 0; i < len; i++) {                                                                             \
            body;                                                                                                      \
        }                                                                                                              \
    }
REFERENCE(forward, out[0][i] = N(leaky)(in[0][i]))
REFERENCE(backward, out[0][i] = N(slope)(in[0][i], in[1][i]))
REFERENCE(forward_bias, out[0][i] = N(leaky)(in[0][i] + in[1][N(channel)(i)]))
REFERENCE(backward_bias, out[0][i] = N(slope)(in[0][i] + in[1][N(channel)(i)], in[2][i]))
REFERENCE(forward_residual, out[0][i] = N(leaky)(in[0][i] + in[1][i]))
REFERENCE(backward_residual, out[0][i] = N(slope)(in[0][i] + in[1][i], in[2][i]))
REFERENCE(forward_gated, out[0][i] = N(leaky)(in[0][i]) * in[1][i])
REFERENCE(backward_gated, out[0][i] = N(slope)(in[0][i], in[2][i] * in[1][i]);
          out[1][i] = in[2][i] * N(leaky)(in[0][i]))
REFERENCE(forward_gated_halves, if (i < len / 2) {
    out[0][i] = N(leaky)(in[0][N(first)(i)]) * in[0][N(first)(i) + N(WIDTH)];
})
REFERENCE(backward_gated_halves, if (i < len / 2) {
    size_t gate = N(first)(i);
    size_t value = gate + N(WIDTH);
    out[0][gate] = N(slope)(in[0][gate], in[1][i] * in[0][value]);
    out[0][value] = in[1][i] * N(leaky)(in[0][gate]);
})
REFERENCE(prelu, out[0][i] = in[0][i] < 0 ? in[1][N(channel)(i)] * in[0][i] : in[0][i])
REFERENCE(prelu_backward, out[0][i] = in[0][i] <= 0 ? in[1][N(channel)(i)] * in[2][i] : in[2][i])
#undef REFERENCE

static const N(operation) N(operations)[] = {
#define WITH(name, reference, ...) {#name, N(call_##name), reference, __VA_ARGS__}
#define EXACT(name, ...) WITH(name, N(reference_##name), __VA_ARGS__)
#define OTHER(name, ...) WITH(name, NULL, __VA_ARGS__)
    EXACT(forward, {N(ALL)}, {N(ALL)}, 0, 1, 0, 0),
    EXACT(backward, {N(ALL), N(ALL)}, {N(ALL)}, 1, 1, 0, 0),
    EXACT(forward_bias, {N(ALL), N(BY_CHANNEL)}, {N(ALL)}, 0, 1, 1, 0),
    EXACT(backward_bias, {N(ALL), N(BY_CHANNEL), N(ALL)}, {N(ALL)}, 2, 1, 1, 0),
    OTHER(sum_channels, {N(ALL)}, {N(BY_CHANNEL)}, -1, 0, 1, 0),
    EXACT(forward_residual, {N(ALL), N(ALL)}, {N(ALL)}, 0, 1, 0, 0),
    EXACT(backward_residual, {N(ALL), N(ALL), N(ALL)}, {N(ALL)}, 2, 1, 0, 0),
    EXACT(forward_gated, {N(ALL), N(ALL)}, {N(ALL)}, 1, 1, 0, 0),
    EXACT(backward_gated, {N(ALL), N(ALL), N(ALL)}, {N(ALL), N(ALL)}, -1, 1, 0, 0),
    EXACT(forward_gated_halves, {N(ALL)}, {N(HALF)}, -1, 1, 1, 1),
    EXACT(backward_gated_halves, {N(ALL), N(HALF)}, {N(ALL)}, -1, 1, 1, 1),
    OTHER(softmax, {N(ALL)}, {N(ALL)}, 0, 0, 1, 0),
    OTHER(softmax_backward, {N(ALL), N(ALL)}, {N(ALL)}, 1, 0, 1, 0),
    OTHER(log_softmax, {N(ALL)}, {N(ALL)}, 0, 0, 1, 0),
    OTHER(log_softmax_backward, {N(ALL), N(ALL)}, {N(ALL)}, 1, 0, 1, 0),
    EXACT(prelu, {N(ALL), N(BY_CHANNEL)}, {N(ALL)}, 0, 0, 1, 0),
    EXACT(prelu_backward, {N(ALL), N(BY_CHANNEL), N(ALL)}, {N(ALL)}, 2, 0, 1, 0),
    OTHER(prelu_backward_slopes, {N(ALL), N(BY_CHANNEL), N(ALL)}, {N(BY_CHANNEL)}, -1, 0, 1, 0),
#undef OTHER
#undef EXACT
#undef WITH
};

static size_t N(elements)(N(size) size, size_t len) {
    switch (size) {
    case N(ALL):
        return len;
    case N(HALF):
        return len / 2;
    case N(BY_CHANNEL):
        return N(CHANNELS);
    default:
        return 0;
    }
}

/* Buffers with one element more, which stays as it is. */
typedef struct {
    T *in[3], *out[2];
    size_t in_len[3], out_len[2];
} N(buffers);

static const T N(POISON) = (T)-12345.5;

static N(buffers) N(new_buffers)(const N(operation) *operation, size_t len) {
    N(buffers) made = {{NULL}, {NULL}, {0}, {0}};
    /* Small numbers with few bits, both signs and zeros. */
    uint32_t state = 1;
    for (int k = 0; k < 3; k++) {
        made.in_len[k] = N(elements)(operation->in[k], len);
        made.in[k] = malloc((made.in_len[k] + 1) * sizeof(T));
        for (size_t i = 0; i < made.in_len[k]; i++) {
            state = state * 1664525u + 1013904223u;
            made.in[k][i] = (T)((int)(state >> 24) - 128) / 16;
        }
        made.in[k][made.in_len[k]] = N(POISON);
    }
    for (int k = 0; k < 2; k++) {
        made.out_len[k] = N(elements)(operation->out[k], len);
        made.out[k] = malloc((made.out_len[k] + 1) * sizeof(T));
        for (size_t i = 0; i <= made.out_len[k]; i++) {
            made.out[k][i] = N(POISON);
        }
    }
    return made;
}

static void N(free_buffers)(N(buffers) *made) {
    for (int k = 0; k < 3; k++) {
        CHECK(made->in[k] == NULL || made->in[k][made->in_len[k]] == N(POISON), "input %d: past its end", k);
        free(made->in[k]);
    }
    for (int k = 0; k < 2; k++) {
        CHECK(made->out[k] == NULL || made->out[k][made->out_len[k]] == N(POISON), "output %d: past its end", k);
        free(made->out[k]);
    }
}

static rectify_status N(run)(const N(operation) *operation, const rectify_activation *f, const N(buffers) *with,
                             size_t len, uint32_t flags) {
    const T *in[3] = {with->in[0], with->in[1], with->in[2]};
    return operation->call(f, in, with->out, len, flags);
}

static void N(untouched)(const N(operation) *operation, const N(buffers) *made) {
    for (int k = 0; k < 2; k++) {
        for (size_t i = 0; i < made->out_len[k]; i++) {
            CHECK(made->out[k][i] == N(POISON), "%s wrote element %zu of output %d", operation->name, i, k);
        }
    }
}

/* All that can be wrong with a call, one at a time: the code, and nothing written. */
static void N(failures)(const N(operation) *operation, const rectify_activation *f) {
    const char *name = operation->name;
    N(buffers) made = N(new_buffers)(operation, N(LEN));
    N(buffers) with;
#define WRONG(status, words, len, flags)                                                                               \
    FAILS(N(run)(operation, f, &with, len, flags), status, words, name);                                               \
    N(untouched)(operation, &made)

    for (int k = 0; k < 3 && operation->in[k] != N(NONE); k++) {
        with = made;
        with.in[k] = NULL;
        WRONG(RECTIFY_NULL_POINTER, "is null", N(LEN), RECTIFY_SERIAL);
        with.in[k] = (T *)(void *)((char *)made.in[k] + 1);
        WRONG(RECTIFY_MISALIGNED, "not a multiple", N(LEN), RECTIFY_SERIAL);
    }
    for (int k = 0; k < 2 && operation->out[k] != N(NONE); k++) {
        with = made;
        with.out[k] = NULL;
        WRONG(RECTIFY_NULL_POINTER, "is null", N(LEN), RECTIFY_PARALLEL);
        with.out[k] = (T *)(void *)((char *)made.out[k] + 1);
        WRONG(RECTIFY_MISALIGNED, "not a multiple", N(LEN), RECTIFY_SERIAL);
        /* One element into each input, the input itself, and the other output. */
        for (int j = 0; j < 3 && operation->in[j] != N(NONE); j++) {
            T before = made.in[j][1];
            with.out[k] = made.in[j] + 1;
            WRONG(RECTIFY_OVERLAP, "overlaps", N(LEN), RECTIFY_SERIAL);
            with.out[k] = made.in[j] + made.in_len[j] - 1;
            WRONG(RECTIFY_OVERLAP, "overlaps", N(LEN), RECTIFY_SERIAL);
            if (made.out_len[k] > 1) {
                with.in[j] = made.out[k] + made.out_len[k] - 1;
                with.out[k] = made.out[k];
                WRONG(RECTIFY_OVERLAP, "overlaps", N(LEN), RECTIFY_SERIAL);
            }
            with.in[j] = made.in[j];
            with.out[k] = made.in[j];
            if (operation->in_place != j || k > 0) {
                WRONG(RECTIFY_OVERLAP, "overlaps", N(LEN), RECTIFY_SERIAL);
            }
            CHECK(made.in[j][1] == before, "%s wrote to an input", name);
        }
    }
    if (operation->out[1] != N(NONE)) {
        with = made;
        with.out[1] = made.out[0];
        WRONG(RECTIFY_OVERLAP, "overlaps", N(LEN), RECTIFY_SERIAL);
    }
    if (operation->in_place >= 0 && operation->in[1] == N(ALL)) {
        /* In place, but another input is there, too. */
        with = made;
        with.in[0] = with.in[1] = with.out[0];
        WRONG(RECTIFY_OVERLAP, "overlaps", N(LEN), RECTIFY_SERIAL);
    }
    with = made;
    /* More bytes than a size_t has, than a ptrdiff_t has, and past the end of the addresses. */
    WRONG(RECTIFY_TOO_LONG, "more than memory", SIZE_MAX / N(UNIT) * N(UNIT), RECTIFY_SERIAL);
    WRONG(RECTIFY_TOO_LONG, "more than memory", (PTRDIFF_MAX / sizeof(T) / N(UNIT) + 1) * N(UNIT), RECTIFY_SERIAL);
    with.in[0] = (T *)(UINTPTR_MAX - 15);
    WRONG(RECTIFY_TOO_LONG, "more than memory", N(LEN), RECTIFY_SERIAL);
    with = made;
    WRONG(RECTIFY_BAD_FLAG, "0x4", N(LEN), 4);
    WRONG(RECTIFY_BAD_FLAG, "0x80000000", N(LEN), 0x80000000u | RECTIFY_PARALLEL);
    if (!operation->has_halves) {
        WRONG(RECTIFY_BAD_FLAG, "0x2", N(LEN), RECTIFY_VALUE_FIRST);
    }
    if (operation->has_shape) {
        WRONG(RECTIFY_BAD_SHAPE, "not a multiple", N(LEN) - 1, RECTIFY_SERIAL);
    }
    if (operation->has_halves) {
        WRONG(RECTIFY_BAD_SHAPE, "two halves", N(LEN) - N(WIDTH), RECTIFY_SERIAL);
    }
    if (operation->has_activation) {
        FAILS(N(run)(operation, NULL, &made, N(LEN), RECTIFY_SERIAL), RECTIFY_NULL_POINTER, "`activation` is null", name);
        N(untouched)(operation, &made);
    }
#undef WRONG
    N(free_buffers)(&made);
}

/* Results: those of the reference, serial, parallel and in place, all with the same bits. */
static void N(results)(const N(operation) *operation, const rectify_activation *f, size_t len, int with_reference) {
    N(buffers) serial = N(new_buffers)(operation, len);
    N(buffers) parallel = N(new_buffers)(operation, len);
    OK(N(run)(operation, f, &serial, len, RECTIFY_SERIAL));
    OK(N(run)(operation, f, &parallel, len, RECTIFY_PARALLEL));
    for (int k = 0; k < 2; k++) {
        CHECK(memcmp(serial.out[k], parallel.out[k], serial.out_len[k] * sizeof(T)) == 0, "%s, %zu elements",
              operation->name, len);
        for (size_t i = 0; i < serial.out_len[k]; i++) {
            CHECK(serial.out[k][i] != N(POISON), "%s left element %zu", operation->name, i);
        }
    }
    if (operation->reference != NULL && with_reference) {
        N(buffers) expected = N(new_buffers)(operation, len);
        const T *in[3] = {expected.in[0], expected.in[1], expected.in[2]};
        operation->reference(in, expected.out, len);
        for (int k = 0; k < 2; k++) {
            for (size_t i = 0; i < serial.out_len[k]; i++) {
                CHECK(memcmp(&serial.out[k][i], &expected.out[k][i], sizeof(T)) == 0, "%s: element %zu is %g, not %g",
                      operation->name, i, (double)serial.out[k][i], (double)expected.out[k][i]);
            }
        }
        N(free_buffers)(&expected);
    }
    for (uint32_t flags = RECTIFY_SERIAL; flags <= RECTIFY_PARALLEL && operation->in_place >= 0; flags++) {
        N(buffers) in_place = N(new_buffers)(operation, len);
        N(buffers) with = in_place;
        with.out[0] = in_place.in[operation->in_place];
        OK(N(run)(operation, f, &with, len, flags));
        CHECK(memcmp(with.out[0], serial.out[0], serial.out_len[0] * sizeof(T)) == 0, "%s in place, %zu elements",
              operation->name, len);
        N(free_buffers)(&in_place);
    }
    N(free_buffers)(&serial);
    N(free_buffers)(&parallel);
}

static void N(close)(T is, double should, const char *what) {
    double most = 4 * (sizeof(T) == 4 ? 1.2e-7 : 2.3e-16) * fabs(should);
    CHECK(fabs((double)is - should) <= most, "%s is %.17g, not %.17g", what, (double)is, should);
}

/* Numbers that are known, and what operations without a reference give. */
static void N(numbers)(void) {
    static const struct {
        const char *text;
        double x, y, derivative;
    } known[] = {
        {"relu", -3, 0, 0},
        {"relu", 2, 2, 1},
        {"leaky_relu", -3, -0.03, 0.01},
        {"clip(min=-1, max=2)", 5, 2, 0},
        {"sigmoid", 0, 0.5, 0.25},
        {"silu", 1, 0.73105857863000487925, 0.92767051187148673179},
        {"gelu", 1, 0.84134474606854294859, 1.0833154705876862984},
        {"gelu", -1, -0.15865525393145705141, -0.08331547058768629839},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        rectify_activation *f = NULL;
        OK(rectify_activation_new(known[i].text, &f));
        T x = (T)known[i].x, y, one = 1, dx;
        OK(F(forward)(f, &x, &y, 1, RECTIFY_SERIAL));
        N(close)(y, known[i].y, known[i].text);
        OK(F(backward)(f, &x, &one, &dx, 1, RECTIFY_SERIAL));
        N(close)(dx, known[i].derivative, known[i].text);
        rectify_activation_free(f);
    }
    /* Channels last, and planes. */
    const T elements[6] = {1, 2, 4, 8, 16, 32};
    T totals[3];
    OK(F(sum_channels)(elements, 3, 1, totals, 6, RECTIFY_SERIAL));
    CHECK(totals[0] == 9 && totals[1] == 18 && totals[2] == 36, "sums");
    OK(F(sum_channels)(elements, 3, 2, totals, 6, RECTIFY_PARALLEL));
    CHECK(totals[0] == 3 && totals[1] == 12 && totals[2] == 48, "sums of planes");
    const T x[4] = {-1, 2, -3, 4}, slopes[2] = {0.5, 2}, dy[4] = {1, 1, 10, 10};
    OK(F(prelu_backward_slopes)(x, slopes, 2, 1, dy, totals, 4, RECTIFY_SERIAL));
    CHECK(totals[0] == -31 && totals[1] == 0, "slopes: %g, %g", (double)totals[0], (double)totals[1]);

    const T row[6] = {0, 1, 2, -1, -1, -1}, grad[6] = {1, 0, 0, 3, 0, 0};
    T p[6], log_p[6], dx[6];
    OK(F(softmax)(row, p, 6, 3, RECTIFY_SERIAL));
    OK(F(log_softmax)(row, log_p, 6, 3, RECTIFY_SERIAL));
    double sum = 1 + exp(1) + exp(2);
    for (int i = 0; i < 3; i++) {
        N(close)(p[i], exp(i) / sum, "softmax");
        N(close)(log_p[i], i - log(sum), "log_softmax");
        N(close)(p[3 + i], 1.0 / 3, "softmax of equals");
    }
    OK(F(softmax_backward)(p, grad, dx, 6, 3, RECTIFY_SERIAL));
    N(close)(dx[0], (double)p[0] * (1 - (double)p[0]), "gradient of softmax");
    N(close)(dx[1], -(double)p[0] * (double)p[1], "gradient of softmax");
    N(close)(dx[3], 2.0 / 3, "gradient of softmax");
    OK(F(log_softmax_backward)(log_p, grad, dx, 6, 3, RECTIFY_SERIAL));
    N(close)(dx[0], 1 - exp((double)log_p[0]), "gradient of log_softmax");
    N(close)(dx[3], 2, "gradient of log_softmax");
    T bad[3] = {0, (T)NAN, 1};
    OK(F(softmax)(bad, p, 3, 3, RECTIFY_SERIAL));
    CHECK(p[0] != p[0] && p[2] != p[2], "a row with NaN");

    /* The halves the other way round. */
    rectify_activation *relu = NULL;
    OK(rectify_activation_new("relu", &relu));
    const T rows[8] = {2, -1, 5, 7, 1, 3, 2, -4};
    T y[4];
    OK(F(forward_gated_halves)(relu, rows, 8, 2, y, RECTIFY_SERIAL));
    CHECK(y[0] == 10 && y[1] == 0 && y[2] == 2 && y[3] == -12, "the gate first");
    OK(F(forward_gated_halves)(relu, rows, 8, 2, y, RECTIFY_VALUE_FIRST | RECTIFY_PARALLEL));
    CHECK(y[0] == 10 && y[1] == -7 && y[2] == 2 && y[3] == 0, "the value first");
    T grads[8];
    const T ones[4] = {1, 1, 1, 1};
    OK(F(backward_gated_halves)(relu, rows, 8, 2, ones, grads, RECTIFY_VALUE_FIRST));
    CHECK(grads[0] == 5 && grads[2] == 2 && grads[1] == 7 && grads[3] == -1 && grads[7] == 0, "gradients of halves");

    /* Shapes that cannot be. */
    FAILS(F(softmax)(row, p, 6, 0, RECTIFY_SERIAL), RECTIFY_BAD_SHAPE, "`width` is 0", "softmax");
    FAILS(F(log_softmax)(row, p, 6, 4, RECTIFY_SERIAL), RECTIFY_BAD_SHAPE, "rows of 4", "log_softmax");
    FAILS(F(forward_gated_halves)(relu, rows, 8, 0, y, 0), RECTIFY_BAD_SHAPE, "`width` is 0", "halves");
    FAILS(F(sum_channels)(elements, 0, 1, totals, 6, 0), RECTIFY_BAD_SHAPE, "`channels` is 0", "sum_channels");
    FAILS(F(sum_channels)(elements, 3, 0, totals, 6, 0), RECTIFY_BAD_SHAPE, "`inner` 0", "sum_channels");
    FAILS(F(sum_channels)(elements, SIZE_MAX, 2, totals, 6, 0), RECTIFY_BAD_SHAPE, "not a multiple", "sum_channels");
    FAILS(F(forward_bias)(relu, x, slopes, SIZE_MAX, 1, y, 0, 0), RECTIFY_TOO_LONG, "`bias` has", "forward_bias");
    rectify_activation_free(relu);
}

static void N(test)(void) {
    rectify_activation *leaky = NULL, *gelu = NULL;
    OK(rectify_activation_new("leaky_relu(negative_slope=0.25)", &leaky));
    OK(rectify_activation_new("gelu", &gelu));
    for (size_t i = 0; i < sizeof N(operations) / sizeof *N(operations); i++) {
        const N(operation) *operation = &N(operations)[i];
        N(failures)(operation, leaky);
        /* Large enough to be split over threads, the last, with thresholds of 0. */
        const size_t lengths[] = {N(UNIT), 5 * N(UNIT), 10007 * N(UNIT)};
        for (size_t j = 0; j < 3; j++) {
            N(results)(operation, leaky, lengths[j], 1);
        }
        N(results)(operation, gelu, 1001 * N(UNIT), 0);
        /* Of nothing nothing is made, and no pointer is looked at but those to values by channel. */
        N(buffers) made = N(new_buffers)(operation, 0);
        for (int k = 0; k < 3; k++) {
            if (operation->in[k] != N(BY_CHANNEL)) {
                free(made.in[k]);
                made.in[k] = NULL;
            }
        }
        for (int k = 0; k < 2; k++) {
            if (operation->out[k] != N(BY_CHANNEL)) {
                free(made.out[k]);
                made.out[k] = NULL;
            }
        }
        OK(N(run)(operation, leaky, &made, 0, RECTIFY_PARALLEL));
        N(free_buffers)(&made);
    }
    N(numbers)();
    rectify_activation_free(leaky);
    rectify_activation_free(gelu);
}
