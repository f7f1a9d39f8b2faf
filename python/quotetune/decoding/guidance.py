"""The bonus that a guide gives to the next tokens of responses."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from quotetune.config import GuideConfig
from quotetune.corpus.guide import Guide, GuideState, Texts, Vocabulary, ends, matches
from quotetune.corpus.index import Index
from quotetune.corpus.index_or_path import IndexOrPath, opened
from quotetune.errors import UsageError
from quotetune.models.token_bytes import TokenBytes

# Documents by source and id; None is the whole corpus.
Documents = tuple[tuple[str, str], ...] | None
# Guides towards single documents that are kept.
_KEPT = 1024


class Guidance:
    """A corpus towards which responses are guided.

    Args:
        index: The index of the corpus.
        tokenizer: The model's `transformers` tokenizer.
        settings: How the corpus guides. The strengths and documents are those of each response.
        end_tokens: The tokens that end a text.

    Raises:
        UsageError: The lengths do not fit the index.
        QuotetuneError: The index cannot be opened.
    """

    def __init__(
        self,
        index: IndexOrPath,
        tokenizer: Any,
        settings: GuideConfig,
        end_tokens: Sequence[int] = (),
    ) -> None:
        self._index = opened(index)
        self._settings = settings
        self._end_tokens = list(end_tokens)
        tokens = TokenBytes(tokenizer)
        self._vocabulary = Vocabulary([tokens.of(token) for token in range(len(tokenizer))])
        self._guide = lru_cache(_KEPT)(self._make_guide)
        self._guide(None)

    def state(self, documents: Documents = None) -> GuideState:
        """Start a response that is guided towards documents.

        Args:
            documents: The documents; None for the whole corpus.

        Raises:
            QuotetuneError: The index does not have one of the documents, or stores no text.
        """
        return self._guide(documents).state()

    def favour(
        self,
        logits: torch.Tensor,
        rows: Sequence[int],
        states: Sequence[GuideState],
        strengths: Sequence[float],
    ) -> None:
        """Add the bonus to the most probable next tokens, in place.

        For a match of m characters it is
        strength * (min(m, max_chars) - min_chars)+ / (max_chars - min_chars).

        Args:
            logits: Logits of shape (rows, vocabulary), before any temperature.
            rows: The rows that are guided.
            states: The response of each of them.
            strengths: The strength of each of them.
        """
        if not rows:
            return
        places = torch.as_tensor(rows, device=logits.device)
        count = min(self._settings.candidates, logits.shape[-1])
        tokens = logits[places].topk(count).indices
        ids = tokens.cpu().numpy()
        lengths = matches(states, ids)
        if self._settings.end != "plain":
            at_document_end, at_sentence_end = ends(states)
            at_end = at_document_end if self._settings.end == "document" else at_sentence_end
            lengths = np.where(np.isin(ids, self._end_tokens), at_end[:, None], lengths)
        bonus = np.asarray(strengths, np.float32)[:, None] * self._shares(lengths)
        added = torch.from_numpy(bonus).to(logits.device, logits.dtype)
        logits[places[:, None], tokens] += added

    def _shares(self, lengths: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the share of the strength that matches of these lengths get."""
        least, most = self._settings.min_chars, self._settings.max_chars
        return ((lengths.clip(least, most) - least) / (most - least)).astype(np.float32)

    def _make_guide(self, documents: Documents) -> Guide:
        source: Index | Texts = self._index
        if documents is not None:
            source = Texts.of_documents(self._index, documents)
        settings = self._settings
        return Guide(
            source, self._vocabulary, min_chars=settings.min_chars, max_chars=settings.max_chars
        )


class GuidedResponse:
    """A response that is being decoded, and how it is guided.

    Args:
        state: Its state.
        strength: The strength of the guide.
    """

    def __init__(self, state: GuideState, strength: float) -> None:
        self.state = state
        self.strength = strength
        self._count = 0
        self._last: int | None = None

    def follow(self, tokens: Sequence[int]) -> None:
        """Take the tokens of the response so far.

        They are usually one more than before. Otherwise, as after a preemption, the state is made
        again from all of them.
        """
        count = len(tokens)
        if count == self._count and (not count or tokens[-1] == self._last):
            return
        if count == self._count + 1 and (not self._count or tokens[-2] == self._last):
            self.state.advance([tokens[-1]])
        else:
            self.state.follow(list(tokens))
        self._count = count
        self._last = tokens[-1] if count else None


def documents_of(value: Any) -> Documents:
    """Read documents from a request: a list of pairs of source and id, or of their JSON texts.

    Raises:
        UsageError: It is something else.

    Example:
        >>> documents_of([["wiki", "7"], '["wiki", "8"]'])
        (('wiki', '7'), ('wiki', '8'))
    """
    import json

    if value is None:
        return None
    try:
        pairs = [json.loads(one) if isinstance(one, str) else one for one in value]
        found = [(source, id) for source, id in pairs]
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"quote_documents is {value!r}: give a list of [source, id], or of such lists as JSON"
        ) from error
    for pair in found:
        if not all(isinstance(name, str) for name in pair):
            raise UsageError(f"quote_documents has {pair!r}: give source and id as texts")
    return tuple(found)
