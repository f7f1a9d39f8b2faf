"""Trainings that ranks do one after the other, because to start a process takes longer than each.

`run_ranks` starts this module. Its job is a list of trainings. Each rank writes down which pairs or
texts it learned at which step, and how the weights were sharded.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from quotetune.runtime.child import child_main
from quotetune.runtime.ranks import RENDEZVOUS
from quotetune.training.processes import KIND


class Stopped(Exception):  # noqa: N818 - no error
    """Ends a training on all ranks at once."""


def do(job: dict[str, Any], directory: Path, report: Any) -> None:
    place = os.environ[RENDEZVOUS]
    for number, training in enumerate(job["trainings"]):
        os.environ[KIND] = training["kind"]
        os.environ[RENDEZVOUS] = f"{place}-{number}"
        train(training, directory / training["name"], report)
        report({"done": training["name"]})


def train(training: dict[str, Any], work: Path, report: Any) -> None:
    """Do one training, in one process or as one of several ranks."""
    import torch

    from quotetune.training import worker

    work.mkdir(exist_ok=True)
    os.environ.pop("ACCELERATE_USE_FSDP", None)  # accelerate sets it for the training before
    record: dict[str, Any] = {"rows": [], "shards": {}, "own_head": 0}
    with pytest.MonkeyPatch.context() as patch:
        observe(patch, record, **training.get("options", {}))
        try:
            worker.train(training["job"] | {"output": str(work / "output")}, work, report)
        except Stopped:
            pass
        finally:
            if torch.distributed.is_initialized():
                torch.distributed.destroy_process_group()
    name = f"rank-{os.environ.get('RANK', '0')}.json"
    (work / name).write_text(json.dumps(record))


def observe(
    patch: pytest.MonkeyPatch,
    record: dict[str, Any],
    *,
    head: str = "own",
    stop_at: int | None = None,
) -> None:
    from torch.distributed.tensor import DTensor

    import quotetune.training.completion_log_probs as completion
    from quotetune.training.shared_steps import SharedSteps

    if head == "trl":
        patch.setattr(completion, "can_score_completions", lambda model: False)
    apply, compute_loss = completion._LogProbs.apply, SharedSteps.compute_loss

    def scoring(*arguments: Any) -> Any:
        record["own_head"] += 1
        return apply(*arguments)

    def observed(self: Any, model: Any, inputs: Any, *rest: Any, **kwargs: Any) -> Any:
        if self.state.global_step == stop_at:
            raise Stopped
        if not inputs.get("quotetune_filling", False):
            ids, masks = inputs["input_ids"], inputs["attention_mask"].bool()
            rows = [row[mask].tolist() for row, mask in zip(ids, masks, strict=True)]
            if self.block == "dpo":  # the chosen sides come first
                half = len(rows) // 2
                rows = [a + b for a, b in zip(rows[:half], rows[half:], strict=True)]
            record["rows"] += [[self.state.global_step, row] for row in rows]
        for name, weight in self.model.named_parameters():
            sharded = isinstance(weight, DTensor) and any(p.is_shard() for p in weight.placements)
            kind = str(weight.dtype).removeprefix("torch.")
            record["shards"][name] = [sharded, weight.requires_grad, kind]
        return compute_loss(self, model, inputs, *rest, **kwargs)

    patch.setattr(completion._LogProbs, "apply", scoring)
    patch.setattr(SharedSteps, "compute_loss", observed)


if __name__ == "__main__":
    child_main("training", do)
