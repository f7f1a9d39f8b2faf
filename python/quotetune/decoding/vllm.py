"""The guide as a logits processor of vLLM, for both of its model runners.

The operator of a server names the index, and requests cannot:

    QUOTETUNE_GUIDE_INDEX=index vllm serve MODEL --logits-processors quotetune.decoding:QuoteGuide

A request sets `quote_strength` and `quote_documents` in the `extra_args` of its `SamplingParams`,
which are `vllm_xargs` in the HTTP API.
"""

import logging
import math
import os
from typing import Any

import torch
from pydantic import ValidationError
from vllm.v1.sample.logits_processor import LogitsProcessor, MoveDirectionality

from quotetune.config import GuideConfig, ModelConfig
from quotetune.config.schema import schema_problems
from quotetune.decoding.guidance import Guidance, GuidedResponse, documents_of
from quotetune.errors import QuotetuneError, UsageError
from quotetune.models.tokenizer import end_tokens, load_tokenizer

try:  # the interface of the newer model runner, which older versions of vLLM do not have
    from vllm.v1.worker.gpu.sample.logits_processor import LogitsProcessor as NewerProcessor
except ImportError:
    NewerProcessor = object

INDEX_VARIABLE = "QUOTETUNE_GUIDE_INDEX"
STRENGTH_VARIABLE = "QUOTETUNE_GUIDE_STRENGTH"
# The key of the engine's `additional_config`, which has `index` and the keys of `sampling.guide`.
ENGINE_KEY = "quotetune_guide"
STRENGTH, DOCUMENTS = "quote_strength", "quote_documents"

_log = logging.getLogger(__name__)


class QuoteGuide(LogitsProcessor, NewerProcessor):  # type: ignore[misc]
    """Guides responses towards the text of a corpus.

    Args:
        vllm_config: The engine's config.
        runner: The device, or the newer runner's state of all requests.
        is_pin_memory: Of the older runner.

    Raises:
        UsageError: No index is named, or a setting is not valid.
        QuotetuneError: The index cannot be opened.
    """

    def __init__(self, vllm_config: Any, runner: Any, is_pin_memory: bool = False) -> None:
        if vllm_config.speculative_config is not None:
            raise UsageError("the guide does not work with speculative decoding: switch it off")
        index, self._settings = _operator_settings(vllm_config.additional_config)
        source = vllm_config.model_config
        model = ModelConfig(
            path=source.model,
            revision=source.revision,
            trust_remote_code=source.trust_remote_code,
        )
        tokenizer = load_tokenizer(model)
        self._guidance = Guidance(index, tokenizer, self._settings, end_tokens(model, tokenizer))
        self._runner = runner
        # By the place in the batch: a guided response, and the list in which the older runner keeps
        # its tokens.
        self._guided: dict[int, tuple[GuidedResponse, list[int]]] = {}

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None:
        """Check the arguments of a request.

        Raises:
            ValueError: One of them is not valid.
        """
        try:
            _request(sampling_params, 0.0)
        except UsageError as error:
            raise ValueError(str(error)) from error

    def is_argmax_invariant(self) -> bool:
        """Return False: the bonus changes which token is the most probable one."""
        return False

    def update_state(self, batch_update: Any) -> None:
        """Follow the requests as they enter, leave and move (the older runner)."""
        if batch_update is None:
            return
        for place in batch_update.removed:
            self._guided.pop(place, None)
        for place, params, _, tokens in batch_update.added:
            self._add(place, params, tokens)
        for one, other, direction in batch_update.moved:
            first, second = self._guided.pop(one, None), self._guided.pop(other, None)
            if first is not None:
                self._guided[other] = first
            if second is not None and direction == MoveDirectionality.SWAP:
                self._guided[one] = second

    def add_request(self, req_idx: int, sampling_params: Any) -> bool:
        """Start a request (the newer runner); tell whether it is guided."""
        return self._add(req_idx, sampling_params, [])

    def apply(self, logits: torch.Tensor, ctx: Any = None) -> torch.Tensor:
        """Add the bonus to the logits of a step, and mask what may not come."""
        if ctx is None:
            rows = sorted(self._guided)
            for row in rows:
                response, tokens = self._guided[row]
                response.follow(tokens)
            guided = [self._guided[row][0] for row in rows]
        else:
            rows, guided = self._followed(ctx)
        self._guidance.steer(logits, rows, guided)
        return logits

    def _followed(self, ctx: Any) -> tuple[list[int], list[GuidedResponse]]:
        """Return the guided rows of a step and their responses (the newer runner)."""
        slots = ctx.expanded_idx_mapping.tolist()
        ends = (ctx.pos + 1).tolist()
        rows, guided = [], []
        for row, (slot, end) in enumerate(zip(slots, ends, strict=True)):
            if slot in self._guided:
                response, _ = self._guided[slot]
                start = int(self._runner.prompt_len.np[slot])
                tokens = self._runner.all_token_ids.gpu[slot, start:end]
                response.follow(tokens.tolist())
                rows.append(row)
                guided.append(response)
        return rows, guided

    def _add(self, place: int, params: Any, tokens: list[int]) -> bool:
        self._guided.pop(place, None)
        strength, documents = _request(params, self._settings.strengths[0])
        if not strength and self._settings.mode is None:
            return False
        stop = [params.stop] if isinstance(params.stop, str) else params.stop or []
        try:
            response = self._guidance.response(
                documents, strength, most_tokens=params.max_tokens, stop=stop
            )
        except QuotetuneError as error:  # the engine and its other requests go on
            if self._settings.mode is None:
                _log.error("a request is not guided: %s", error)
                return False
            _log.error("a request is not answered: %s", error)
            response = self._guidance.no_response()
        self._guided[place] = (response, tokens)
        return True


def _operator_settings(additional_config: Any) -> tuple[str, GuideConfig]:
    """Return the index and the settings that the operator has given."""
    given = additional_config.get(ENGINE_KEY, {}) if isinstance(additional_config, dict) else {}
    index = given.get("index") or os.environ.get(INDEX_VARIABLE)
    if not index:
        raise UsageError(
            f"no index to guide towards: set {INDEX_VARIABLE}, or {ENGINE_KEY}.index in the"
            " engine's additional_config"
        )
    settings = {key: value for key, value in given.items() if key != "index"}
    if "strength" not in settings and STRENGTH_VARIABLE in os.environ:
        settings["strength"] = os.environ[STRENGTH_VARIABLE]
    try:
        return str(index), GuideConfig.model_validate(settings)
    except ValidationError as error:
        reason = "; ".join(map(str, schema_problems(error, GuideConfig)))
        raise UsageError(f"the settings of the guide are not valid ({reason}): correct them") from (
            error
        )


def _request(params: Any, strength: float) -> tuple[float, Any]:
    """Return the strength and the documents of a request."""
    given = params.extra_args or {}
    value = given.get(STRENGTH, strength)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(f"{STRENGTH} is {value!r}: give a number")
    if not math.isfinite(value) or value < 0:
        raise UsageError(f"{STRENGTH} is {value}: give a number that is not negative")
    return float(value), documents_of(given.get(DOCUMENTS))
