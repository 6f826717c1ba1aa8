"""A small encoder of ViT-B/16's sizes in PyTorch, eager, with PyTorch's GELU and softmax and with rectify's."""

import os
import sys
import time

THREADS = int(sys.argv[1])
os.environ["RAYON_NUM_THREADS"] = str(THREADS)

import torch  # noqa: E402
from torch import nn  # noqa: E402

import rectify.torch  # noqa: E402

LAYERS, TOKENS, WIDTH, HIDDEN, HEADS = 4, 197, 768, 3072, 12


class Layer(nn.Module):
    def __init__(self, activation, softmax):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.project = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH)
        self.activation, self.softmax = activation, softmax

    def forward(self, x):
        batch = x.shape[0]
        heads = self.qkv(self.norm1(x)).reshape(batch, TOKENS, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        query, key, value = heads.unbind(0)
        scores = query @ key.transpose(-1, -2) * (WIDTH // HEADS) ** -0.5
        mixed = self.softmax(scores) @ value
        x = x + self.project(mixed.transpose(1, 2).reshape(batch, TOKENS, WIDTH))
        return x + self.down(self.activation(self.up(self.norm2(x))))


class Stopwatch(nn.Module):
    """Adds up what a function takes."""

    def __init__(self, function):
        super().__init__()
        self.function, self.seconds = function, 0.0

    def forward(self, x):
        start = time.perf_counter()
        y = self.function(x)
        self.seconds += time.perf_counter() - start
        return y


def encoder(activation, softmax):
    torch.manual_seed(1)
    return nn.Sequential(*[Layer(activation, softmax) for _ in range(LAYERS)])


def train(model, x):
    model.zero_grad()
    model(x).square().mean().backward()


def main():
    torch.set_num_threads(THREADS)
    torch.manual_seed(2)
    x = torch.randn(4, TOKENS, WIDTH)
    parallel = THREADS > 1
    kinds = {
        "PyTorch": (nn.functional.gelu, lambda x: torch.softmax(x, -1)),
        "rectify": (
            lambda x: rectify.torch.gelu(x, parallel=parallel),
            lambda x: rectify.torch.softmax(x, parallel=parallel),
        ),
    }
    watches = {kind: [Stopwatch(f) for f in functions] for kind, functions in kinds.items()}
    models = {kind: encoder(*watches[kind]) for kind in kinds}
    best = {kind: [float("inf")] * 4 for kind in kinds}
    # In turns, so that whatever else the machine does meets all of them.
    for _ in range(6):
        for kind, model in models.items():
            with torch.no_grad():
                for watch in watches[kind]:
                    watch.seconds = 0.0
                start = time.perf_counter()
                model(x)
                took = time.perf_counter() - start
            gelu, softmax = [watch.seconds for watch in watches[kind]]
            start = time.perf_counter()
            train(model, x)
            step = time.perf_counter() - start
            best[kind] = [min(pair) for pair in zip(best[kind], (took, gelu, softmax, step))]
    with torch.no_grad():
        y = [model(x) for model in models.values()]
    difference = (y[0] - y[1]).abs().max().item()
    assert difference < 1e-4, difference
    for kind, times in best.items():
        forward, gelu, softmax, step = [f"{1e3 * seconds:.1f}" for seconds in times]
        print(f"| {THREADS} | {kind} | {forward} | {gelu} | {softmax} | {step} |")
    print(f"The outputs differ by {difference:.1e} at most.", file=sys.stderr)


main()
