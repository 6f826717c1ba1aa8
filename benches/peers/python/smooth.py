"""Speed and errors of the smooth activations, softmax and the fused forms: this crate, its peers in Rust, PyTorch, NumPy,
SciPy and ONNX Runtime, all in this one process, on one core.

In place where the peer can: the buffer is filled anew before each call, outside of the clock. The numbers are uniform
between -6 and 6, the contenders take turns, and the median of a contender's turns counts. "copy" is the fastest way that
`benches/common/copy.rs` knows to move the same bytes. A call from Python takes about a microsecond (PyTorch, NumPy) to
some (ONNX Runtime) and is a part of their time, so that 4,096 elements compare calls as well as kernels; Rust is called
from Rust.

Errors are the largest over every 1021st of the 2^32 `f32` that is a number, in ulp of the true result (of the least
subnormal number below the normal ones), which NumPy and SciPy compute in `float64`, composed so that nothing cancels.
Softmax's are over the rows that are timed. NaN where there should be a number, or the other way round, is an infinite error.

Then `float64`, where only Python's libraries are, and only their speed is measured.

    smooth.py               all, and writes peers-smooth.csv and peers-f64.csv in the directory of this CPU in docs/
    smooth.py tanh gelu     these, and replaces their lines there
"""

import csv
import ctypes
import os
import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import NamedTuple

# One core for everybody, whatever a library thinks of threads. They look when they are loaded.
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
for variable in ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"]:
    os.environ[variable] = "1"

import numpy as np  # noqa: E402
import onnx  # noqa: E402
import onnxruntime  # noqa: E402
import scipy  # noqa: E402
from scipy import special  # noqa: E402

# What PyTorch never calls is not looked up: it would miss the libraries that `run` has left empty.
sys.setdlopenflags(os.RTLD_LAZY)
import torch  # noqa: E402

HERE = Path(__file__).resolve().parent
DOCS = HERE.parents[2] / "docs"
SHIM = ctypes.CDLL(str(HERE / "target" / "release" / "librectify_shim.so"))
COLUMNS = ["cpu", "function", "elements", "who", "gelem_per_s", "share_of_copy", "error_ulp", "error_at"]

SIZES = [4_096, 65_536, 1_048_576]
SIZES_OF_FUSED = [4_096, 65_536, 1_048_576, 33_554_432]
ROUNDS = 15
TURN_NS = 300_000
SAMPLE_EVERY = 1021
CHANNELS = 512

SHIM.way_new.restype = ctypes.c_void_p
SHIM.way_nanoseconds.restype = ctypes.c_uint64
SHIM.way_nanoseconds.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
SHIM.way_run.argtypes = SHIM.way_drop.argtypes = [ctypes.c_void_p]
SHIM.function_name.restype = SHIM.way_name.restype = ctypes.c_bool
SHIM.function_copy_seconds.restype = ctypes.c_double
SHIM.f64_nanoseconds.restype = ctypes.c_uint64


def named(function: Callable, *arguments: int) -> str | None:
    """The text that a function of the shim writes."""
    text = ctypes.create_string_buffer(200)
    found = function(*map(ctypes.c_size_t, arguments), text, ctypes.c_size_t(200))
    return text.value.decode() if found is not False else None


def names(function: Callable, *arguments: int) -> list[str]:
    found = (named(function, *arguments, index) for index in count())
    return list(iter(lambda: next(found), None))


FUNCTIONS = names(SHIM.function_name)


class Buffers(NamedTuple):
    x: np.ndarray
    other: np.ndarray
    y: np.ndarray

    def pointers(self) -> ctypes.Array:
        return (ctypes.c_size_t * 4)(self.x.size, *(buffer.ctypes.data for buffer in self))


def aligned(values: np.ndarray) -> np.ndarray:
    """The values 16 bytes past a page, where an allocator puts a large buffer."""
    memory = np.empty(values.nbytes + 4096 + 16, np.uint8)
    start = -memory.ctypes.data % 4096 + 16
    view = memory[start : start + values.nbytes].view(values.dtype)
    view[:] = values
    return view


def buffers(x: np.ndarray) -> Buffers:
    other = np.random.default_rng(8).uniform(-6, 6, x.size).astype(x.dtype)
    return Buffers(*map(aligned, [x, other, x]))


def row_of(function: str) -> int | None:
    return int(function.split()[1]) if "softmax" in function else None


def is_fused(function: str) -> bool:
    return function.split()[-1] in ["bias", "residual", "gated"]


# The peers: each a function from a name and buffers to a call that returns its result, or None.

Call = Callable[[], object]


def pytorch(function: str, b: Buffers) -> Call | None:
    y, other = torch.from_numpy(b.y), torch.from_numpy(b.other)
    nn = torch._C._nn
    if row := row_of(function):
        rows = y.view(-1, row)
        softmax = torch.ops.aten._log_softmax if function.startswith("log") else torch.ops.aten._softmax
        return partial(softmax.out, rows, -1, False, out=rows)
    rows, bias = y.view(-1, CHANNELS) if y.numel() % CHANNELS == 0 else y, other[:CHANNELS]
    relu, silu = torch.relu_, nn.silu_
    return {
        "exp": partial(torch.exp_, y),
        "sigmoid": partial(torch.sigmoid_, y),
        "tanh": partial(torch.tanh_, y),
        "silu": partial(nn.silu_, y),
        "gelu": partial(nn.gelu_, y),
        "gelu_tanh": partial(nn.gelu_, y, approximate="tanh"),
        "elu": partial(nn.elu_, y),
        "selu": partial(torch.selu_, y),
        "softplus": partial(nn.softplus, y, out=y),
        "mish": partial(nn.mish_, y),
        "log_sigmoid": partial(nn.log_sigmoid, y, out=y),
        "softsign": partial(torch.nn.functional.softsign, y),
        "tanh_shrink": partial(torch.nn.functional.tanhshrink, y),
        "relu bias": lambda: relu(rows.add_(bias)),
        "relu residual": lambda: relu(y.add_(other)),
        "relu gated": lambda: relu(y).mul_(other),
        "silu bias": lambda: silu(rows.add_(bias)),
        "silu residual": lambda: silu(y.add_(other)),
        "silu gated": lambda: silu(y).mul_(other),
    }[function]


def numpy(function: str, b: Buffers) -> Call | None:
    y = b.y
    zero = y.dtype.type(0)
    return {
        "exp": partial(np.exp, y, out=y),
        "tanh": partial(np.tanh, y, out=y),
        "softplus": partial(np.logaddexp, y, zero, out=y),
        "sigmoid": lambda: 1 / (1 + np.exp(-y)),
        "silu": lambda: y / (1 + np.exp(-y)),
        "gelu_tanh": lambda: 0.5 * y * (1 + np.tanh(0.7978845608 * (y + 0.044715 * y * y * y))),
        "elu": lambda: np.where(y < 0, np.expm1(y), y),
        "softsign": lambda: y / (1 + np.abs(y)),
        "tanh_shrink": lambda: y - np.tanh(y),
    }.get(function)


def scipys(function: str, b: Buffers) -> Call | None:
    y = b.y
    if row := row_of(function):
        softmax = special.log_softmax if function.startswith("log") else special.softmax
        return partial(softmax, y.reshape(-1, row), axis=-1)
    return {
        "sigmoid": partial(special.expit, y, out=y),
        "silu": lambda: y * special.expit(y),
        "log_sigmoid": partial(special.log_expit, y, out=y),
        "gelu": lambda: y * special.ndtr(y),
    }.get(function)


def onnx_runtime(function: str, b: Buffers) -> Call | None:
    if is_fused(function):
        return None
    row = row_of(function)
    node = onnx.helper.make_node
    name = function.split()[0]
    nodes = {
        "exp": [node("Exp", ["x"], ["y"])],
        "sigmoid": [node("Sigmoid", ["x"], ["y"])],
        "tanh": [node("Tanh", ["x"], ["y"])],
        # As PyTorch exports it; ONNX Runtime makes one operator of it.
        "silu": [node("Sigmoid", ["x"], ["s"]), node("Mul", ["x", "s"], ["y"])],
        "gelu": [node("Gelu", ["x"], ["y"])],
        "gelu_tanh": [node("Gelu", ["x"], ["y"], approximate="tanh")],
        "elu": [node("Elu", ["x"], ["y"])],
        "selu": [node("Selu", ["x"], ["y"])],
        "softplus": [node("Softplus", ["x"], ["y"])],
        "mish": [node("Mish", ["x"], ["y"])],
        "softsign": [node("Softsign", ["x"], ["y"])],
        "softmax": [node("Softmax", ["x"], ["y"], axis=-1)],
        "log_softmax": [node("LogSoftmax", ["x"], ["y"], axis=-1)],
    }.get(name)
    if nodes is None:
        return None
    shape = (b.y.size // row, row) if row else b.y.shape
    ends = [onnx.helper.make_tensor_value_info(end, onnx.TensorProto.FLOAT, shape) for end in ("x", "y")]
    graph = onnx.helper.make_graph(nodes, name, ends[:1], ends[1:])
    model = onnx.helper.make_model_gen_version(graph, opset_imports=[onnx.helper.make_opsetid("", 20)])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    # In place is to bind one buffer twice. What consists of several operators needs its input until the end.
    source = b.y if len(nodes) == 1 else b.x
    binding = session.io_binding()
    place = ("cpu", 0, np.float32, shape)
    binding.bind_input("x", *place, source.ctypes.data)
    binding.bind_output("y", *place, b.y.ctypes.data)
    return lambda: session.run_with_iobinding(binding)


PYTHON = {"PyTorch": pytorch, "NumPy": numpy, "SciPy": scipys, "ONNX Runtime": onnx_runtime}


class Contender(NamedTuple):
    who: str
    nanoseconds: Callable[[int], int]
    """Of so many calls."""
    result: Callable[[], np.ndarray]
    close: Callable[[], object]


def in_rust(function: str, way: int, who: str, b: Buffers) -> Contender:
    index = ctypes.c_size_t(FUNCTIONS.index(function))
    ready = SHIM.way_new(index, ctypes.c_size_t(way), b.pointers())

    def result() -> np.ndarray:
        SHIM.way_run(ready)
        return b.y.copy()

    return Contender(who, partial(SHIM.way_nanoseconds, ready), result, partial(SHIM.way_drop, ready))


def empty() -> None:
    pass


def in_python(who: str, call: Call, b: Buffers) -> Contender:
    def nanoseconds(runs: int, call: Call = call) -> int:
        took = 0
        for _ in range(runs):
            np.copyto(b.y, b.x)
            start = perf_counter_ns()
            call()
            took += perf_counter_ns() - start
        return took

    clock = min(nanoseconds(1, empty) for _ in range(64))

    def result() -> np.ndarray:
        np.copyto(b.y, b.x)
        result = call()
        return b.y.copy() if result is None else np.array(result).ravel()

    return Contender(who, lambda runs: max(1, nanoseconds(runs) - runs * clock), result, empty)


def contenders(function: str, b: Buffers) -> list[Contender]:
    rust = names(SHIM.way_name, FUNCTIONS.index(function))
    found = [in_rust(function, way, who, b) for way, who in enumerate(rust)]
    for who, peer in PYTHON.items():
        if call := peer(function, b):
            found.append(in_python(who, call, b))
    return found


def contenders_in_f64(function: str, b: Buffers) -> list[Contender]:
    ours = partial(SHIM.f64_nanoseconds, ctypes.c_char_p(function.encode()), b.pointers())
    found = [Contender("rectify", lambda runs: ours(ctypes.c_uint32(runs)), b.y.copy, empty)]
    for who, peer in {"PyTorch": pytorch, "NumPy": numpy, "SciPy": scipys}.items():
        if call := peer(function, b):
            found.append(in_python(who, call, b))
    return found


def uniform(elements: int, dtype: type) -> np.ndarray:
    return np.random.default_rng(7).uniform(-6, 6, elements).astype(dtype)


def median_seconds(everybody: list[Contender], elements: int, copy: Callable[[], float]) -> tuple[dict[str, float], float]:
    """Of everybody, and of the copy."""
    runs, seconds, copies = {}, {one.who: [] for one in everybody}, []
    for one in everybody:
        runs[one.who] = 1
        while min(one.nanoseconds(runs[one.who]) for _ in range(2)) < TURN_NS:
            runs[one.who] *= 2
    for _ in range(ROUNDS if elements <= 1 << 20 else 7):
        for one in everybody:
            one.nanoseconds(max(1, runs[one.who] // 2))
            seconds[one.who].append(one.nanoseconds(runs[one.who]) / runs[one.who] * 1e-9)
        copies.append(copy())
    for one in everybody:
        one.close()
    return {who: median(took) for who, took in seconds.items()}, median(copies)


# Errors.


def tanh_shrink(x: np.ndarray) -> np.ndarray:
    """By its series near 0, where the difference cancels."""
    squared = np.where(np.abs(x) < 0.1, x * x, 0.0)
    series = [1382 / 155925, -62 / 2835, 17 / 315, -2 / 15, 1 / 3]
    return np.where(np.abs(x) < 0.1, x * squared * np.polyval(series, squared), x - np.tanh(x))


SELU_ALPHA, SELU_SCALE = 1.6732632423543772848, 1.0507009873554804934
SQRT_2_OVER_PI = np.sqrt(2 / np.pi)

TRUTH = {
    "exp": np.exp,
    "sigmoid": special.expit,
    "tanh": np.tanh,
    "silu": lambda x: x * special.expit(x),
    "gelu": lambda x: x * 0.5 * special.erfc(-x * np.sqrt(0.5)),
    "gelu_tanh": lambda x: x * special.expit(2 * SQRT_2_OVER_PI * (x + 0.044715 * x * x * x)),
    "elu": lambda x: np.where(x < 0, np.expm1(x), x),
    "selu": lambda x: SELU_SCALE * np.where(x < 0, SELU_ALPHA * np.expm1(x), x),
    "softplus": lambda x: np.logaddexp(0, x),
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "log_sigmoid": lambda x: -np.logaddexp(0, -x),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "tanh_shrink": tanh_shrink,
    "softmax": partial(special.softmax, axis=-1),
    "log_softmax": partial(special.log_softmax, axis=-1),
}


def ulps(result: np.ndarray, true: np.ndarray) -> np.ndarray:
    _, exponent = np.frexp(true)
    ulp = np.ldexp(1.0, np.clip(exponent - 24, -149, 104))
    error = np.abs(result.astype(np.float64) - true) / ulp
    # Where it rounds to infinity, that is the answer.
    overflows = np.abs(true) >= np.ldexp(2 - 2.0**-24, 127)
    error[overflows & (result == np.copysign(np.inf, true))] = 0
    return np.where(np.isnan(error), np.inf, error)


def errors(function: str) -> dict[str, tuple[float, float]]:
    """The largest of everybody, and at which input."""
    name, row = function.split()[0], row_of(function)
    if is_fused(function):
        return {}
    if row:
        x = np.random.default_rng(7).uniform(-6, 6, 65_536 // row * row).astype(np.float32)
        true = TRUTH[name](x.astype(np.float64).reshape(-1, row)).ravel()
    else:
        x = np.arange(0, 1 << 32, SAMPLE_EVERY, np.int64).astype(np.uint32).view(np.float32)
        x = x[np.isfinite(x)]
        true = TRUTH[name](x.astype(np.float64))
    found = {}
    for one in contenders(function, buffers(x)):
        error = ulps(one.result(), true)
        one.close()
        worst = int(np.argmax(error))
        found[one.who] = float(error[worst]), float(x[worst])
    return found


def measured(function: str, cpu: str) -> list[dict[str, str]]:
    lines = []
    worst = errors(function)
    print(f"\n{function}\n{'elements':>10}  {'who':22}{'Gelem/s':>8}{'of copy':>9}{'error, ulp':>14}  at")
    row = row_of(function)
    for elements in SIZES_OF_FUSED if is_fused(function) else SIZES:
        elements = elements // row * row if row else elements
        b = buffers(uniform(elements, np.float32))
        copy = partial(SHIM.function_copy_seconds, ctypes.c_size_t(FUNCTIONS.index(function)), b.pointers())
        seconds, copy = median_seconds(contenders(function, b), elements, copy)
        for who, took in sorted(seconds.items(), key=lambda one: one[1]):
            speed = f"{elements / took * 1e-9:.4g}"
            share = f"{copy / took:.3f}"
            error, at = (f"{number:.4g}" for number in worst[who]) if who in worst else ("", "")
            print(f"{elements:10}  {who:22}{speed:>8}{share:>9}{error:>14}  {at}", flush=True)
            lines.append(dict(zip(COLUMNS, [cpu, function, str(elements), who, speed, share, error, at])))
    return lines


def measured_in_f64(function: str, cpu: str) -> list[dict[str, str]]:
    """Speeds alone: there is nothing more exact to compare with."""
    lines = []
    print(f"\n{function}, float64\n{'elements':>10}  {'who':22}{'Gelem/s':>8}")
    for elements in SIZES:
        b = buffers(uniform(elements, np.float64))
        seconds, _ = median_seconds(contenders_in_f64(function, b), elements, float)
        for who, took in sorted(seconds.items(), key=lambda one: one[1]):
            speed = f"{elements / took * 1e-9:.4g}"
            print(f"{elements:10}  {who:22}{speed:>8}", flush=True)
            lines.append(dict.fromkeys(COLUMNS, "") | dict(zip(COLUMNS, [cpu, function, str(elements), who, speed])))
    return lines


def replace(path: Path, wanted: list[str], cpu: str, measure: Callable[[str, str], list[dict[str, str]]]) -> None:
    """Measures what is wanted, and leaves the other lines of a file as they are."""
    old = []
    if path.exists():
        with path.open(newline="") as file:
            old = [line for line in csv.DictReader(file) if line["function"] not in wanted or line["cpu"] != cpu]
    with torch.inference_mode():
        new = [line for function in wanted for line in measure(function, cpu)]
    lines = sorted(old + new, key=lambda line: (line["cpu"], FUNCTIONS.index(line["function"])))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


def main() -> None:
    wanted = sys.argv[1:] or FUNCTIONS
    if unknown := [name for name in wanted if name not in FUNCTIONS]:
        sys.exit(f"no function is called {', '.join(unknown)}: they are {', '.join(FUNCTIONS)}")
    torch.set_num_threads(1)
    np.seterr(all="ignore")
    cpu = named(SHIM.cpu)
    print(
        f"{cpu}\nPyTorch {torch.__version__} ({torch.backends.cpu.get_cpu_capability()}), NumPy {np.__version__},",
        f"SciPy {scipy.__version__}, ONNX Runtime {onnxruntime.__version__}",
    )
    directory = DOCS / named(SHIM.directory)
    directory.mkdir(exist_ok=True)
    replace(directory / "peers-smooth.csv", wanted, cpu, measured)
    activations = [name for name in wanted if name != "exp" and not row_of(name) and not is_fused(name)]
    replace(directory / "peers-f64.csv", activations, cpu, measured_in_f64)


if __name__ == "__main__":
    main()
