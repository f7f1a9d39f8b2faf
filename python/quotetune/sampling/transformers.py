"""Sampling with transformers' `generate`: slower than vLLM, but it runs wherever torch does."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from quotetune.config import ModelConfig, SamplingConfig
from quotetune.decoding.guidance import Guidance
from quotetune.decoding.transformers import QuoteLogitsProcessor
from quotetune.models.load_adapter import with_adapter
from quotetune.models.quantization import quantization_settings
from quotetune.models.tokenizer import end_tokens, load_tokenizer
from quotetune.runtime.device_memory import device_memory, fitting
from quotetune.sampling.backend import Request, Response
from quotetune.sampling.constrained import ConstrainedLogits
from quotetune.sampling.constraint import Constraint, token_trie
from quotetune.sampling.cut_text import CutText
from quotetune.sampling.engine_settings import token_cache_bytes

_CPU_ROWS, _GPU_ROWS = 64, 512
# Copies of the logits in float32 that the processors make, the noise among them.
_LOGITS = 6


class GumbelNoise(LogitsProcessor):  # type: ignore[misc]
    """Adds Gumbel noise, after which the highest logit is a draw from the softmax of the logits.

    This is the Gumbel-max trick (Maddison et al. 2014, section 2). `generate` draws from one stream
    for the whole batch. Here each row has its own stream, so that a response depends only on its
    own seed.
    """

    def __init__(self, seeds: Sequence[int], device: torch.device) -> None:
        """Start one stream per row.

        Args:
            seeds: One seed per row of the batch.
            device: Where the logits are.
        """
        self._streams = [torch.Generator(device).manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return noisy logits; `-inf` stays as it is."""
        scores = scores.float()
        waiting = torch.empty_like(scores)
        for row, stream in zip(waiting, self._streams, strict=True):
            row.exponential_(generator=stream)
        return scores - waiting.log()


class TransformersSampler:
    """A transformers model with at most one LoRA adapter, which is not merged into the model."""

    def __init__(
        self,
        model: ModelConfig,
        sampling: SamplingConfig,
        adapter: Path | None,
        constraint: Path | None = None,
        index: Path | None = None,
    ) -> None:
        """Load the model onto the GPU if there is one.

        Args:
            model: The base model.
            sampling: How to draw; `engine` is for vLLM and has no effect here.
            adapter: A LoRA adapter of the model, in PEFT's form.
            constraint: The file of what may be generated; None for anything.
            index: The index towards which `sampling.guide` guides.
        """
        source = {"revision": model.revision, "trust_remote_code": model.trust_remote_code}
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._tokenizer = load_tokenizer(model)
        loaded = AutoModelForCausalLM.from_pretrained(
            model.path, dtype=model.dtype, **quantization_settings(model, model.dtype), **source
        )
        if adapter is not None:
            loaded = with_adapter(loaded, adapter)
        self._model = loaded.to(self._device).eval()
        self._sampling = sampling
        self._ends = end_tokens(model, self._tokenizer)
        self._cut_text = CutText(self._tokenizer)
        self._guidance = None
        if sampling.guide is not None and index is not None:
            self._guidance = Guidance(index, self._tokenizer, sampling.guide, self._ends)
        self._trie = None
        if constraint is not None:
            self._trie = token_trie(Constraint.read(constraint), self._tokenizer, self._ends)
        # A padding token only fills rows that are shorter or done, so any token will do.
        self._padding = self._ends[0] if self._ends else 0
        # `generate` fills gaps in these settings from the model's own, which can have a repetition
        # penalty or another temperature. Only ours may apply.
        self._settings = GenerationConfig(
            max_new_tokens=sampling.max_tokens,
            do_sample=False,
            eos_token_id=self._ends or None,
            pad_token_id=self._padding,
        )
        self._model.generation_config = self._settings

    def sample(
        self,
        requests: Sequence[Request],
        generated: Callable[[int], None],
        following: Callable[[], Sequence[Request]] = tuple,
    ) -> list[list[Response]]:
        """Draw the responses of one part; see `backend.Sampler`."""
        n = self._sampling.n
        rows = [
            (number, replace(request, seed=request.seed + sample))
            for number, request in enumerate(requests)
            for sample in range(n)
        ]
        # Batches of rows of similar length need the least padding.
        rows.sort(key=lambda row: len(row[1].prompt_token_ids))
        responses: list[list[Response]] = [[] for _ in requests]
        longest = max((len(request.prompt_token_ids) for request in requests), default=0)
        size = self._batch_rows(longest + self._sampling.max_tokens)
        for first in range(0, len(rows), size):
            batch = rows[first : first + size]
            drawn = self._generate([request for _, request in batch])
            for (number, _), response in zip(batch, drawn, strict=True):
                responses[number].append(response)
            generated(sum(len(response.token_ids) for response in drawn))
        return responses

    def _batch_rows(self, length: int) -> int:
        """Return how many rows of a length are drawn at once on this device."""
        config = self._model.config
        each = length * token_cache_bytes(config, str(self._model.dtype).removeprefix("torch."))
        each += _LOGITS * 4 * config.get_text_config().vocab_size
        most = _CPU_ROWS if self._device.type == "cpu" else _GPU_ROWS
        return fitting(device_memory(self._device), self._model, each, least=1, most=most)

    def _generate(self, rows: Sequence[Request]) -> list[Response]:
        width = max(len(row.prompt_token_ids) for row in rows)
        padding = [width - len(row.prompt_token_ids) for row in rows]
        inputs = [
            [self._padding] * pad + row.prompt_token_ids
            for pad, row in zip(padding, rows, strict=True)
        ]
        mask = [[0] * pad + [1] * (width - pad) for pad in padding]
        stop = self._sampling.stop
        further = {"stop_strings": stop, "tokenizer": self._tokenizer} if stop else {}
        with torch.inference_mode():
            generated = self._model.generate(
                input_ids=torch.tensor(inputs, device=self._device),
                attention_mask=torch.tensor(mask, device=self._device),
                logits_processor=self._processors(rows, width),
                generation_config=self._settings,
                **further,
            )
        return [self._response(row[width:]) for row in generated.tolist()]

    def _processors(self, rows: Sequence[Request], width: int) -> LogitsProcessorList:
        sampling = self._sampling
        processors = LogitsProcessorList()
        if self._guidance is not None:
            guided = [
                self._guidance.response(
                    row.documents,
                    row.strength,
                    most_tokens=sampling.max_tokens,
                    stop=sampling.stop,
                )
                for row in rows
            ]
            processors.append(QuoteLogitsProcessor.of_rows(self._guidance, width, guided))
        if self._trie is not None:
            processors.append(ConstrainedLogits(self._trie, width))
        if sampling.temperature == 0:
            return processors
        processors.append(TemperatureLogitsWarper(sampling.temperature))
        if sampling.top_k:
            processors.append(TopKLogitsWarper(sampling.top_k))
        if sampling.top_p < 1:
            processors.append(TopPLogitsWarper(sampling.top_p))
        processors.append(GumbelNoise([row.seed for row in rows], self._device))
        return processors

    def _response(self, ids: list[int]) -> Response:
        """Cut a row where the response ended; the rest is padding."""
        ends = [position for position, token in enumerate(ids) if token in self._ends]
        finished: Any = "stop" if ends else "length"
        if ends:
            ids = ids[: ends[0] + 1]
        text = self._decode(ids)
        stops = [text.find(stop) for stop in self._sampling.stop if stop in text]
        if stops:
            finished = "stop"
            length = bisect_left(range(len(ids)), True, key=lambda count: self._stops(ids[:count]))
            ids, text = ids[:length], text[: min(stops)]
        if finished == "length":
            text = self._cut_text.text(ids, text)
        return Response(text, ids, finished)

    def _stops(self, ids: list[int]) -> bool:
        text = self._decode(ids)
        return any(stop in text for stop in self._sampling.stop)

    def _decode(self, ids: list[int]) -> str:
        text: str = self._tokenizer.decode(ids, skip_special_tokens=True)
        return text
