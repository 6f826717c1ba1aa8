"""NumPy and SciPy against rectify, over float32: 10^9 elements a second, the best of several runs."""

import os
import sys
import time

import numpy as np
from scipy import special

import rectify

SIZES = [65_536, 16_777_216]
COLUMNS = 1024
HALF_ROOT = np.float32(np.sqrt(0.5))

# As one writes them with NumPy alone, and with SciPy.
CASES = {
    "gelu": (None, lambda x: x * np.float32(0.5) * (1 + special.erf(x * HALF_ROOT)), rectify.gelu),
    "silu": (lambda x: x / (1 + np.exp(-x)), lambda x: x * special.expit(x), rectify.silu),
    "tanh": (np.tanh, None, rectify.tanh),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), special.expit, rectify.sigmoid),
    "softmax, rows of 1,024": (None, lambda x: special.softmax(x, axis=-1), rectify.softmax),
}


def rate(call, elements):
    """Runs for a third of a second, and at least five times."""
    call()
    best, end, runs = float("inf"), time.perf_counter() + 0.33, 0
    while runs < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        best, runs = min(best, time.perf_counter() - start), runs + 1
    return elements / best / 1e9


def main():
    threads = int(os.environ.get("RAYON_NUM_THREADS", os.cpu_count()))
    print(f"| float32 | elements | NumPy | SciPy | rectify | `out=` | `out=`, `parallel`, {threads} threads |")
    print("|---|---|---|---|---|---|---|")
    for name, (numpy, scipy, ours) in CASES.items():
        for size in SIZES:
            x = np.random.default_rng(1).standard_normal(size, np.float32).reshape(-1, COLUMNS)
            out = np.empty_like(x)
            calls = [
                numpy and (lambda: numpy(x)),
                scipy and (lambda: scipy(x)),
                lambda: ours(x),
                lambda: ours(x, out=out),
                lambda: ours(x, out=out, parallel=True),
            ]
            # What is compared is the same: SciPy's float32 to its own error.
            for other in filter(None, (numpy, scipy)):
                np.testing.assert_allclose(ours(x), other(x), rtol=1e-4, atol=1e-6)
            rates = [f"{rate(call, size):.2f}" if call else "" for call in calls]
            print(f"| {name} | {size:,} | " + " | ".join(rates) + " |")
            sys.stdout.flush()


main()
