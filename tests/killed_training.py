"""Trainings that are killed at a step, and the comparison of their results."""

import pytest
import torch
from safetensors.torch import load_file


class Killed(BaseException):
    """Ends a training or a run at once, as a kill does: nothing more is written."""


def run_killed_at(run, step, job, work):
    def report(event):
        if event.get("done") == step:
            raise Killed

    with pytest.raises(Killed):
        run(job, work, report)


def weights(directory):
    [file] = directory.glob("*.safetensors")
    return load_file(file)


def assert_same_weights(one, other):
    one, other = weights(one), weights(other)
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name
