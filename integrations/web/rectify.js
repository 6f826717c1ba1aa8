// Activation kernels over Float32Arrays: `const { forward } = await load("rectify.wasm")`.

/**
 * Loads the kernels.
 * @param {string | URL} url where `rectify.wasm` is
 */
export async function load(url) {
    const { instance } = await WebAssembly.instantiateStreaming(fetch(url));
    const wasm = instance.exports;
    const room = wasm.values_length();

    /**
     * Makes y[i] = f(y[i]) of each element, and returns `y`. What is in WebAssembly's own memory is not copied.
     * @param {string} activation its name, with parameters or without: `gelu`, `elu(alpha=0.5)`
     * @param {Float32Array} y
     * @throws {TypeError} if `y` is something else
     * @throws {RangeError} if there is no such activation, before anything is written
     */
    function forward(activation, y) {
        if (!(y instanceof Float32Array)) {
            throw new TypeError(`a Float32Array is needed, not ${y?.constructor?.name ?? y}`);
        }
        const text = new TextEncoder().encode(activation);
        const run = (pointer, length) => {
            new Uint8Array(wasm.memory.buffer, wasm.text(), wasm.text_bytes()).set(text.subarray(0, wasm.text_bytes()));
            const wrong = wasm.forward(text.length, pointer, length);
            if (wrong > 0) {
                throw new RangeError(new TextDecoder().decode(new Uint8Array(wasm.memory.buffer, wasm.text(), wrong)));
            }
        };
        if (y.buffer === wasm.memory.buffer) {
            run(y.byteOffset, y.length);
            return y;
        }
        // An empty array has one block, too: its activation is looked at.
        for (let start = 0; start === 0 || start < y.length; start += room) {
            const block = y.subarray(start, start + room);
            new Float32Array(wasm.memory.buffer, wasm.values(), room).set(block);
            run(wasm.values(), block.length);
            // The memory may have grown, which ends the views of it.
            block.set(new Float32Array(wasm.memory.buffer, wasm.values(), block.length));
        }
        return y;
    }

    return { forward, memory: wasm.memory };
}
