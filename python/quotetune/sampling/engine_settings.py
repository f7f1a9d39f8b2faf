"""The settings of vLLM's engine, which on a GPU are others than on a CPU."""

import os
from typing import Any

from quotetune.config import SamplingConfig

_CPU_SEQUENCES = 256
_CPU_BATCH_TOKENS = 8192
_CPU_BLOCK_TOKENS = 32


def engine_settings(
    sampling: SamplingConfig, config: Any, dtype: str, length: int, *, on_cpu: bool
) -> dict[str, Any]:
    """Return the arguments of `vllm.LLM` that depend on the device.

    Args:
        sampling: How to draw; the keys of `engine` override these.
        config: The model's `transformers` config.
        dtype: Type of the arithmetic.
        length: Tokens of the longest prompt with its response.
        on_cpu: Whether the installed vLLM computes on the CPU.
    """
    if on_cpu:
        return _cpu_settings(sampling, config, dtype, length)
    # Both are vLLM's own choice today. They are said here because they decide about the speed.
    return {"enforce_eager": False, "enable_prefix_caching": True}


def engine_environment(*, on_cpu: bool) -> dict[str, str]:
    """Return the environment variables with which vLLM is started; those of the user come first.

    On a GPU, the engine has its own process, so that it computes the next tokens while ours turns
    the last ones into text. Requests then reach it one by one, and batches differ from run to run.
    On a CPU, where both would share the cores, the engine is in our process. It schedules the same
    requests in the same way every time, and starts in a fifth of the time.

    Args:
        on_cpu: Whether the installed vLLM computes on the CPU.

    Example:
        >>> engine_environment(on_cpu=False)
        {'VLLM_ENABLE_V1_MULTIPROCESSING': '1'}
    """
    return {"VLLM_ENABLE_V1_MULTIPROCESSING": "0" if on_cpu else "1"}


def _cpu_settings(sampling: SamplingConfig, config: Any, dtype: str, length: int) -> dict[str, Any]:
    """Choose the engine's settings on a CPU.

    Execution is eager, because torch.compile takes a minute at every start and gains 5%. No prompt
    may be split between two batches, because a seeded request then crashes the CPU engine.

    The cache of keys and values has room for the sequences of a batch at their longest, whatever
    memory happens to be free. With less room the engine would schedule the requests differently,
    and the rounding would differ.
    """
    sequences = min(
        sampling.engine.get("max_num_seqs", _CPU_SEQUENCES), sampling.chunk_prompts * sampling.n
    )
    blocks = sequences * (length // _CPU_BLOCK_TOKENS + 2)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    need = blocks * _CPU_BLOCK_TOKENS * token_cache_bytes(config, dtype)
    settings = {
        "enforce_eager": True,
        "enable_chunked_prefill": False,
        "max_num_batched_tokens": max(_CPU_BATCH_TOKENS, length),
        "max_num_seqs": sequences,
        "block_size": _CPU_BLOCK_TOKENS,
    }
    if "VLLM_CPU_KVCACHE_SPACE" not in os.environ:
        settings["kv_cache_memory_bytes"] = min(need, memory // 2)
    return settings


def token_cache_bytes(config: Any, dtype: str) -> int:
    """Return the bytes that the keys and values of one token take.

    Args:
        config: The model's `transformers` config.
        dtype: Type of the arithmetic.

    Returns:
        Bytes over all layers.
    """
    text = config.get_text_config()
    heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return int(2 * text.num_hidden_layers * heads * width * (4 if dtype == "float32" else 2))
