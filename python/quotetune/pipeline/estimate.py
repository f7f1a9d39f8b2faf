"""A rough estimate of a run before it starts: tokens, time, memory and disk.

Nothing is measured here. The numbers of tokens are upper bounds: they assume that every response
reaches `max_tokens` and that every prompt gives all its pairs. Time and memory follow from them,
from the number of the model's parameters, and from the throughputs below.
"""

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quotetune.config import Config
from quotetune.errors import UsageError
from quotetune.metrics.row_names import FROM_PASSAGES, SFT
from quotetune.models.config_size import known_size
from quotetune.models.size import ModelSize
from quotetune.pipeline.memory import trained_parameters
from quotetune.pipeline.peaks import MAX_LENGTH, adapter_settings, peaks
from quotetune.pipeline.prompt_lengths import mean_and_longest
from quotetune.runtime.accelerator import has_accelerator
from quotetune.runtime.plural import counted
from quotetune.sampling.thoughts import with_room_for_thoughts

if TYPE_CHECKING:
    from quotetune.prompts.split import Split

# Operations per second of the model's matrix products. Per core: SmolLM2-135M sampled 480 tokens/s
# and trained 290 tokens/s on two cores with AVX-512. Per GPU: about what 8B models reach on an
# A100.
CORE_SAMPLING, CORE_TRAINING = 65e9, 80e9
GPU_SAMPLING, GPU_TRAINING = 50e12, 120e12
# Starting a child process with its libraries and model.
_START_SECONDS = 40.0
_BYTES_PER_SAMPLED_TOKEN = 8.0  # its id, and its characters


@dataclass(frozen=True)
class Estimate:
    """The estimated cost of a run.

    Attributes:
        train_prompts: Prompts to train on, of all rounds.
        heldout_prompts: Held-out prompts.
        sampled_tokens: Tokens of all responses that are drawn to train on, at most.
        evaluation_tokens: Tokens of all responses that are drawn to evaluate, at most.
        trained_tokens: Tokens of all pairs that are trained on, prompts included, at most.
        seconds: Time; None if the model's size is not known.
        memory: Peak bytes of main memory, or of one GPU's; None as for `seconds`.
        disk: Bytes in the run's directory; None as for `seconds`.
        device: The hardware that it runs on, such as `2 cores`.
        not_counted: Keys of the config whose work is not counted.
        on_gpu: Whether the model runs on GPUs.
        dev_prompts: Development prompts.
        largest: The part of the run that needs the most memory.
        unknown: Why the model's size is not known.
        installed: Bytes of memory of this machine, or of its smallest GPU; None if not known.
    """

    train_prompts: int
    heldout_prompts: int
    sampled_tokens: int
    evaluation_tokens: int
    trained_tokens: int
    seconds: float | None
    memory: float | None
    disk: float | None
    device: str
    not_counted: tuple[str, ...] = ()
    on_gpu: bool = False
    dev_prompts: int = 0
    largest: str = ""
    unknown: str = ""
    installed: float | None = None

    def lines(self) -> list[str]:
        """Return the estimate in a few lines of text."""
        dev = f", {self.dev_prompts:,} for development" if self.dev_prompts else ""
        lines = [
            f"prompts: {self.train_prompts:,} to train on, {self.heldout_prompts:,} held out{dev}",
            f"tokens, at most: {self.sampled_tokens:,} sampled to train on,"
            f" {self.evaluation_tokens:,} sampled to evaluate, {self.trained_tokens:,} trained on",
        ]
        if self.seconds is None or self.memory is None or self.disk is None:
            return [*lines, f"time, memory, disk: not known, because {self.unknown}"]
        left_out = f"; not counted: {', '.join(self.not_counted)}" if self.not_counted else ""
        if self.on_gpu:
            sampling, training, of = GPU_SAMPLING / 1e12, GPU_TRAINING / 1e12, "TFLOP/s per GPU"
        else:
            sampling, training, of = CORE_SAMPLING / 1e9, CORE_TRAINING / 1e9, "GFLOP/s per core"
        return [
            *lines,
            f"roughly, on {self.device}: {_duration(self.seconds)}, {_size(self.memory)} of memory"
            f" ({self.largest}), {_size(self.disk)} of disk",
            "assumed: responses of max_tokens, all pairs of every prompt, "
            f"{sampling:.0f} and {training:.0f} {of} (sampling, training){left_out}",
            *self._too_large(),
        ]

    def _too_large(self) -> list[str]:
        if self.memory is None or self.installed is None or self.memory <= self.installed:
            return []
        what = "a GPU here has" if self.on_gpu else "this machine has"
        remedy = "lower sampling.chunk_prompts or sampling.max_tokens"
        if self.largest != "sample":
            remedy = "lower per_device_train_batch_size or max_length, or train an adapter (lora)"
        return [
            f"note: {self.largest} needs more than the {_size(self.installed)} that {what}:"
            f" {remedy}"
        ]


def estimate(config: Config, split: "Split | None" = None) -> Estimate | None:
    """Estimate the cost of a whole run.

    Args:
        config: The run's config.
        split: The prompts of the run, if they have been read already; None reads them.

    Returns:
        The estimate; None if the prompts cannot be read.
    """
    split = split or _read_split(config)
    if split is None:
        return None
    train, heldout, dev = sum(map(len, split.rounds)), len(split.heldout), len(split.dev)
    prompt_tokens, longest_prompt = mean_and_longest(
        [prompt for part in split.rounds for prompt in part], config.prompts
    )
    size = known_size(config.model)
    sampling = with_room_for_thoughts(config.sampling, config.model)
    drawn = with_room_for_thoughts(config.evaluation_sampling, config.model)
    sampled = train * sampling.drawn * sampling.max_tokens
    base_n = max(drawn.n, config.best_of_n or 1)
    trained_policies = config.rounds + (config.absorb is not None)
    # With development prompts, only the best policy is evaluated on the held-out ones.
    sampled_baselines = set(config.evaluation.baselines).difference(FROM_PASSAGES)
    others = len(sampled_baselines) + (1 if dev else trained_policies)
    evaluated = heldout * (base_n + drawn.n * others) * drawn.max_tokens
    evaluated += dev * drawn.n * (1 + trained_policies) * drawn.max_tokens
    responses = config.sampling.n + config.candidates.gold
    negatives = config.pairs.negatives
    crossed = 0 if negatives is None else negatives.best_of_other_prompts
    all_pairs = responses * (responses - 1) // 2
    pairs_each = min(config.pairs.most_pairs or all_pairs, all_pairs) + crossed
    gpus = _gpus()
    learned_once, learned, checkpointed = 0, 0.0, 0.0
    trainings = list(enumerate(split.rounds, start=1))
    if SFT in config.evaluation.baselines:
        trainings += trainings[:1]
    for number, part in trainings:
        dpo = config.dpo_of(number)
        pair_tokens = 2 * (prompt_tokens + sampling.max_tokens)
        limit = dpo.get("max_length", MAX_LENGTH)
        if limit is not None:
            pair_tokens = min(pair_tokens, 2 * int(limit))
        learned_once += len(part) * pairs_each * pair_tokens
        tokens = len(part) * pairs_each * pair_tokens * float(dpo.get("num_train_epochs", 3))
        learned += tokens
        if dpo.get("gradient_checkpointing", gpus > 0):
            checkpointed += tokens
    trained = math.ceil(learned)
    device = counted(gpus, "GPU") if gpus else counted(_cores(), "core")
    counts = (train, heldout, sampled, evaluated, trained)
    if isinstance(size, str):
        return Estimate(*counts, None, None, None, device, dev_prompts=dev, unknown=size)
    sampling_speed = gpus * GPU_SAMPLING if gpus else _cores() * CORE_SAMPLING
    training_speed = GPU_TRAINING if gpus else _cores() * CORE_TRAINING
    # Per token and parameter, the forward pass takes 2 operations, and the backward pass 2 for the
    # activations and 2 more for the weights, if all are trained (Kaplan et al. 2020, section 2.1).
    # The log-probs of the reference model take one more forward pass.
    operations = 2 * size.parameters
    training: float = trained * operations * (2 if config.lora is not None else 3)
    training += learned_once * operations
    # Checkpointing computes the forward pass again.
    training += checkpointed * operations
    seconds = (sampled + evaluated) * operations / sampling_speed + training / training_speed
    starts = 3 * config.rounds + 1 + (2 if dev else 0)
    seconds += _START_SECONDS * starts
    needs = peaks(config, size, prompt_tokens, longest_prompt, on_gpu=gpus > 0)
    largest = max(needs, key=lambda part: needs[part])
    return Estimate(
        *counts,
        seconds,
        memory=needs[largest],
        disk=_disk(config, size, sampled + evaluated),
        device=device,
        not_counted=_not_counted(config),
        on_gpu=gpus > 0,
        dev_prompts=dev,
        largest=largest,
        installed=_installed(gpus),
    )


def _not_counted(config: Config) -> tuple[str, ...]:
    evaluation = config.evaluation
    extras = {
        "launch": config.launch,
        "absorb": config.absorb,
        "drift": config.drift,
        "evaluation.perplexity": evaluation.perplexity,
        "evaluation.bart_score": evaluation.bart_score,
        "evaluation.mauve": evaluation.mauve,
        "evaluation.reward_accuracy": evaluation.reward_accuracy,
        "evaluation.lm_eval": evaluation.lm_eval,
        "preference.judge": config.preference and config.preference.judge,
        "preference.perplexity": config.preference and config.preference.perplexity,
        "preference.answerability": config.preference and config.preference.answerability,
        "pairs.constraints": config.pairs.constraints,
        "pairs.citations": config.pairs.citations,
    }
    return tuple(name for name, setting in extras.items() if setting)


def _read_split(config: Config) -> "Split | None":
    from quotetune.prompts.reading import read_prompts
    from quotetune.prompts.split import split_prompts

    if not config.prompts.path.exists():
        return None
    try:
        # They are not cut to their prefix, because that would need the tokenizer.
        return split_prompts(
            read_prompts(config.prompts.path, config.prompts), config.prompts, config.rounds
        )
    except UsageError:
        return None


def _disk(config: Config, size: ModelSize, tokens: int) -> float:
    if config.lora is None:
        # In float32: a policy per round, and a checkpoint with its moments during a training.
        weights = 4.0 * size.parameters * (config.rounds + 3)
    else:
        adapter = 4.0 * trained_parameters(size, adapter_settings(config))
        weights = adapter * (config.rounds + 3)
    return weights + tokens * _BYTES_PER_SAMPLED_TOKEN


def _gpus() -> int:
    if not has_accelerator():
        return 0
    try:
        import torch
    except ImportError:
        return 0
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _installed(gpus: int) -> float | None:
    """Return the bytes of memory of the smallest GPU, or of the machine."""
    if gpus:
        import torch

        if not torch.cuda.is_available():
            return None
        return float(min(torch.cuda.get_device_properties(i).total_memory for i in range(gpus)))
    if "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _duration(seconds: float) -> str:
    """Write a time in words, no more precisely than it is known.

    Example:
        >>> _duration(100), _duration(2000), _duration(20000)
        ('2 minutes', '33 minutes', '5.6 hours')
    """
    minutes = seconds / 60
    return f"{max(minutes, 1):.0f} minutes" if minutes < 100 else f"{minutes / 60:.1f} hours"


def _size(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(size / 1e6, 1):.0f} MB"
