"""A training that also writes its peak on the GPU: `python -m benchmarks.gpu.training_peak JOB`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.gpu.large import write_gpu_peak
from quotetune.runtime.child import child_main
from quotetune.training.worker import train


def work(job: dict[str, Any], place: Path, report: Callable[[dict[str, Any]], None]) -> None:
    """Train as quotetune's child process does, then write the peak."""
    train(job, place, report)
    write_gpu_peak(place)


if __name__ == "__main__":
    child_main("training", work)
