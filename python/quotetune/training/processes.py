"""The processes of a training on several GPUs of one machine, and the share of each in a batch.

The batch of a config is that of the whole run, however many processes train: a run goes on with
another number of them, and learns the same pairs at each step.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from quotetune.config.problem import Problem
from quotetune.runtime.accelerator import gpu_count

Kind = Literal["ddp", "fsdp2"]
KIND = "QUOTETUNE_LAUNCH"
"""Variable of each process that says how they train together."""

_KEYS = ("per_device_train_batch_size", "gradient_accumulation_steps")
_TRL_BATCH = (8, 1)  # trl.DPOConfig and trl.SFTConfig: per device, and accumulated
_CPU_BATCH = (2, 4)


@dataclass(frozen=True)
class Processes:
    """The processes that train together.

    Attributes:
        kind: `ddp`: each has the whole model. `fsdp2`: each has a shard of every weight.
        count: Their number; 1 is a training in one process.
    """

    kind: Kind
    count: int

    @property
    def variables(self) -> dict[str, str]:
        """The variables of their environment, besides those of torch."""
        return {KIND: self.kind}


def here() -> Processes | None:
    """Return the processes to which this one belongs; None if it trains alone, or by a FILE."""
    kind = os.environ.get(KIND)
    if kind not in ("ddp", "fsdp2"):
        return None
    return Processes("ddp" if kind == "ddp" else "fsdp2", int(os.environ["WORLD_SIZE"]))


def processes_of(launch: Kind | Path | None, count: int | None) -> Processes | None:
    """Return the processes that the keys `launch` and `processes` ask for.

    Args:
        launch: The key `launch`.
        count: The key `processes`; None is one per GPU.

    Returns:
        The processes; None for a training in one process, or one that a file describes.
    """
    if launch is None or isinstance(launch, Path):
        return None
    count = (gpu_count() or 1) if count is None else count
    return Processes(launch, count) if count > 1 else None


def batch(options: Mapping[str, Any], *, on_gpu: bool) -> tuple[int, int]:
    """Return the pairs, or texts, per batch of a training in one process, and the batches per step.

    Args:
        options: The config's `dpo:` or `absorb.sft:` block.
        on_gpu: Whether it trains on a GPU.

    Example:
        >>> batch({}, on_gpu=True), batch({"gradient_accumulation_steps": 2}, on_gpu=False)
        ((8, 1), (8, 2))
    """
    default = _TRL_BATCH if on_gpu or any(key in options for key in _KEYS) else _CPU_BATCH
    size, accumulated = (options.get(key, usual) for key, usual in zip(_KEYS, default, strict=True))
    return size, accumulated


def share(size: int, accumulated: int, count: int) -> tuple[int, int] | None:
    """Divide the batches of a step among processes.

    The batches stay whole as far as possible, because a loss is a mean over a batch.

    Args:
        size: Pairs per batch of one process.
        accumulated: Batches per step of one process.
        count: Number of processes.

    Returns:
        Both numbers for each of the processes; None if the batches cannot be divided.

    Example:
        >>> share(2, 4, 2), share(2, 4, 8), share(2, 3, 4)
        ((2, 2), (1, 1), None)
    """
    whole = math.gcd(accumulated, count)
    parts = count // whole
    return None if size % parts else (size // parts, accumulated // whole)


def batch_problem(
    block: str, options: Mapping[str, Any], processes: Processes, *, on_gpu: bool
) -> Problem | None:
    """Return the problem of a batch that the processes cannot divide, or that is none.

    Args:
        block: The name of the block in the config.
        options: The block.
        processes: The processes.
        on_gpu: Whether they train on GPUs.

    Example:
        >>> given = {"per_device_train_batch_size": 3}
        >>> print(batch_problem("dpo", given, Processes("ddp", 2), on_gpu=True))
        dpo.per_device_train_batch_size: a step has 3 x 1 = 3 rows, which 2 processes cannot share \
evenly: set dpo.gradient_accumulation_steps to a multiple of 2, or processes to 1 or 3
    """
    for key in _KEYS:
        value = options.get(key, 1)
        if type(value) is not int or value < 1:
            return Problem(f"{block}.{key}", f"is {value!r}: set it to a whole number from 1")
    size, accumulated = batch(options, on_gpu=on_gpu)
    if share(size, accumulated, processes.count) is not None:
        return None
    rows = size * accumulated
    fitting = [n for n in range(1, rows + 1) if share(size, accumulated, n) is not None]
    numbers = [str(n) for n in fitting if n <= 2 * processes.count]
    choice = " or ".join(filter(None, [", ".join(numbers[:-1]), numbers[-1]]))
    return Problem(
        f"{block}.per_device_train_batch_size",
        f"a step has {size} x {accumulated} = {rows} rows, which {processes.count} processes cannot"
        f" share evenly: set {block}.gradient_accumulation_steps to a multiple of"
        f" {processes.count}, or processes to {choice}",
    )
