// Activation kernels over Float32Arrays: `const { forward } = await load()`.

/** Whether there is a relaxed multiply-add: of a module of one function, `f32x4.relaxed_madd(splat 0, splat 0, splat 0)`. */
export const relaxed = WebAssembly.validate(
    Uint8Array.of(
        0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0,
        65, 0, 253, 17, 65, 0, 253, 17, 65, 0, 253, 17, 253, 133, 2, 11,
    ),
);

/**
 * Loads the kernels.
 * @param {string | URL} [url] where they are, if not beside this file: `rectify-relaxed.wasm`, which is loaded if `relaxed`, or
 *     `rectify.wasm`
 */
export async function load(url = new URL(relaxed ? "rectify-relaxed.wasm" : "rectify.wasm", import.meta.url)) {
    const { instance } = await WebAssembly.instantiateStreaming(fetch(url));
    const wasm = instance.exports;

    /**
     * Makes y[i] = f(y[i]) of each element, and returns `y`.
     * @param {string} activation its name, with parameters or without: `gelu`, `elu(alpha=0.5)`
     * @param {Float32Array} y
     * @throws {TypeError} if `y` is something else
     * @throws {RangeError} if there is no such activation, before anything is written
     */
    function forward(activation, y) {
        // Of this page or of another frame.
        if (Object.prototype.toString.call(y) !== "[object Float32Array]") {
            throw new TypeError(`a Float32Array is needed, not ${y?.constructor?.name ?? y}`);
        }
        const text = new TextEncoder().encode(activation);
        const room = wasm.values_length();
        // An empty array has one block, too: its activation is looked at.
        for (let start = 0; start === 0 || start < y.length; start += room) {
            const block = y.subarray(start, start + room);
            new Uint8Array(wasm.memory.buffer, wasm.text(), wasm.text_bytes()).set(text.subarray(0, wasm.text_bytes()));
            new Float32Array(wasm.memory.buffer, wasm.values(), room).set(block);
            const wrong = wasm.forward(text.length, block.length);
            // The memory may have grown, which ends the views of it.
            if (wrong > 0) {
                throw new RangeError(new TextDecoder().decode(new Uint8Array(wasm.memory.buffer, wasm.text(), wrong)));
            }
            block.set(new Float32Array(wasm.memory.buffer, wasm.values(), block.length));
        }
        return y;
    }

    return { forward };
}
