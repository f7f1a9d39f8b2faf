"""The guide as a logits processor of transformers."""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import LogitsProcessor

from quotetune.config import GuideConfig
from quotetune.corpus.index_or_path import IndexOrPath
from quotetune.decoding.guidance import Guidance, GuidedResponse, documents_of


class QuoteLogitsProcessor(LogitsProcessor):  # type: ignore[misc]
    """Guides `generate` towards the text of a corpus. Make one for each call of `generate`.

    Args:
        index: The index of the corpus, or its path.
        tokenizer: The model's tokenizer.
        prompt_tokens: The width of the prompts in tokens, padding included: the prompt never counts
            as part of a quote.
        settings: How the corpus guides; its first strength is taken.
        documents: Documents to guide towards, as (source, id); None for the whole corpus.
        end_tokens: The tokens that end a text; none takes that of the tokenizer.

    Raises:
        QuotetuneError: The index cannot be opened, or does not have one of the documents.

    Example:
        A random model writes what the corpus has, if the guide is strong enough.

        >>> from tempfile import mkdtemp
        >>> import torch
        >>> from quotetune import build_index
        >>> from quotetune.config import GuideConfig
        >>> class Letters:
        ...     all_special_ids = []
        ...     backend_tokenizer = None
        ...     def __len__(self):
        ...         return 4
        ...     def convert_ids_to_tokens(self, token):
        ...         return "abcd"[token]
        >>> index = build_index(["abcdabcdabcd"], mkdtemp() + "/index")
        >>> settings = GuideConfig(strength=9.0, min_chars=1, max_chars=5)
        >>> guide = QuoteLogitsProcessor(index, Letters(), 1, settings)
        >>> guide(torch.tensor([[0, 0, 1]]), torch.zeros(1, 4)).argmax().item()
        2
    """

    def __init__(
        self,
        index: IndexOrPath,
        tokenizer: Any,
        prompt_tokens: int,
        settings: GuideConfig | None = None,
        documents: Sequence[tuple[str, str]] | None = None,
        end_tokens: Sequence[int] = (),
    ) -> None:
        settings = settings or GuideConfig()
        guidance = Guidance(index, tokenizer, settings, end_tokens)
        self._start(guidance, prompt_tokens)
        self._each = (documents_of(documents), settings.strengths[0])

    @classmethod
    def of_rows(
        cls, guidance: Guidance, prompt_tokens: int, responses: Sequence[GuidedResponse]
    ) -> "QuoteLogitsProcessor":
        """Guide each row of a batch in its own way.

        Args:
            guidance: The corpus.
            prompt_tokens: The width of the prompts in tokens.
            responses: The response of each row.
        """
        made = cls.__new__(cls)
        made._start(guidance, prompt_tokens)
        made._responses = list(responses)
        return made

    def _start(self, guidance: Guidance, prompt_tokens: int) -> None:
        self._guidance = guidance
        self._prompt_tokens = prompt_tokens
        self._responses: list[GuidedResponse] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return the scores with the bonus, without what may not come."""
        if not self._responses:
            documents, strength = self._each
            self._responses = [self._guidance.response(documents, strength) for _ in input_ids]
        rows = [row for row, response in enumerate(self._responses) if response.is_guided]
        for row in rows:
            self._responses[row].follow(input_ids[row, self._prompt_tokens :].tolist())
        scores = scores.float().clone()
        self._guidance.steer(scores, rows, [self._responses[row] for row in rows])
        return scores
