"""The child process that runs lm-eval: `python -m quotetune.measures.lm_eval_worker job.json`."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from quotetune.config import ModelConfig
from quotetune.errors import UsageError
from quotetune.models.precision import measuring_dtype
from quotetune.runtime.child import child_main
from quotetune.runtime.cpu import apply_in_child, child_environment

# It must be set before torch is imported.
os.environ.update(child_environment())


def evaluate(job: dict[str, Any], work: Path, report: Callable[[dict[str, Any]], None]) -> None:
    """Do a job of `quotetune.measures.lm_eval`."""
    apply_in_child()
    import torch
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM

    settings = job["settings"]
    tasks = _task_manager(settings["tasks"], settings["include_path"])
    model = ModelConfig(**job["model"])
    loaded = HFLM(
        pretrained=model.path,
        revision=model.revision or "main",
        dtype=measuring_dtype(model),
        trust_remote_code=model.trust_remote_code,
        peft=job["adapter"],
        device="cuda" if torch.cuda.is_available() else "cpu",
        batch_size=settings["batch_size"],
    )
    result = simple_evaluate(
        loaded,
        tasks=settings["tasks"],
        num_fewshot=settings["num_fewshot"],
        limit=settings["limit"],
        apply_chat_template=settings["apply_chat_template"],
        task_manager=tasks,
        use_cache=job["answers"],
        log_samples=False,
    )
    assert result is not None  # it is None only in the further processes of several
    report({"results": result["results"]})


def _task_manager(names: list[str], include_path: str | None) -> Any:
    """Find the tasks, and list lm-eval's own thousands only if the config names one of them."""
    from lm_eval.tasks import TaskManager

    manager = None
    if include_path is not None:
        manager = TaskManager(include_path=include_path, include_defaults=False)
    if manager is None or not set(names) <= set(manager.all_tasks):
        manager = TaskManager(include_path=include_path)
    unknown = sorted(set(names) - set(manager.all_tasks))
    if unknown:
        raise UsageError(
            f"evaluation.lm_eval.tasks: lm-eval has no {', '.join(unknown)}: choose tasks that"
            " `lm-eval ls tasks` lists"
        )
    return manager


if __name__ == "__main__":
    child_main("lm-eval", evaluate)
