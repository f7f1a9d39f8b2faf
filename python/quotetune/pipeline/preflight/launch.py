"""Check `launch` and `processes`, and what does not work with several processes."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from quotetune.config import Config
from quotetune.config.problem import Problem
from quotetune.runtime.accelerator import gpu_count, has_accelerator
from quotetune.training.processes import Processes, batch_problem, processes_of


def launch_problems(config: Config) -> list[Problem]:
    """Check how many processes train together, and that they can."""
    problems = list(_keys(config))
    processes = processes_of(config.launch, config.processes)
    if processes is None:
        return problems
    blocks = {} if config.absorb is None else {"absorb.sft": config.absorb.sft}
    for block, options in {**blocks, **config.dpo_blocks}.items():
        problem = batch_problem(block, options, processes, on_gpu=has_accelerator())
        problems += [] if problem is None else [problem]
        problems += _options(block, options, processes)
    if processes.kind == "fsdp2" and (config.lora or {}).get("modules_to_save"):
        text = "does not work with launch: fsdp2: leave it out, or set launch to ddp"
        problems.append(Problem("lora.modules_to_save", text))
    return problems


def _keys(config: Config) -> Iterator[Problem]:
    launch, count = config.launch, config.processes
    if isinstance(launch, Path):
        if not launch.is_file():
            text = (
                f"{launch} does not exist: write it with `accelerate config`, or set launch to ddp"
                " or fsdp2"
            )
            yield Problem("launch", text, to_provide=True)
        if count is not None:
            text = f"is also in {launch}: leave it out, or set launch to ddp or fsdp2"
            yield Problem("processes", text)
    elif launch is None and (count or 1) > 1:
        yield Problem("processes", "needs launch: set it to ddp or fsdp2, or leave this out")
    elif launch is not None and count is not None and 0 < gpu_count() < count:
        text = (
            f"is {count}, and the number of GPUs is {gpu_count()}: set it to that, or leave it out"
        )
        yield Problem("processes", text)


def _options(block: str, options: Mapping[str, Any], processes: Processes) -> Iterator[Problem]:
    kind = processes.kind
    if options.get("fsdp") or options.get("deepspeed"):
        name = "fsdp" if options.get("fsdp") else "deepspeed"
        text = f"does not work with launch: {kind}: leave it out, or set launch to a file"
        yield Problem(f"{block}.{name}", text)
    further = options.get("fsdp_config")
    if kind == "fsdp2" and isinstance(further, Mapping) and further.get("version", 2) != 2:
        yield Problem(f"{block}.fsdp_config", "names another version than 2: leave it out")
    if kind == "fsdp2" and options.get("sync_ref_model"):
        text = "does not work with launch: fsdp2: leave it out, or set launch to ddp"
        yield Problem(f"{block}.sync_ref_model", text)
    if options.get("auto_find_batch_size"):
        text = "changes the batch that the processes share: leave it out"
        yield Problem(f"{block}.auto_find_batch_size", text)
    if options.get("train_sampling_strategy") == "batch_rebalance":
        text = "depends on the number of processes: set it to group_by_length"
        yield Problem(f"{block}.train_sampling_strategy", text)
    if options.get("average_tokens_across_devices", True) is False:
        text = "is false, so the loss depends on the number of processes: leave it out"
        yield Problem(f"{block}.average_tokens_across_devices", text)
