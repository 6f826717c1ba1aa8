"""Beyond one machine's memory: blocks of a Dask array on two processes, which spill to disk."""

import hashlib

import numpy as np
import pytest

import rectify

da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

ROWS, COLUMNS, BLOCK = 12_288, 16_384, 256
WORKER_BYTES = 320 << 20


def block(index):
    random = np.random.default_rng(index)
    return random.standard_normal((BLOCK, COLUMNS), dtype=np.float32) * 4


def make(block_info=None):
    return block(block_info[None]["chunk-location"][0])


def digest(x):
    """What two blocks share only if they are equal by bits."""
    return np.frombuffer(hashlib.sha256(np.ascontiguousarray(x)).digest(), np.uint8)[None, :]


def spilled(dask_worker):
    return len(dask_worker.data.slow)


def test_larger_than_a_worker(tmp_path):
    blocks = ROWS // BLOCK
    bytes_ = ROWS * COLUMNS * 4
    assert bytes_ > 2 * WORKER_BYTES
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            memory_limit=WORKER_BYTES,
            local_directory=str(tmp_path),
            dashboard_address=None,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        x = da.map_blocks(make, chunks=((BLOCK,) * blocks, (COLUMNS,)), dtype=np.float32, meta=np.empty((0, 0), np.float32))
        y = x.map_blocks(rectify.gelu)
        y = y.map_blocks(rectify.Activation("leaky_relu(negative_slope=0.5)"))
        y = y.map_blocks(rectify.softmax, axis=1)
        assert y.dtype == np.float32
        # All of it is held at once, which takes more than both may have.
        y = y.persist()
        distributed.wait(y)
        counts = client.run(spilled)
        assert len(counts) == 2 and sum(counts.values()) > 0
        digests = y.map_blocks(digest, chunks=((1,) * blocks, (32,)), dtype=np.uint8).compute()
    for index in range(blocks):
        expected = rectify.softmax(rectify.leaky_relu(rectify.gelu(block(index)), 0.5))
        assert np.array_equal(digests[index], digest(expected)[0])
