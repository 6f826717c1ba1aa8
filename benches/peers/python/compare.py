"""Speed and exactness of ReLU and leaky ReLU in PyTorch, NumPy, ONNX Runtime and this crate.

Everybody is called from Python, works on the same `f32` buffers and writes to one that exists already.
A call from Python takes from a tenth of a microsecond (this crate, by `ctypes`) to some microseconds
(ONNX Runtime), so up to some ten thousand elements these tables compare calls more than kernels. What
this crate does without Python is shown too: "from Rust", many calls of one thread, and "in the pool",
many calls of a thread of Rayon's pool.

The contenders take turns, many short ones each, and the median of a contender's turns counts. The
copy is the fastest way that `benches/common/copy.rs` knows to move the same bytes. In place,
leaky ReLU has a slope of 1, or its data would shrink to subnormal numbers.

The machine must be idle: with all threads, a core that somebody else uses decides the result.
"""

import csv
import ctypes
import os
import sys
from collections.abc import Callable
from functools import partial
from itertools import repeat
from pathlib import Path
from statistics import median
from time import perf_counter_ns, process_time, sleep
from typing import NamedTuple

import numpy as np
import onnx
import onnxruntime

# What PyTorch never calls is not looked up: it would miss the libraries that `run` has left empty.
sys.setdlopenflags(os.RTLD_LAZY)
import torch  # noqa: E402

HERE = Path(__file__).resolve().parent
DOCS = HERE.parents[2] / "docs"

RELU = "relu"
RELU_IN_PLACE = "relu in place"
LEAKY_RELU = "leaky relu"
LEAKY_RELU_IN_PLACE = "leaky relu in place"
RELU_BACKWARD = "relu backward"
OPERATIONS = [RELU, RELU_IN_PLACE, LEAKY_RELU, LEAKY_RELU_IN_PLACE, RELU_BACKWARD]

SIZES = [64, 1_000, 4_096, 65_536, 1_048_576, 33_554_432]
CORES = len(os.sched_getaffinity(0))
ROUNDS = 11
TURN_NS = 2_000_000

Call = Callable[[], object]


class Buffers(NamedTuple):
    x: np.ndarray
    dy: np.ndarray
    y: np.ndarray


def buffers(elements: int) -> Buffers:
    """Uniform between -1 and 1, so that no branch predictor knows the signs."""
    random = np.random.default_rng(7)

    def numbers() -> np.ndarray:
        # 16 bytes past a page, where an allocator puts a large buffer.
        page = 4096
        memory = np.empty(elements * 4 + page + 16, np.uint8)
        start = -memory.ctypes.data % page + 16
        view = memory[start : start + elements * 4].view(np.float32)
        random.random(out=view, dtype=np.float32)
        view *= 2
        view -= 1
        return view

    return Buffers(numbers(), numbers(), numbers())


class Case(NamedTuple):
    operation: str
    threads: int
    slope: float
    buffers: Buffers


# The peers: each a function from a case to a call, or to None where it does not have the operation.


def pytorch(case: Case) -> Call | None:
    torch.set_num_threads(case.threads)
    x, dy, y = map(torch.from_numpy, case.buffers)
    nn = torch._C._nn  # torch.nn.functional's own, with `out`
    return {
        # What torch.relu calls; that one has no `out`.
        RELU: partial(torch.clamp_min, x, 0, out=y),
        RELU_IN_PLACE: partial(torch.relu_, y),
        LEAKY_RELU: partial(nn.leaky_relu, x, case.slope, out=y),
        LEAKY_RELU_IN_PLACE: partial(nn.leaky_relu_, y, case.slope),
        RELU_BACKWARD: partial(torch.ops.aten.threshold_backward.grad_input, dy, x, 0, grad_input=y),
    }[case.operation]


def numpy(case: Case) -> Call | None:
    x, _, y = case.buffers
    if case.threads > 1:
        return None
    return {
        RELU: partial(np.maximum, x, 0, out=y),
        RELU_IN_PLACE: partial(np.maximum, y, 0, out=y),
    }.get(case.operation)


def onnx_runtime(case: Case) -> Call | None:
    operator = {
        RELU: ("Relu", {}),
        RELU_IN_PLACE: ("Relu", {}),
        LEAKY_RELU: ("LeakyRelu", {"alpha": case.slope}),
        LEAKY_RELU_IN_PLACE: ("LeakyRelu", {"alpha": case.slope}),
    }.get(case.operation)
    if operator is None:
        return None
    name, attributes = operator
    ends = [
        onnx.helper.make_tensor_value_info(end, onnx.TensorProto.FLOAT, ["n"]) for end in ("x", "y")
    ]
    node = onnx.helper.make_node(name, ["x"], ["y"], **attributes)
    graph = onnx.helper.make_graph([node], name, ends[:1], ends[1:])
    model = onnx.helper.make_model_gen_version(graph, opset_imports=[onnx.helper.make_opsetid("", 16)])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = case.threads
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    x, _, y = case.buffers
    # In place is to bind one buffer twice.
    binding = session.io_binding()
    source = y if "in place" in case.operation else x
    place = ("cpu", 0, np.float32, y.shape)
    binding.bind_input("x", *place, source.ctypes.data)
    binding.bind_output("y", *place, y.ctypes.data)
    return partial(session.run_with_iobinding, binding)


class ShimCase(ctypes.Structure):
    """As `Case` in `shim/src/lib.rs`."""

    _fields_ = [
        ("kind", ctypes.c_uint32),
        ("threads", ctypes.c_uint32),
        ("negative_slope", ctypes.c_double),
        ("len", ctypes.c_size_t),
        ("input", ctypes.c_void_p),
        ("grad", ctypes.c_void_p),
        ("output", ctypes.c_void_p),
    ]


SHIM = ctypes.CDLL(str(HERE / "target" / "release" / "librectify_shim.so"))
SHIM.run.restype = None
SHIM.nanoseconds.restype = ctypes.c_uint64
SHIM.nanoseconds_in_pool.restype = ctypes.c_uint64
SHIM.ceiling_seconds.restype = ctypes.c_double


def shim_case(case: Case):
    return ctypes.byref(
        ShimCase(
            OPERATIONS.index(case.operation),
            case.threads,
            case.slope,
            case.buffers.y.size,
            *(buffer.ctypes.data for buffer in case.buffers),
        )
    )


def named(function: Callable) -> str:
    """The text that a function of the shim writes."""
    text = ctypes.create_string_buffer(200)
    function(text, ctypes.c_size_t(200))
    return text.value.decode()


def rectify(case: Case) -> Call | None:
    return partial(SHIM.run, shim_case(case))


PEERS = {
    "rectify": rectify,
    "PyTorch": pytorch,
    "NumPy": numpy,
    "ONNX Runtime": onnx_runtime,
}


# Speed.


def wait_until_idle() -> None:
    """Helper threads wait for more work for some milliseconds, and take a core from whoever is next."""
    while True:
        before = process_time()
        sleep(0.002)
        if process_time() - before < 0.001:
            return


def turn_of(nanoseconds: Callable[[int], int], threads: int) -> Callable[[], float]:
    """A turn: gives the seconds of a run, with so many runs that the clock is exact."""
    # The cache is to be taken back from the contender before. With threads, it also takes the kernel a
    # while to see that two of them share a core, and another one idles.
    warm_up_ns = TURN_NS if threads == 1 else 50 * TURN_NS
    runs = 1
    while nanoseconds(runs) < TURN_NS:
        runs *= 2

    def turn() -> float:
        wait_until_idle()
        warm_ns = 0
        while warm_ns < warm_up_ns:
            warm_ns += nanoseconds(runs)
        return nanoseconds(runs) / runs * 1e-9

    return turn


def timed(call: Call) -> Callable[[int], int]:
    def nanoseconds(runs: int) -> int:
        start = perf_counter_ns()
        for _ in repeat(None, runs):
            call()
        return perf_counter_ns() - start

    return nanoseconds


def median_seconds(case: Case) -> dict[str, float]:
    shim = shim_case(case)
    calls = {who: peer(case) for who, peer in PEERS.items()}
    timers = {who: timed(call) for who, call in calls.items() if call}
    timers["rectify, from Rust"] = partial(SHIM.nanoseconds, shim)
    if case.threads > 1:
        timers["rectify, in the pool"] = partial(SHIM.nanoseconds_in_pool, shim)
    turns = {who: turn_of(timer, case.threads) for who, timer in timers.items()}
    turns["copy"] = partial(SHIM.ceiling_seconds, shim)
    seconds = {who: [] for who in turns}
    for _ in range(ROUNDS):
        for who, turn in turns.items():
            seconds[who].append(turn())
    return {who: median(took) for who, took in seconds.items()}


def compare_speed(rows: csv.writer, cpu: str) -> None:
    for operation in OPERATIONS:
        slope = 1.0 if operation == LEAKY_RELU_IN_PLACE else 0.01
        for threads in sorted({1, CORES}):
            print(f"\n{operation}, {threads} thread{'s'[: threads > 1]}")
            print(f"{'elements':>10}  {'who':22}{'Gelem/s':>8}{'of copy':>9}{'slower':>9}")
            for elements in SIZES:
                seconds = median_seconds(Case(operation, threads, slope, buffers(elements)))
                for who, took in seconds.items():
                    speed = elements / took * 1e-9
                    share = seconds["copy"] / took
                    slower = took / seconds["rectify"]
                    print(f"{elements:10}  {who:22}{speed:8.3f}{share:9.1%}{slower:9.2f}")
                    rows.writerow(
                        [cpu, operation, threads, elements, who]
                        + [f"{number:.4g}" for number in (speed, share, slower)]
                    )


# Exactness.

INF, MINUS_INF = 0x7F800000, 0xFF800000
ZERO, MINUS_ZERO = 0x00000000, 0x80000000
ONE, MINUS_ONE, MINUS_TWO = 0x3F800000, 0xBF800000, 0xC0000000
NAN, MINUS_NAN, SIGNALLING_NAN = 0x7FC12345, 0xFFC12345, 0x7F812345


class Special(NamedTuple):
    """An input, and the bits that the scalar definition makes of it."""

    says: str
    operation: str
    x: int
    y: int
    dy: int = ONE
    slope: float = 0.01


SPECIALS = [
    Special("NaN", RELU, NAN, NAN),
    Special("-NaN", RELU, MINUS_NAN, MINUS_NAN),
    Special("signalling NaN", RELU, SIGNALLING_NAN, SIGNALLING_NAN),
    Special("-0", RELU, MINUS_ZERO, MINUS_ZERO),
    Special("-inf", RELU, MINUS_INF, ZERO),
    Special("NaN", LEAKY_RELU, NAN, NAN),
    Special("-NaN", LEAKY_RELU, MINUS_NAN, MINUS_NAN),
    Special("signalling NaN", LEAKY_RELU, SIGNALLING_NAN, SIGNALLING_NAN),
    Special("-0", LEAKY_RELU, MINUS_ZERO, MINUS_ZERO),
    Special("-0, slope -1", LEAKY_RELU, MINUS_ZERO, MINUS_ZERO, slope=-1.0),
    Special("-1, slope 2", LEAKY_RELU, MINUS_ONE, MINUS_TWO, slope=2.0),
    Special("+0, slope inf", LEAKY_RELU, ZERO, ZERO, slope=float("inf")),
    Special("inf, slope 0", LEAKY_RELU, INF, INF, slope=0.0),
    Special("NaN", RELU_BACKWARD, NAN, ONE),
    Special("-1, dy inf", RELU_BACKWARD, MINUS_ONE, ZERO, dy=INF),
    Special("-1, dy NaN", RELU_BACKWARD, MINUS_ONE, ZERO, dy=NAN),
    Special("-1, dy -1", RELU_BACKWARD, MINUS_ONE, ZERO, dy=MINUS_ONE),
    Special("-0", RELU_BACKWARD, MINUS_ZERO, ZERO),
    Special("1, dy signalling NaN", RELU_BACKWARD, ONE, SIGNALLING_NAN, dy=SIGNALLING_NAN),
]


def verdict(special: Special, peer: Callable[[Case], Call | None]) -> str:
    """Whether all bits are as expected, or which they are."""
    # Several registers, and a rest that many do by another loop.
    case = Case(special.operation, 1, special.slope, buffers(67))
    x, dy, y = (buffer.view(np.uint32) for buffer in case.buffers)
    x[:], dy[:] = special.x, special.dy
    call = peer(case)
    if call is None:
        return ""
    call()
    found = {int(bits) for bits in y}
    return "as expected" if found == {special.y} else " or ".join(f"{b:08x}" for b in sorted(found))


def compare_exactness() -> None:
    print(f"\n{'operation':16}{'of':22}{'expected':10}", *(f"{who:20}" for who in PEERS))
    for special in SPECIALS:
        verdicts = {who: verdict(special, peer) for who, peer in PEERS.items()}
        print(
            f"{special.operation:16}{special.says:22}{special.y:08x}  ",
            *(f"{found:20}" for found in verdicts.values()),
        )
        assert verdicts["rectify"] == "as expected", special


def main() -> None:
    print(
        f"PyTorch {torch.__version__} ({torch.backends.cpu.get_cpu_capability()}),",
        f"NumPy {np.__version__}, ONNX Runtime {onnxruntime.__version__}, {CORES} cores",
    )
    compare_exactness()
    path = DOCS / named(SHIM.directory) / "peers-python.csv"
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(
            "cpu,operation,threads,elements,who,gelem_per_s,share_of_copy,times_slower".split(",")
        )
        with torch.inference_mode():
            compare_speed(rows, named(SHIM.cpu))


if __name__ == "__main__":
    main()
