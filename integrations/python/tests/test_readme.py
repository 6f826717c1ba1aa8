"""What the README and the module show runs as it stands there."""

import doctest
import pathlib
import re

import pytest

import rectify

README = pathlib.Path(__file__).parent.parent / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


@pytest.mark.parametrize("index", range(len(BLOCKS)))
def test_readme(index):
    if "torch" in BLOCKS[index]:
        pytest.importorskip("torch")
    exec(compile(BLOCKS[index], str(README), "exec"), {"__name__": "readme"})


def test_there_are_blocks():
    assert len(BLOCKS) == 2


def test_module():
    result = doctest.testmod(rectify)
    assert result.attempted == 4 and result.failed == 0
