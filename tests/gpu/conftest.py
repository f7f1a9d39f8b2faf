"""The device of the tests that are marked `gpu`. They never skip: without a GPU they fail."""

import os

import pytest
import torch


@pytest.fixture(scope="session")
def device() -> str:
    """The GPU; on a machine without one, `QUOTETUNE_TEST_GPU=cpu` tries the tests themselves."""
    if torch.cuda.is_available():
        return "cuda"
    if os.environ.get("QUOTETUNE_TEST_GPU") == "cpu":
        return "cpu"
    raise RuntimeError("there is no GPU: leave these tests out with -m 'not gpu'")
