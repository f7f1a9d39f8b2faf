"""The peak of memory of a training on a CPU, and the estimate of `quotetune train --dry-run`.

The models have random weights, so nothing has to be downloaded. Each training is a few steps of the
real child process, in its environment. For a model of 8B parameters, the steps are those of
`benchmarks.fake_step`.
"""

import json
import os
import random
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.fake_step import peak_of_step
from benchmarks.peak import watched
from benchmarks.settings import Settings
from benchmarks.table import Listing
from quotetune.models.config_size import known_size
from quotetune.models.size import ModelSize
from quotetune.pipeline.memory import GPU_PROCESS, Training, training_peak
from quotetune.runtime.cpu import advertises_amx
from quotetune.runtime.heap import with_kept_heap

LORA = {"r": 16, "target_modules": "all-linear"}


@dataclass(frozen=True)
class Shape:
    """The shape of a Llama of random weights."""

    name: str
    layers: int
    hidden: int
    inner: int
    heads: int
    key_heads: int
    vocabulary: int = 49152

    def config(self) -> Any:
        """Return the `transformers` config."""
        from transformers import LlamaConfig

        return LlamaConfig(
            vocab_size=self.vocabulary,
            hidden_size=self.hidden,
            intermediate_size=self.inner,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.key_heads,
            max_position_embeddings=4096,
            tie_word_embeddings=self.vocabulary < 100_000,
            bos_token_id=1,
            eos_token_id=2,
            pad_token_id=0,
            dtype="bfloat16",
        )


SHAPES = {
    "19M": Shape("19M", 8, 256, 768, 4, 2),
    "135M": Shape("135M", 30, 576, 1536, 9, 3),
    "360M": Shape("360M", 32, 960, 2560, 15, 5),
    "1.07B": Shape("1.07B", 16, 2048, 8192, 32, 8),
    "8B": Shape("8B", 32, 4096, 14336, 32, 8, 128256),
}
STEPS = 2
# Steps with prompts of many lengths. The heap grows with them, because a hole seldom fits the next
# batch.
MIXED_STEPS = 12
# Model, LoRA or not, pairs per batch, and tokens of the shortest prompt, the longest one, and a
# response.
MEASURED = (
    ("19M", True, 2, 32, 32, 64),
    ("135M", True, 2, 32, 32, 64),
    ("135M", True, 4, 64, 64, 256),
    ("135M", True, 4, 64, 512, 100),
    ("135M", False, 2, 32, 32, 64),
    ("135M", False, 2, 32, 256, 64),
    ("360M", True, 2, 32, 32, 64),
    ("360M", False, 2, 32, 32, 64),
    ("1.07B", True, 2, 32, 32, 64),
)
FAKE = (("8B", True), ("8B", False))
FAKE_PAIRS, FAKE_LENGTH = 4, 640


def tables(settings: Settings) -> list[Listing]:
    """Measure trainings beside their estimates."""
    return [table(settings.work, MEASURED, FAKE)]


def table(
    work: Path,
    measured: tuple[tuple[str, bool, int, int, int, int], ...],
    fake: tuple[tuple[str, bool], ...],
) -> Listing:
    """Return a row per training of `measured` and `fake`."""
    rows = [_measured(work, *case) for case in measured] + [_fake(*case) for case in fake]
    return Listing(
        heading="The memory of a training, and its estimate",
        header=("model", "trained", "tokens per batch", "peak, GB", "estimate, GB", "difference"),
        rows=rows,
        notes=(
            "The peak is VmHWM of the training's process, with bf16 weights where an adapter is "
            "trained and bf16 arithmetic. Where the tokens per batch are a range, so are the "
            f"lengths of the prompts, and {MIXED_STEPS} steps are made. For 8B the peak is that of "
            "the tensors of a step on a GPU with gradient checkpointing, counted on fake tensors; "
            "the estimate is without the "
            f"{GPU_PROCESS / 1e9:.0f} GB that it adds for CUDA itself.",
        ),
    )


def _measured(
    work: Path, name: str, lora: bool, pairs: int, shortest: int, longest: int, response: int
) -> tuple[str, ...]:
    directory = work / "training"
    write_model(SHAPES[name], directory / "model")
    steps = STEPS if shortest == longest else MIXED_STEPS
    options = {
        "per_device_train_batch_size": pairs,
        "gradient_accumulation_steps": 1,
        "max_steps": steps,
        "save_steps": 1000,
        "max_length": 4096,
        "bf16": True,
    }
    prompts = range(shortest, longest + 1)
    job = write_job(
        directory, options, lora=lora, pairs=steps * pairs, prompts=prompts, response=response
    )
    command = [sys.executable, "-m", "quotetune.training.worker", str(job)]
    _, peak = watched(command, with_kept_heap(os.environ))
    training = Training(
        options,
        LORA if lora else None,
        "auto",
        2 * pairs,
        longest + response,
        on_gpu=False,
        fast_bf16=advertises_amx(),
        alike=shortest == longest,
    )
    estimated = training_peak(size_on_disk(directory / "model"), training)
    shutil.rmtree(directory)
    lengths = [2 * pairs * (prompt + response) for prompt in sorted({shortest, longest})]
    tokens = " to ".join(f"{number:,}" for number in lengths)
    return _row(name, lora, tokens, peak.resident * 1024.0, estimated)


def _fake(name: str, lora: bool) -> tuple[str, ...]:
    import torch

    from quotetune.models.size import size_of

    config = SHAPES[name].config()
    fake = peak_of_step(
        config,
        dtype=torch.bfloat16 if lora else torch.float32,
        lora=LORA if lora else None,
        mixed=True,
        checkpointing=True,
        sequences=2 * FAKE_PAIRS,
        length=FAKE_LENGTH,
        completion=FAKE_LENGTH // 2,
    )
    with torch.device("meta"):
        from transformers import AutoModelForCausalLM

        weights = dict(
            AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).named_parameters()
        )
    size = size_of(
        config.to_dict(),
        {weight: list(weights[weight].shape) for weight in weights},
        sum(weight.nbytes for weight in weights.values()),
    )
    training = Training(
        {"bf16": True},
        LORA if lora else None,
        "auto",
        2 * FAKE_PAIRS,
        FAKE_LENGTH,
        on_gpu=True,
        fast_bf16=True,
    )
    estimated = training_peak(size, training) - GPU_PROCESS
    return _row(f"{name}, fake", lora, f"{2 * FAKE_PAIRS * FAKE_LENGTH:,}", float(fake), estimated)


def _row(name: str, lora: bool, tokens: str, peak: float, estimated: float) -> tuple[str, ...]:
    return (
        name,
        f"LoRA, rank {LORA['r']}" if lora else "all weights",
        tokens,
        f"{peak / 1e9:.2f}",
        f"{estimated / 1e9:.2f}",
        f"{estimated / peak - 1:+.0%}",
    )


def size_on_disk(directory: Path) -> ModelSize:
    """Return the size of a model that `write_model` wrote."""
    from quotetune.config import ModelConfig

    size = known_size(ModelConfig(path=str(directory)))
    assert isinstance(size, ModelSize), size
    return size


def write_model(shape: Shape, directory: Path) -> None:
    """Write a model of random weights, which are drawn on the GPU if there is one.

    Args:
        shape: Its shape.
        directory: The directory; it is created.
    """
    import torch
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, models
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

    config = shape.config()
    with torch.device("meta"):
        model = LlamaForCausalLM(config)
    config.architectures = ["LlamaForCausalLM"]
    config.save_pretrained(directory)
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"  # a CPU takes minutes for 8B
    weights = {
        name: torch.empty(weight.shape, dtype=torch.bfloat16, device=device).normal_(0, 0.02).cpu()
        if weight.ndim > 1
        else torch.ones(weight.shape, dtype=torch.bfloat16)
        for name, weight in model.named_parameters()
    }
    save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
    # The pairs are tokens already, so the tokenizer needs only those that pad and end.
    words = {name: number for number, name in enumerate(("<pad>", "<begin>", "<end>", "a"))}
    PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(words, unk_token="a")),
        pad_token="<pad>",
        bos_token="<begin>",
        eos_token="<end>",
    ).save_pretrained(directory)


def write_job(
    directory: Path,
    options: dict[str, Any],
    *,
    lora: bool,
    pairs: int,
    prompts: Sequence[int],
    response: int,
) -> Path:
    """Write the job of a training on random pairs, for `quotetune.training.worker`.

    Args:
        directory: Directory with the `model/`, for the job and its output.
        options: Keys of `trl.DPOConfig`.
        lora: Whether an adapter is trained, and not all weights.
        pairs: The number of pairs.
        prompts: Lengths of prompts in tokens. Each pair has a random one, and the first two pairs
            the first and the last.
        response: Tokens of a response.

    Returns:
        The file of the job.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    draw = random.Random(0)
    rows = []
    for prompt in [prompts[0], prompts[-1], *draw.choices(prompts, k=pairs - 2)]:
        lengths = {"prompt": prompt, "chosen": response, "rejected": response}
        rows.append(
            {f"{name}_token_ids": draw.choices(range(3, 90), k=k) for name, k in lengths.items()}
        )
    pq.write_table(pa.Table.from_pylist(rows), directory / "pairs.parquet")
    model = {"path": str(directory / "model"), "dtype": "auto"}
    job = {
        "method": "dpo",
        "pairs": str(directory / "pairs.parquet"),
        "model": model,
        "base": model,
        "adapter": None,
        "reference": "previous",
        "origin": None,
        "lora": LORA if lora else None,
        "dpo": options,
        "seed": 0,
        "output": str(directory / "output"),
    }
    path = directory / "job.json"
    path.write_text(json.dumps(job), encoding="utf-8")
    return path
