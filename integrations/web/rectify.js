// Activation kernels over Float32Arrays: `const { forward } = await load()`.

/**
 * Loads the kernels.
 * @param {string | URL} [url] where `rectify.wasm` is, if not beside this file
 */
export async function load(url = new URL("rectify.wasm", import.meta.url)) {
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
