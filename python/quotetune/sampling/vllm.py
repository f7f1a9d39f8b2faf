"""Sampling with vLLM.

On a CPU, a part is drawn alone, and from nothing that an earlier part left: it depends on its own
requests only. On a GPU that would leave the device idle while the last responses of a part end, so
that the requests of the next part are handed in then. The batches, and with them the rounding, then
depend on the other parts.
"""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from quotetune.config import ModelConfig, SamplingConfig
from quotetune.errors import QuotetuneError, UsageError
from quotetune.models.files import ADAPTER_CONFIG
from quotetune.models.tokenizer import end_tokens
from quotetune.sampling.backend import Request, Response
from quotetune.sampling.constraint import Constraint
from quotetune.sampling.cut_text import CutText
from quotetune.sampling.engine_settings import engine_environment, engine_settings

_LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
HIGHEST_RANK = _LORA_RANKS[-1]
# What the engine needs, whatever keys `sampling.engine` has.
_OWN_SETTINGS = ("additional_config", "logits_processors", "speculative_config")
_LARGEST_SEED = 2**32 - 1  # of numpy, which the engine seeds, too


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
        seed: int = 0,
        ahead: bool | None = None,
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
            seed: Seed of the engine, for requests without seeds (`sampling.seeded`).
            ahead: Whether requests of the next part are handed in while a part ends; None means on
                a GPU only.
        """
        # vLLM reads it when it is imported. A value that the user has set is kept.
        os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
        from vllm import LLM
        from vllm.lora.request import LoRARequest
        from vllm.platforms import current_platform

        on_cpu = current_platform.is_cpu()
        for name, value in engine_environment(on_cpu=on_cpu).items():
            os.environ.setdefault(name, value)
        length = longest_prompt + sampling.max_tokens
        settings: dict[str, Any] = {
            "model": model.path,
            "revision": model.revision,
            "dtype": vllm_dtype(model, config),
            "trust_remote_code": model.trust_remote_code,
            "max_model_len": length,
        }
        if not sampling.seeded:
            settings["seed"] = seed & _LARGEST_SEED
        settings |= engine_settings(sampling, config, settings["dtype"], length, on_cpu=on_cpu)
        self._top_p = sampling.top_p
        processors: list[Any] = []
        additional: dict[str, Any] = {}
        if sampling.guide is not None:
            from quotetune.decoding import vllm as guide

            processors.append(guide.QuoteGuide)
            keys = sampling.guide.model_dump(exclude={"documents"})
            additional[guide.ENGINE_KEY] = {"index": str(index), **keys}
        if on_cpu:
            if sampling.engine.get("max_loras", 1) == 1:
                from quotetune.sampling.one_adapter import use_one_adapter

                use_one_adapter()
            if sampling.top_p < 1 and not sampling.top_k:
                others = bool(sampling.engine.get("logits_processors"))
                processors = _with_nucleus(sampling, processors, others)
                self._top_p = 1.0
        self._adapter = None
        if adapter is not None:
            settings |= {"enable_lora": True, "max_lora_rank": supported_rank(adapter)}
            self._adapter = LoRARequest(*adapter_identity(adapter), str(adapter))
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
        self._ahead = not on_cpu if ahead is None else ahead
        self._handed_in: list[str] = []  # requests of the next part
        self._finished: dict[str, Any] = {}

    def sample(
        self,
        requests: Sequence[Request],
        generated: Callable[[int], None],
        following: Callable[[], Sequence[Request]] = tuple,
    ) -> list[list[Response]]:
        """Draw the responses of one part; see `backend.Sampler`."""
        if not self._ahead:
            self._forget_prefixes()
        names = self._handed_in or self._hand_in(requests)
        self._handed_in = []
        engine = self._llm.llm_engine
        places = engine.vllm_config.scheduler_config.max_num_seqs
        waiting = set(names).difference(self._finished)
        looks_ahead = self._ahead
        while waiting and engine.has_unfinished_requests():
            # From here on, no response of this part waits for a place in a batch.
            ends = len(waiting) * self._sampling.n <= places
            if looks_ahead and ends:
                looks_ahead = False
                if coming := following():
                    self._handed_in = self._hand_in(coming)
            for output in engine.step():
                if output.finished:
                    self._finished[output.request_id] = output.outputs
                    waiting.discard(output.request_id)
                    generated(sum(len(drawn.token_ids) for drawn in output.outputs))
        return [
            [
                self._response(drawn)
                for drawn in sorted(self._finished.pop(name), key=lambda drawn: drawn.index)
            ]
            for name in names
        ]

    def _hand_in(self, requests: Sequence[Request]) -> list[str]:
        """Give requests to the engine, and return their names there."""
        names: list[str] = self._llm.enqueue(
            [{"prompt_token_ids": request.prompt_token_ids} for request in requests],
            [self._parameters(request) for request in requests],
            lora_request=self._adapter,
            use_tqdm=False,
        )
        # The engine adds random characters to the number by which its outputs name a request.
        return [name.partition("-")[0] for name in names]

    def _forget_prefixes(self) -> None:
        """Empty the cache of prefixes.

        A cached prefix of an earlier part would change the batches, and with them the rounding.

        Raises:
            QuotetuneError: vLLM has kept them, because it still uses some.
        """
        cache = self._llm.llm_engine.vllm_config.cache_config
        if cache.enable_prefix_caching and not self._llm.reset_prefix_cache():
            raise QuotetuneError(
                "sampling: vLLM has not emptied its cache of prefixes, so that this part would"
                " depend on the one before: set sampling.engine.enable_prefix_caching to false"
            )

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
            seed=request.seed if sampling.seeded else None,
            structured_outputs=grammar and StructuredOutputsParams(grammar=grammar),
            extra_args=self._guide_arguments(request),
        )

    def _guide_arguments(self, request: Request) -> dict[str, Any] | None:
        if self._sampling.guide is None:
            return None
        from quotetune.decoding.vllm import DOCUMENTS, STRENGTH

        return {STRENGTH: request.strength, DOCUMENTS: request.documents}


def _with_nucleus(sampling: SamplingConfig, processors: list[Any], others: bool) -> list[Any]:
    """Add our top-p filter, which shares its search with a guide if no other processor is there."""
    from quotetune.sampling.guided_nucleus import guided_nucleus
    from quotetune.sampling.nucleus import nucleus_processor

    if sampling.guide is not None and sampling.guide.mode is None and not others:
        return guided_nucleus(sampling.top_p)
    return [*processors, nucleus_processor(sampling.top_p)]


def _grammar(constraint: Path) -> str | None:
    """Return the grammar of a constraint; None if it has too many choices for one."""
    held = Constraint.read(constraint)
    return held.grammar() if held.fits_grammar else None


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
