"""Benchmarks of general ability through lm-eval: what did the tuning cost elsewhere?"""

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
        policy: What training wrote, a LoRA adapter or a whole model; None is the base model.
        settings: The tasks and how they are run.
        work: Directory for the job and the log; made if needed.
        answers: Directory in which the model's answers are kept as they come: a call that was
            interrupted asks only for those that are missing. It must be of the same model.

    Returns:
        For each task its numbers, named as lm-eval names them without their filter: `acc`,
        `acc_stderr` and so on; a filter other than `none` stays, as in `exact_match,strict`.

    Raises:
        UsageError: There is no such model, or lm-eval does not know a task.
        QuotetuneError: The child process failed; the message has its last words.
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
