// What one would write without this library, and how fast and how far from it `forward` is.

const loops = {
    relu: (x) => (x < 0 ? 0 : x),
    sigmoid: (x) => 1 / (1 + Math.exp(-x)),
    silu: (x) => x / (1 + Math.exp(-x)),
    tanh: (x) => Math.tanh(x),
    gelu_tanh: (x) => x / (1 + Math.exp(-2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
    softplus: (x) => Math.log1p(Math.exp(x)),
};

/**
 * For each of `loops`: millions of elements a second of both, and the largest error in units of the last place.
 *
 * A turn makes `mostCalls` at most: a test, in which the clock stands still, would otherwise take minutes.
 */
export function* compare(forward, mostCalls = 512) {
    const x = Float32Array.from({ length: 65536 }, (_, i) => (i - 32768) / 4096);
    const y = new Float32Array(x.length);
    for (const [name, f] of Object.entries(loops)) {
        const plain = (y) => {
            for (let i = 0; i < x.length; i++) {
                y[i] = f(x[i]);
            }
        };
        const kernel = (y) => {
            y.set(x);
            forward(name, y);
        };
        const loop = speed(plain, y, mostCalls);
        const rectify = speed(kernel, y, mostCalls);
        kernel(y);
        const error = y.reduce((most, y, i) => Math.max(most, Math.abs(y - f(x[i])) / lastPlace(y)), 0);
        yield { name, loop, rectify, error };
    }
}

/** Millions of elements a second: the best of some turns, each of which is long beside what a browser's clock shows. */
function speed(work, y, mostCalls) {
    const turn = (calls) => {
        const start = performance.now();
        for (let call = 0; call < calls; call++) {
            work(y);
        }
        return performance.now() - start;
    };
    let calls = 1;
    while (turn(calls) < 20 && calls < mostCalls) {
        calls *= 2;
    }
    const best = Math.min(...Array.from({ length: 5 }, () => turn(calls)));
    return (y.length * calls) / best / 1000;
}

/** The distance of an f32 from the next one of a larger absolute value. */
function lastPlace(y) {
    return 2 ** (Math.max(Math.floor(Math.log2(Math.abs(y))), -126) - 23);
}
