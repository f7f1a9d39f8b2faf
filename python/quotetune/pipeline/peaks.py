"""The peaks of memory of a run: of its sampling and of each of its trainings."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from quotetune.config import Config
from quotetune.config.absorb import is_whole
from quotetune.config.open_blocks import dpo_options, lora_options, sft_options
from quotetune.errors import UsageError
from quotetune.models.adapter import read_adapter
from quotetune.models.size import ModelSize
from quotetune.pipeline.memory import Training, training_peak, weights_bytes
from quotetune.runtime.cpu import advertises_amx
from quotetune.sampling.thoughts import with_room_for_thoughts

MAX_LENGTH = 1024  # of TRL, for DPO and SFT
_TRL_BATCH, _CPU_BATCH = 8, 2  # of TRL, and of ours on a CPU
_SAMPLING_PROCESS = 1.5e9
# Batches are alike if the mean length has this share of the longest one. Responses count with their
# most tokens, so only prompts make a difference. The texts that are absorbed are not read here, and
# count as alike.
_ALIKE = 0.8
_CPU_SEQUENCES, _GPU_SEQUENCES = 256, 64


def peaks(
    config: Config, size: ModelSize, prompt_tokens: int, longest_prompt: int, *, on_gpu: bool
) -> dict[str, float]:
    """Return the most bytes that each part of a run needs, by its name.

    The parts do not run together, so the largest one is what the run needs. With several GPUs it is
    that of one, whose weights are not shared with the others.

    Args:
        config: The run's config.
        size: The size of its model.
        prompt_tokens: Tokens per prompt. vLLM keeps so many sequences that the mean counts.
        longest_prompt: Tokens of the longest prompt. A batch of training is padded to it.
        on_gpu: Whether the model runs on a GPU.
    """
    found = {"sample": _sampling(config, size, prompt_tokens, on_gpu=on_gpu)}
    fast_bf16 = on_gpu or advertises_amx()
    for name, training in _trainings(
        config, prompt_tokens, longest_prompt, on_gpu=on_gpu, fast_bf16=fast_bf16
    ):
        found[name] = training_peak(size, training)
    return found


def batch_of(options: Mapping[str, Any], *, on_gpu: bool) -> int:
    """Return the pairs, or texts, per batch and device of a training."""
    ours = not on_gpu and "gradient_accumulation_steps" not in options
    default = _CPU_BATCH if ours else _TRL_BATCH
    return int(options.get("per_device_train_batch_size", default))


def adapter_settings(config: Config) -> dict[str, Any] | None:
    """Return the settings of the adapter that the rounds train; None if they train all weights."""
    if config.lora is None:
        return None
    if config.model.adapter is not None:
        with suppress(UsageError):
            return read_adapter(config.model.adapter).settings
    return lora_options(config.lora)


def _trainings(
    config: Config, prompt_tokens: int, longest_prompt: int, *, on_gpu: bool, fast_bf16: bool
) -> Iterator[tuple[str, Training]]:
    machine: Any = {
        "on_gpu": on_gpu,
        "fast_bf16": fast_bf16,
        "quantization": config.model.quantization,
    }
    lora = adapter_settings(config)
    if (absorb := config.absorb) is not None:
        options = sft_options(absorb.sft)
        own = lora
        if is_whole(absorb, config.lora):
            own = lora_options(absorb.lora) if isinstance(absorb.lora, dict) else None
        length = options.get("max_length", MAX_LENGTH)
        if length is not None:  # the documents are not read here
            batch = batch_of(options, on_gpu=on_gpu)
            yield (
                "absorb",
                Training(options, own, config.model.dtype, batch, int(length), **machine),
            )
    response = with_room_for_thoughts(config.sampling, config.model).max_tokens
    for number in range(1, config.rounds + 1):
        options = dpo_options(config.dpo_of(number))
        limit = options.get("max_length", MAX_LENGTH)
        precomputed = options.get("precompute_ref_log_probs", not options.get("sync_ref_model"))
        longest, mean = longest_prompt + response, prompt_tokens + response
        if limit is not None:
            longest, mean = min(longest, int(limit)), min(mean, int(limit))
        other = config.reference == "base" and number > 1
        yield (
            f"round-{number}/train",
            Training(
                options,
                lora,
                config.model.dtype,
                2 * batch_of(options, on_gpu=on_gpu),
                longest,
                reference=lora is None and (other or not precomputed),
                alike=mean >= _ALIKE * longest,
                **machine,
            ),
        )


def _sampling(config: Config, size: ModelSize, prompt_tokens: int, *, on_gpu: bool) -> float:
    """Return the bytes of the weights, and of the cache of keys and values of a batch.

    On a GPU, vLLM uses all the memory that it may. This is enough for a batch of 64 responses.
    """
    drawn = with_room_for_thoughts(config.sampling, config.model)
    length = prompt_tokens + drawn.max_tokens
    sequences = int(drawn.engine.get("max_num_seqs") or _CPU_SEQUENCES)
    sequences = min(_GPU_SEQUENCES if on_gpu else sequences, drawn.chunk_prompts * drawn.drawn)
    stored = {"float32": 4.0, "auto": size.bytes / size.parameters}.get(config.model.dtype, 2.0)
    cache = sequences * length * size.cache_bytes_per_token * max(stored / 2, 1.0)
    weights = weights_bytes(size, stored, config.model.quantization)
    return weights + cache + _SAMPLING_PROCESS
