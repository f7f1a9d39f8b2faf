"""The steps: what each needs, and where it is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One step of the kit.

    Attributes:
        module: Its module, which has a function `measure` of a `benchmarks.gpu.kit.Kit`.
        title: What it measures.
        needs: Python packages without which it is left out.
        files: What it reads in the demo's directory.
        continues: Whether it makes progress in every call, and not only where a part of it ends.
    """

    module: str
    title: str
    needs: tuple[str, ...]
    files: tuple[str, ...] = ()
    continues: bool = False


_TRAINING = ("quotetune", "torch", "transformers", "trl", "peft", "datasets")
_DEMO = ("model", "prompts.jsonl", "index")
# The longest one comes last, so that it keeps no other waiting.
STEPS = {
    "tests": Step(
        "benchmarks.gpu.gpu_tests",
        "tests marked gpu",
        ("quotetune", "torch", "pytest", "hypothesis"),
    ),
    "sampling": Step(
        "benchmarks.gpu.sampling", "tokens/s, beside bare vLLM", ("quotetune", "vllm"), _DEMO
    ),
    "training": Step("benchmarks.gpu.training", "steps/s, beside bare TRL", _TRAINING, _DEMO),
    "large": Step(
        "benchmarks.gpu.large", "a step of LoRA of a large model, and its estimate", _TRAINING
    ),
    "guide": Step(
        "benchmarks.gpu.guide_share", "share of the guide in decoding", ("quotetune", "vllm"), _DEMO
    ),
    "run": Step(
        "benchmarks.gpu.whole_run",
        "configs/smollm2-wiki, larger, until it is trained",
        _TRAINING,
        _DEMO,
        True,
    ),
}
