"""Benchmarks of general ability, run by lm-eval in a child process."""

import json
from pathlib import Path
from typing import Any

from quotetune.config import ModelConfig
from quotetune.config.measures import LmEvalConfig
from quotetune.models.files import require_model, split_policy
from quotetune.runtime.child import run_child

LOG_NAME = "lm_eval.log"


def run_lm_eval(
    model: ModelConfig, policy: Path | None, settings: LmEvalConfig, work: Path, answers: Path
) -> dict[str, dict[str, float]]:
    """Run lm-eval's tasks on a model, in a child process.

    Args:
        model: The base model.
        policy: The LoRA adapter or whole model that training wrote; None is the base model.
        settings: The tasks and their settings.
        work: Directory for the job and the log; created if missing.
        answers: Directory that keeps the model's answers as they come, so that a call after an
            interruption computes only those that are missing. It must belong to the same model.

    Returns:
        The numbers of each task, under lm-eval's names without the filter: `acc`, `acc_stderr` and
        so on. A filter other than `none` is kept, as in `exact_match,strict`.

    Raises:
        UsageError: The model does not exist, or lm-eval does not know a task.
        QuotetuneError: The child process failed; the message has the last lines of its output.
    """
    model, adapter = split_policy(model, policy)
    require_model(model)
    work.mkdir(parents=True, exist_ok=True)
    job = work / "lm_eval_job.json"
    content = {
        "model": model.model_dump(),
        "adapter": None if adapter is None else str(adapter),
        "settings": settings.model_dump(mode="json"),
        "answers": str(answers / "answers"),
    }
    job.write_text(json.dumps(content), encoding="utf-8")
    results: list[dict[str, Any]] = []
    run_child(
        "quotetune.measures.lm_eval_worker", job, work / LOG_NAME, results.append, name="lm-eval"
    )
    [result] = results
    return {task: _numbers(values) for task, values in result["results"].items()}


def _numbers(values: dict[str, Any]) -> dict[str, float]:
    return {
        name.removesuffix(",none"): value
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and name != "sample_len"
    }
