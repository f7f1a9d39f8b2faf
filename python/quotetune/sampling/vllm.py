"""Sampling with vLLM.

The engine runs inside our own child process (`VLLM_ENABLE_V1_MULTIPROCESSING=0`). vLLM then
schedules the same requests in the same way every time, and on a CPU it starts in a fifth of the
time.
"""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from quotetune.config import ModelConfig, SamplingConfig
from quotetune.errors import UsageError
from quotetune.models.files import ADAPTER_CONFIG
from quotetune.models.tokenizer import end_tokens
from quotetune.sampling.backend import Request, Response
from quotetune.sampling.constraint import Constraint
from quotetune.sampling.cut_text import CutText

_LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
HIGHEST_RANK = _LORA_RANKS[-1]
# What the engine needs, whatever keys `sampling.engine` has.
_OWN_SETTINGS = ("additional_config", "logits_processors", "speculative_config")
_CPU_SEQUENCES = 256
_CPU_BATCH_TOKENS = 8192
_CPU_BLOCK_TOKENS = 32


class VllmSampler:
    """A vLLM engine with at most one LoRA adapter, which is not merged into the model."""

    def __init__(
        self,
        model: ModelConfig,
        sampling: SamplingConfig,
        adapter: Path | None,
        *,
        config: Any,
        longest_prompt: int,
        tokenizer: Any,
        constraint: Path | None = None,
        index: Path | None = None,
    ) -> None:
        """Start the engine.

        Args:
            model: The base model.
            sampling: How to draw; the keys of `engine` override what is chosen here.
            adapter: A LoRA adapter of the model, in PEFT's form.
            config: The model's `transformers` config.
            longest_prompt: Tokens of the longest prompt of the whole job.
            tokenizer: The model's tokenizer.
            constraint: The file of what may be generated; None for anything.
            index: The index towards which `sampling.guide` guides.
        """
        # vLLM reads both when it is imported. A value that the user has set is kept.
        os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
        os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
        from vllm import LLM
        from vllm.lora.request import LoRARequest
        from vllm.platforms import current_platform

        from quotetune.sampling.nucleus import nucleus_processor

        length = longest_prompt + sampling.max_tokens
        settings: dict[str, Any] = {
            "model": model.path,
            "revision": model.revision,
            "dtype": vllm_dtype(model, config),
            "trust_remote_code": model.trust_remote_code,
            "max_model_len": length,
        }
        self._top_p = sampling.top_p
        processors: list[Any] = []
        if current_platform.is_cpu():
            if sampling.engine.get("max_loras", 1) == 1:
                from quotetune.sampling.one_adapter import use_one_adapter

                use_one_adapter()
            settings |= _cpu_settings(sampling, config, settings["dtype"], length)
            if sampling.top_p < 1 and not sampling.top_k:
                processors.append(nucleus_processor(sampling.top_p))
                self._top_p = 1.0
        self._adapter = None
        if adapter is not None:
            settings |= {"enable_lora": True, "max_lora_rank": supported_rank(adapter)}
            self._adapter = LoRARequest(*adapter_identity(adapter), str(adapter))
        additional: dict[str, Any] = {}
        if sampling.guide is not None:
            from quotetune.decoding import vllm as guide

            processors.append(guide.QuoteGuide)
            keys = sampling.guide.model_dump(exclude={"documents"})
            additional[guide.ENGINE_KEY] = {"index": str(index), **keys}
        self._grammar = None if constraint is None else _grammar(constraint)
        if self._grammar is not None:
            # xgrammar, the first choice of `auto`, takes 10 s for 10,000 ids, guidance 0.05 s.
            settings["structured_outputs_config"] = {"backend": "guidance"}
        elif constraint is not None:
            from quotetune.sampling import constrained_vllm as constrained

            processors.append(constrained.StringConstraint)
            additional[constrained.ENGINE_KEY] = str(constraint.absolute())
            # Tokens that are only proposed would not be masked.
            settings["speculative_config"] = None
        if additional:
            given = sampling.engine.get("additional_config") or {}
            settings["additional_config"] = given | additional
        self._sampling = sampling
        self._ends = end_tokens(model, tokenizer)
        self._cut_text = CutText(tokenizer)
        if processors:
            given = sampling.engine.get("logits_processors") or []
            settings["logits_processors"] = [*processors, *given]
        own = {name: settings[name] for name in _OWN_SETTINGS if name in settings}
        self._llm = LLM(**settings | sampling.engine | own)

    def sample(
        self, requests: Sequence[Request], generated: Callable[[int], None]
    ) -> list[list[Response]]:
        """Draw the responses of one part; see `backend.Sampler`."""
        # A cached prefix of an earlier part would change the batches, and with them the rounding.
        self._llm.reset_prefix_cache()
        self._llm.enqueue(
            [{"prompt_token_ids": request.prompt_token_ids} for request in requests],
            [self._parameters(request) for request in requests],
            lora_request=self._adapter,
            use_tqdm=False,
        )
        outputs: dict[int, Any] = {}
        engine = self._llm.llm_engine
        while engine.has_unfinished_requests():
            for output in engine.step():
                if output.finished:
                    outputs[int(output.request_id)] = output.outputs
                    generated(sum(len(drawn.token_ids) for drawn in output.outputs))
        return [
            [
                self._response(drawn)
                for drawn in sorted(outputs[number], key=lambda drawn: drawn.index)
            ]
            for number in sorted(outputs)
        ]

    def _response(self, drawn: Any) -> Response:
        ids = list(drawn.token_ids)
        cut = drawn.finish_reason == "length"
        text = self._cut_text.text(ids, drawn.text) if cut else drawn.text
        return Response(text, ids, drawn.finish_reason)

    def _parameters(self, request: Request) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import StructuredOutputsParams

        sampling = self._sampling
        grammar = self._grammar
        return SamplingParams(
            n=sampling.n,
            temperature=sampling.temperature,
            top_p=self._top_p,
            top_k=sampling.top_k,
            max_tokens=sampling.max_tokens,
            stop=sampling.stop,
            stop_token_ids=self._ends,
            seed=request.seed,
            structured_outputs=grammar and StructuredOutputsParams(grammar=grammar),
            extra_args=self._guide_arguments(request),
        )

    def _guide_arguments(self, request: Request) -> dict[str, Any] | None:
        if self._sampling.guide is None:
            return None
        from quotetune.decoding.vllm import DOCUMENTS, STRENGTH

        return {STRENGTH: request.strength, DOCUMENTS: request.documents}


def _grammar(constraint: Path) -> str | None:
    """Return the grammar of a constraint; None if it has too many choices for one."""
    held = Constraint.read(constraint)
    return held.grammar() if held.fits_grammar else None


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


def vllm_dtype(model: ModelConfig, config: Any) -> str:
    """Return the type that `model.dtype` means for this model.

    vLLM's own `auto` makes float32 weights bfloat16; ours keeps them.
    """
    if model.dtype != "auto" or config.dtype is None:
        return model.dtype
    return str(config.dtype).removeprefix("torch.")


def supported_rank(adapter: Path) -> int:
    """Return the lowest `max_lora_rank` of vLLM that fits an adapter.

    Args:
        adapter: A directory with `adapter_config.json`.

    Raises:
        UsageError: The rank is above what vLLM supports.
    """
    settings = json.loads((adapter / ADAPTER_CONFIG).read_text("utf-8"))
    rank = max([settings["r"], *(settings.get("rank_pattern") or {}).values()])
    for supported in _LORA_RANKS:
        if rank <= supported:
            return supported
    raise UsageError(
        f"{adapter}: its rank {rank} is above vLLM's highest, {HIGHEST_RANK}: lower lora.r, or"
        " set sampling.backend to transformers"
    )


def adapter_identity(adapter: Path) -> tuple[str, int]:
    """Return a name and a number by which vLLM can tell adapters apart.

    vLLM's caches identify an adapter by these, so they are derived from its content.

    Args:
        adapter: A directory with `adapter_config.json` and `adapter_model.safetensors`.
    """
    digest = hashlib.sha256((adapter / ADAPTER_CONFIG).read_bytes())
    with (adapter / "adapter_model.safetensors").open("rb") as weights:
        while block := weights.read(1 << 20):
            digest.update(block)
    number = int.from_bytes(digest.digest()[:4], "big") >> 1
    return f"adapter-{digest.hexdigest()[:16]}", number + 1
