"""What a guide does to the next tokens of responses: its bonus, and the mask of its mode."""

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from quotetune.config import GuideConfig
from quotetune.corpus.guide import Guide, GuideState, Texts, Vocabulary, ends, matches
from quotetune.corpus.index import Index
from quotetune.corpus.index_or_path import IndexOrPath, opened
from quotetune.decoding.most_probable import most_probable
from quotetune.decoding.rule import Never, Nothing, Rule, mask
from quotetune.decoding.verbatim import DEFAULT_MARKS, LONGEST_QUOTE, Quoting, Verbatim
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
        end_tokens: The tokens that end a text; none takes that of the tokenizer.

    Raises:
        UsageError: The lengths do not fit the index, or a mode does not work with it.
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
        own_end = getattr(tokenizer, "eos_token_id", None)
        self._end_tokens = list(end_tokens) or ([] if own_end is None else [own_end])
        tokens = TokenBytes(tokenizer)
        self._tokens = [tokens.of(token) for token in range(len(tokenizer))]
        self._vocabulary = Vocabulary(self._tokens)
        self._texts = lru_cache(_KEPT)(self._read_texts)
        self._guide = lru_cache(2 * _KEPT)(self._make_guide)
        if settings.mode is not None and not self._end_tokens:
            raise UsageError(
                f"guide mode {settings.mode} needs a token that ends a text, and the model has"
                " none: give its tokenizer an eos_token"
            )
        self.response()

    def response(
        self,
        documents: Documents = None,
        strength: float = 0.0,
        *,
        most_tokens: int | None = None,
        stop: Sequence[str] = (),
    ) -> "GuidedResponse":
        """Start a response.

        Args:
            documents: The documents towards which it is guided; None for the whole corpus.
            strength: The strength of the guide.
            most_tokens: The largest number of its tokens; None if it is not known.
            stop: Strings that end it.

        Raises:
            QuotetuneError: The index does not have one of the documents, or stores no text.
        """
        settings = self._settings
        if settings.mode == "never":
            never = partial(Never, self._blocked, len(self._tokens))
            return GuidedResponse(None, 0.0, never, most_tokens)
        make_rule = None
        if settings.mode == "verbatim":
            make_rule = partial(Verbatim, self._quoting(documents, stop))
        guide = self._guide(documents, settings.min_chars, settings.max_chars)
        return GuidedResponse(guide.state(), strength, make_rule, most_tokens)

    def no_response(self) -> "GuidedResponse":
        """Start a response that has to end at once."""
        return GuidedResponse(None, 0.0, Nothing)

    def steer(
        self,
        logits: torch.Tensor,
        rows: Sequence[int],
        responses: Sequence["GuidedResponse"],
        known: int = 0,
    ) -> torch.Tensor | None:
        """Add the bonus to the most probable next tokens, and mask what may not come, in place.

        Args:
            logits: Logits of shape (rows, vocabulary), before any temperature.
            rows: The rows that are guided.
            responses: The response of each of them.
            known: Number of the most probable tokens that the caller wants to know.

        Returns:
            The most probable tokens of each favoured row, as many as there are candidates or
            `known`, and at most the vocabulary. The bonus, which only they get, is not negative, so
            they are the most probable ones with it, too. None if no row is favoured.
        """
        found = None
        favoured = [
            (row, one.state, one.strength)
            for row, one in zip(rows, responses, strict=True)
            if one.state is not None and one.strength
        ]
        if favoured:
            found = self._favour(logits, known, *zip(*favoured, strict=True))
        for row, response in zip(rows, responses, strict=True):
            if response.rule is not None:
                mask(
                    logits[row],
                    response.rule,
                    response.left,
                    self._settings.candidates,
                    self._end_tokens,
                )
        return found

    def _favour(
        self,
        logits: torch.Tensor,
        known: int,
        rows: Sequence[int],
        states: Sequence[GuideState],
        strengths: Sequence[float],
    ) -> torch.Tensor:
        """Add the bonus to the most probable next tokens, in place, and return these.

        For a match of m characters it is
        strength * (min(m, max_chars) - min_chars)+ / (max_chars - min_chars).

        Args:
            logits: Logits of shape (rows, vocabulary), before any temperature.
            known: As for `steer`.
            rows: The rows that are guided.
            states: The response of each of them.
            strengths: The strength of each of them.
        """
        places = torch.as_tensor(rows, device=logits.device)
        count = min(self._settings.candidates, logits.shape[-1])
        # A copy of the logits takes longer than all else here.
        guided = logits if list(rows) == list(range(len(logits))) else logits[places]
        found = most_probable(guided, min(max(count, known), logits.shape[-1]))
        tokens = found[:, :count]
        ids = tokens.cpu().numpy()
        lengths = matches(states, ids)
        if self._settings.end != "plain":
            at_document_end, at_sentence_end = ends(states)
            at_end = at_document_end if self._settings.end == "document" else at_sentence_end
            lengths = np.where(np.isin(ids, self._end_tokens), at_end[:, None], lengths)
        bonus = np.asarray(strengths, np.float32)[:, None] * self._shares(lengths)
        added = torch.from_numpy(bonus).to(logits.device, logits.dtype)
        # `+=` would first gather the logits into a copy.
        logits.index_put_((places[:, None], tokens), added, accumulate=True)
        return found

    def _shares(self, lengths: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the share of the strength that matches of these lengths get."""
        least, most = self._settings.min_chars, self._settings.max_chars
        return ((lengths.clip(least, most) - least) / (most - least)).astype(np.float32)

    @cached_property
    def _blocked(self) -> Guide:
        """The guide of the n-grams that may not come out."""
        most = max(self._index.n, 2)
        return Guide(self._index, self._vocabulary, min_chars=1, max_chars=most)

    def _quoting(self, documents: Documents, stop: Sequence[str]) -> Quoting:
        given = self._settings.marks
        return Quoting(
            guide=self._guide(documents, 1, LONGEST_QUOTE),
            tokens=self._tokens,
            marks=DEFAULT_MARKS if given is None else given,
            n=self._index.n,
            stop=stop,
            ends=self._end_tokens,
            ids=self._ids,
        )

    @cached_property
    def _ids(self) -> dict[bytes, list[int]]:
        """The tokens by their bytes."""
        ids: dict[bytes, list[int]] = {}
        for token, data in enumerate(self._tokens):
            ids.setdefault(data, []).append(token)
        return ids

    def _make_guide(self, documents: Documents, least: int, most: int) -> Guide:
        source = self._texts(documents)
        return Guide(source, self._vocabulary, min_chars=least, max_chars=most)

    def _read_texts(self, documents: Documents) -> Index | Texts:
        return self._index if documents is None else Texts.of_documents(self._index, documents)


class GuidedResponse:
    """A response that is being decoded, and how it is guided.

    Args:
        state: Its state, for the bonus; None without one.
        strength: The strength of the guide.
        make_rule: Makes the rule of what may come next; None for anything.
        most_tokens: The largest number of its tokens; None if it is not known.
    """

    def __init__(
        self,
        state: GuideState | None,
        strength: float,
        make_rule: Callable[[], Rule] | None = None,
        most_tokens: int | None = None,
    ) -> None:
        self.state = state
        self.strength = strength
        self.rule = None if make_rule is None else make_rule()
        self._make_rule = make_rule
        self._most_tokens = most_tokens
        self._count = 0
        self._last: int | None = None

    @property
    def left(self) -> int | None:
        """The number of tokens that may still come; None if it is not known."""
        return None if self._most_tokens is None else self._most_tokens - self._count

    @property
    def is_guided(self) -> bool:
        """Whether anything is favoured or masked."""
        return self.rule is not None or bool(self.strength)

    def follow(self, tokens: Sequence[int]) -> None:
        """Take the tokens of the response so far.

        They are usually one more than before. Otherwise, as after a preemption, the state is made
        again from all of them.
        """
        count = len(tokens)
        if count == self._count and (not count or tokens[-1] == self._last):
            return
        new = [tokens[-1]] if count else []
        if count != self._count + 1 or (self._count and tokens[-2] != self._last):
            self.rule = None if self._make_rule is None else self._make_rule()
            new = list(tokens)
        if self.state is not None:
            self.state.follow(list(tokens))
        if self.rule is not None:
            for token in new:
                self.rule.take(token)
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
