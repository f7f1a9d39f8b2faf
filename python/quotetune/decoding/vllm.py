"""The guide as a logits processor of vLLM.

The operator of a server names the index, and requests cannot:

    QUOTETUNE_GUIDE_INDEX=index vllm serve MODEL --logits-processors quotetune.decoding:QuoteGuide

A request sets `quote_strength` and `quote_documents` in the `extra_args` of its `SamplingParams`,
which are `vllm_xargs` in the HTTP API.
"""

import logging
import math
import os
from collections.abc import Sequence
from typing import Any

import torch
from pydantic import ValidationError

from quotetune.config import GuideConfig
from quotetune.config.schema import schema_problems
from quotetune.decoding.guidance import Guidance, GuidedResponse, documents_of
from quotetune.decoding.vllm_requests import RequestProcessor, model_of
from quotetune.errors import QuotetuneError, UsageError
from quotetune.models.tokenizer import end_tokens, load_tokenizer

INDEX_VARIABLE = "QUOTETUNE_GUIDE_INDEX"
STRENGTH_VARIABLE = "QUOTETUNE_GUIDE_STRENGTH"
# The key of the engine's `additional_config`, which has `index` and the keys of `sampling.guide`.
ENGINE_KEY = "quotetune_guide"
STRENGTH, DOCUMENTS = "quote_strength", "quote_documents"

_log = logging.getLogger(__name__)


class QuoteGuide(RequestProcessor):
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
        super().__init__(runner)
        if vllm_config.speculative_config is not None:
            raise UsageError("the guide does not work with speculative decoding: switch it off")
        index, self._settings = _operator_settings(vllm_config.additional_config)
        model = model_of(vllm_config)
        tokenizer = load_tokenizer(model)
        self._guidance = Guidance(index, tokenizer, self._settings, end_tokens(model, tokenizer))

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

    def start(self, params: Any) -> GuidedResponse | None:
        """Start a response; None if its request is not guided."""
        strength, documents = _request(params, self._settings.strengths[0])
        if not strength and self._settings.mode is None:
            return None
        stop = [params.stop] if isinstance(params.stop, str) else params.stop or []
        try:
            return self._guidance.response(
                documents, strength, most_tokens=params.max_tokens, stop=stop
            )
        except QuotetuneError as error:  # the engine and its other requests go on
            if self._settings.mode is None:
                _log.error("a request is not guided: %s", error)
                return None
            _log.error("a request is not answered: %s", error)
            return self._guidance.no_response()

    def steer(self, logits: torch.Tensor, rows: Sequence[int], responses: Sequence[Any]) -> None:
        """Add the bonus to the logits of a step, and mask what may not come."""
        self._guidance.steer(logits, rows, responses)


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
