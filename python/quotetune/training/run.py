"""Train in a child process, which frees its memory when it ends.

The child is `quotetune.training.worker`. Its checkpoints are in a separate directory, so that a
training that was killed resumes at the last one and ends with the same weights.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from quotetune.config import ModelConfig
from quotetune.config.open_blocks import dpo_problems, lora_problems
from quotetune.errors import UsageError
from quotetune.models.files import require_model, split_policy
from quotetune.runtime.child import run_child
from quotetune.runtime.content_hash import content_hash
from quotetune.runtime.ranks import run_ranks
from quotetune.runtime.whole_files import RESUME, write_text
from quotetune.training.processes import Kind, processes_of

_WORKER = "quotetune.training.worker"
_NAME = "training"
LOG_NAME = "training.log"
RECORD_NAME = "training.json"


@dataclass(frozen=True)
class TrainingProgress:
    """The progress of a training.

    Attributes:
        steps: Optimiser steps of the whole training.
        done: Steps done, in this call or in an earlier, interrupted one.
        loss: Training loss at the last logged step; None before the first.
        margin: Mean reward of the chosen side minus that of the rejected side, at the same step.
        accuracy: Share of pairs whose chosen side has the higher reward, at the same step.
        seconds_per_step: Mean over the steps of this call; None before the first.
    """

    steps: int
    done: int
    loss: float | None
    margin: float | None
    accuracy: float | None
    seconds_per_step: float | None


def run_training(
    pairs: Path,
    output: Path,
    *,
    work: Path,
    model: ModelConfig,
    adapter: Path | None = None,
    reference: Literal["base", "previous"] = "previous",
    origin: Path | None = None,
    base_adapter: Path | None = None,
    lora: dict[str, Any] | None,
    dpo: dict[str, Any],
    seed: int,
    launch: Kind | Path | None = None,
    processes: int | None = None,
    progress: Callable[[TrainingProgress], None] | None = None,
    notice: Callable[[str], None] | None = None,
) -> None:
    """Train a policy by DPO (Rafailov et al. 2023), on exactly the tokens that were sampled.

    If pairs, policy and options are the same, a call that was interrupted resumes at its last
    complete checkpoint, and a call whose output exists returns at once. Otherwise it starts anew.

    Args:
        pairs: The `pairs.parquet` of a round.
        output: The directory of the adapter (or, without `lora`, of the whole model), with
            tokenizer, model card and the record `training.json`. It appears by rename.
        work: Directory of the checkpoints, the log and the files of `report_to`.
        model: The base model.
        adapter: The policy that the training continues, such as that of the previous round; None
            starts from the base model. A LoRA adapter keeps its own settings, whatever `lora` says.
        reference: The reference model: the policy at its start, or the base model.
        origin: A LoRA adapter of the base model which, with it, is the reference model `base`;
            None if that is the base model alone.
        base_adapter: The adapter with which the run started, which the record and the model card
            name; None if it started from the model alone.
        lora: Keys of `peft.LoraConfig`; None trains all weights.
        dpo: Keys of `trl.DPOConfig`.
        seed: The run's seed.
        launch: `ddp` or `fsdp2`, to train in several processes on this machine, or a config file of
            `accelerate launch`; None trains in one process.
        processes: Number of processes of `ddp` and `fsdp2`; None is one per GPU. They share each
            batch, so what is learned does not depend on their number.
        progress: Called at every step.
        notice: Called with notices about the data, such as the number of pairs left out.

    Raises:
        UsageError: The model does not exist, or an option is invalid.
        QuotetuneError: No pair is left, or the child failed. Then the message ends with the last
            line of its log.
    """
    problems = dpo_problems(dpo) + ([] if lora is None else lora_problems(lora))
    if problems:
        raise UsageError("; ".join(map(str, problems)))
    base = model
    model, adapter = split_policy(model, adapter)
    if adapter is not None and lora is None:
        raise UsageError(
            f"{adapter} is a LoRA adapter and lora is null, which trains all weights: start from"
            " the base model, or set lora"
        )
    require_model(model)
    require_model(base)
    job = {
        "method": "dpo",
        "pairs": str(pairs),
        "pairs_hash": content_hash(pairs),
        "model": model.model_dump(),
        "base": base.model_dump(),
        "adapter": None if adapter is None else str(adapter),
        "policy_hash": content_hash(adapter or Path(model.path)),
        "reference": reference,
        "origin": None if origin is None else str(origin),
        "lora": lora,
        "dpo": dpo,
        "seed": seed,
        "output": str(output),
        # Left out if there is none, so that a job from before this key is still the same job.
        **({} if base_adapter is None else {"base_adapter": str(base_adapter)}),
    }
    train_in_child(
        job,
        output,
        work,
        launch=launch,
        processes=processes,
        progress=progress,
        notice=notice,
    )


def train_in_child(
    job: dict[str, Any],
    output: Path,
    work: Path,
    *,
    launch: Kind | Path | None = None,
    processes: int | None = None,
    progress: Callable[[TrainingProgress], None] | None = None,
    notice: Callable[[str], None] | None = None,
) -> None:
    """Do or resume a job of `quotetune.training.worker`; do nothing if its output exists.

    Args:
        job: The job for the child. It has everything that the result depends on.
        output: The directory of the result, which appears by rename.
        work: Directory of the checkpoints and the log.
        launch: As for `run_training`.
        processes: As for `run_training`.
        progress: As for `run_training`.
        notice: As for `run_training`.
    """
    record = output / RECORD_NAME
    if record.exists() and json.loads(record.read_text(encoding="utf-8"))["job"] == job:
        return

    def report(event: dict[str, Any]) -> None:
        if "notice" in event:
            if notice is not None:
                notice(event["notice"])
        elif progress is not None:
            progress(TrainingProgress(**event))

    job_file = work / "job.json"
    text = json.dumps(job, ensure_ascii=False, indent=1)
    if not job_file.exists() or job_file.read_text(encoding="utf-8") != text:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        write_text(job_file, text, remedy=RESUME)
    if output.exists():
        shutil.rmtree(output)
    log = work / LOG_NAME
    ranks = processes_of(launch, processes)
    if ranks is not None:
        run_ranks(
            _WORKER,
            job_file,
            log,
            report,
            name=_NAME,
            count=ranks.count,
            variables=ranks.variables,
            keeps_heap=True,
        )
    else:
        launcher = []
        if isinstance(launch, Path):
            launcher = ["-m", "accelerate.commands.launch", "--config_file", str(launch)]
        run_child(_WORKER, job_file, log, report, name=_NAME, launcher=launcher, keeps_heap=True)
    for leftover in [*work.glob("checkpoint-*"), work / "datasets"]:
        shutil.rmtree(leftover, ignore_errors=True)
