"""The child process that merges an adapter: `python -m quotetune.release.merge_worker job.json`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from quotetune.config import ModelConfig
from quotetune.models.load_adapter import with_adapter
from quotetune.models.quick_imports import quick_imports
from quotetune.models.tokenizer import load_tokenizer
from quotetune.runtime.child import child_main
from quotetune.runtime.cpu import apply_in_child


def merge(job: dict[str, Any], work: Path, report: Callable[[dict[str, Any]], None]) -> None:
    """Add an adapter's product of two matrices to the weights, and save them with the tokenizer.

    W' = W + (alpha / r) B A (Hu et al. 2021, section 4.1), in the dtype of the weights.

    Args:
        job: `model`, `adapter`, `output`.
        work: Directory of the job; not used.
        report: Not used, because a merge has no steps.
    """
    from transformers import AutoModelForCausalLM

    apply_in_child()
    model = ModelConfig(**job["model"])
    source = {"revision": model.revision, "trust_remote_code": model.trust_remote_code}
    loaded = AutoModelForCausalLM.from_pretrained(model.path, dtype=model.dtype, **source)
    merged = with_adapter(loaded, job["adapter"]).merge_and_unload(safe_merge=True)
    merged.save_pretrained(job["output"])
    load_tokenizer(model).save_pretrained(job["output"])


def _merge_alone(job: dict[str, Any], work: Path, report: Callable[[dict[str, Any]], None]) -> None:
    """Do `merge` in a process that does nothing else."""
    quick_imports([job["model"]])
    merge(job, work, report)


if __name__ == "__main__":
    child_main("merging", _merge_alone)
