"""A logits processor of vLLM that follows requests, for both of vLLM's model runners.

One class serves both, because their interfaces do not overlap.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from vllm.v1.sample.logits_processor import LogitsProcessor, MoveDirectionality

from quotetune.config import ModelConfig

try:  # the interface of the newer model runner, which older versions of vLLM do not have
    from vllm.v1.worker.gpu.sample.logits_processor import LogitsProcessor as NewerProcessor
except ImportError:
    NewerProcessor = object


class Followed(Protocol):
    """A response that is followed."""

    def follow(self, tokens: Sequence[int]) -> None:
        """Take the tokens of the response so far."""
        ...


class RequestProcessor(LogitsProcessor, NewerProcessor):  # type: ignore[misc]
    """Steers the logits of the requests that it follows.

    Args:
        runner: The device, or the newer runner's state of all requests.
    """

    def __init__(self, runner: Any) -> None:
        self._runner = runner
        # By the place in the batch: a response, and the list in which the older runner keeps its
        # tokens.
        self._followed: dict[int, tuple[Followed, list[int]]] = {}

    def start(self, params: Any) -> Followed | None:
        """Start a response.

        Args:
            params: The request's `SamplingParams`.

        Returns:
            The response; None if it is left alone.
        """
        raise NotImplementedError

    def steer(self, logits: torch.Tensor, rows: Sequence[int], responses: Sequence[Any]) -> None:
        """Change the logits of a step, in place.

        Args:
            logits: The logits of all requests, of shape (requests, vocabulary).
            rows: The rows of the responses that are followed.
            responses: These responses.
        """
        raise NotImplementedError

    def is_argmax_invariant(self) -> bool:
        """Return False: another token may become the most probable one."""
        return False

    def update_state(self, batch_update: Any) -> None:
        """Follow the requests as they enter, leave and move (the older runner)."""
        if batch_update is None:
            return
        for place in batch_update.removed:
            self._followed.pop(place, None)
        for place, params, _, tokens in batch_update.added:
            self._add(place, params, tokens)
        for one, other, direction in batch_update.moved:
            first, second = self._followed.pop(one, None), self._followed.pop(other, None)
            if first is not None:
                self._followed[other] = first
            if second is not None and direction == MoveDirectionality.SWAP:
                self._followed[one] = second

    def add_request(self, req_idx: int, sampling_params: Any) -> bool:
        """Start a request (the newer runner); tell whether it is followed."""
        return self._add(req_idx, sampling_params, [])

    def apply(self, logits: torch.Tensor, ctx: Any = None) -> torch.Tensor:
        """Steer the logits of a step."""
        if ctx is None:
            rows = sorted(self._followed)
            for row in rows:
                response, tokens = self._followed[row]
                response.follow(tokens)
            responses = [self._followed[row][0] for row in rows]
        else:
            rows, responses = self._rows_of(ctx)
        self.steer(logits, rows, responses)
        return logits

    def _rows_of(self, ctx: Any) -> tuple[list[int], list[Followed]]:
        """Return the followed rows of a step and their responses (the newer runner)."""
        slots = ctx.expanded_idx_mapping.tolist()
        ends = (ctx.pos + 1).tolist()
        rows, responses = [], []
        for row, (slot, end) in enumerate(zip(slots, ends, strict=True)):
            if slot in self._followed:
                response, _ = self._followed[slot]
                start = int(self._runner.prompt_len.np[slot])
                tokens = self._runner.all_token_ids.gpu[slot, start:end]
                response.follow(tokens.tolist())
                rows.append(row)
                responses.append(response)
        return rows, responses

    def _add(self, place: int, params: Any, tokens: list[int]) -> bool:
        self._followed.pop(place, None)
        response = self.start(params)
        if response is not None:
            self._followed[place] = (response, tokens)
        return response is not None


def model_of(vllm_config: Any) -> ModelConfig:
    """Return the model of an engine, whose tokenizer a processor loads."""
    source = vllm_config.model_config
    return ModelConfig(
        path=source.model, revision=source.revision, trust_remote_code=source.trust_remote_code
    )
