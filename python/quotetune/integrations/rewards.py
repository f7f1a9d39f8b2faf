"""QUIP for other people's trainers: a reward function for TRL, and a scorer for `datasets.map`."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from quotetune.corpus.index_or_path import IndexOrPath, opened
from quotetune.corpus.limits import check_texts
from quotetune.corpus.manifest import version_name
from quotetune.errors import UsageError
from quotetune.models.reasoning import Marks
from quotetune.prompts.content import content_text

Completion: TypeAlias = str | Sequence[Mapping[str, Any]]


class QuipReward:
    """A reward function for `trl.GRPOTrainer` and `trl.RLOOTrainer`: QUIP with two guards.

    r(y) = QUIP(y) * brevity(y) * excess(y) * (1 - repetition(y)), a number from 0 to 1.

    - QUIP is the share of the response's character n-grams that occur in the corpus (Weller et al.
      2024, section 3). It is 0 for a response shorter than n.
    - brevity = min(1, exp(1 - min_chars / L)) for a response of L characters, the brevity penalty
      of BLEU (Papineni et al. 2002, section 2.3). It keeps one short quote from being an answer.
    - excess is 1 up to max_chars, and falls linearly to 0 at max_chars + buffer_chars. It is the
      ramp of DAPO's soft overlong punishment (Yu et al. 2025, equation 13), as a factor.
    - repetition = 1 - distinct n-grams / n-grams of the response. A quote that occurs ten times in
      the response counts once.

    Without guards, a policy learns to repeat one quote. The reward pickles as the path of its index
    and its settings. Responses are normalised as the corpus was.

    Args:
        index: An index, or its path.
        min_chars: Length in characters below which a response is too short; 0 for no such guard.
        max_chars: Length in characters above which a response is too long; None for no such guard.
        buffer_chars: Characters above `max_chars` at which the reward is 0.
        repetition: Whether repeated n-grams lower the reward.
        documents: Column of the dataset with each prompt's documents, as (source, id) or
            {source, id}. If given, only n-grams of these documents count (on-topic QUIP), which
            needs a suffix index. None counts the whole corpus.
        reasoning: The marks around thoughts, as in `("<think>", "</think>")`. Only what follows the
            last end mark is rewarded, and nothing in a text without one, because the chat template
            may have opened the thoughts. None rewards whole texts.

    Raises:
        UsageError: A number is negative, or the marks are not two different texts.
        QuotetuneError: The index cannot be opened.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import build_index
        >>> fox = "The quick brown fox jumps over the lazy dog."
        >>> reward = QuipReward(build_index([fox], mkdtemp() + "/index"))
        >>> reward([fox, "Nobody has ever written these words.", "short"])
        [1.0, 0.0, 0.0]
        >>> reward([[{"role": "assistant", "content": fox}]])
        [1.0]
        >>> twice = QuipReward(reward.index, min_chars=88)([fox, fox + " " + fox])
        >>> [round(value, 3) for value in twice]
        [0.368, 0.426]
    """

    reasoning: Marks | None = None  # of rewards that were pickled before there was this argument

    def __init__(
        self,
        index: IndexOrPath,
        *,
        min_chars: int = 0,
        max_chars: int | None = None,
        buffer_chars: int = 200,
        repetition: bool = True,
        documents: str | None = None,
        reasoning: tuple[str, str] | None = None,
    ) -> None:
        for name, value in (
            ("min_chars", min_chars),
            ("max_chars", max_chars or 0),
            ("buffer_chars", buffer_chars),
        ):
            if value < 0:
                raise UsageError(f"{name} is {value}: choose 0 or more")
        self.__name__ = "quip_reward"  # the name in the trainer's logs
        self.index = opened(index)
        self.min_chars = min_chars
        self.max_chars = max_chars
        self.buffer_chars = buffer_chars
        self.repetition = repetition
        self.documents = documents
        self.reasoning = None if reasoning is None else _marks(reasoning)

    def __call__(self, completions: Sequence[Completion], **columns: Any) -> list[float]:
        """Score completions.

        Args:
            completions: Texts, or lists of chat messages whose contents are joined.
            columns: The dataset's other columns, as the trainer passes them, with one value per
                completion.

        Returns:
            A reward for each completion.

        Raises:
            UsageError: The dataset lacks the column of documents.
        """
        texts = [self._answer(response_text(one)) for one in check_texts(completions)]
        windows = self.index.windows(texts)
        if self.documents is None:
            scores = [float(hits.mean()) if len(hits) else 0.0 for _, hits in windows]
        else:
            found = self.index.quip(texts, _documents(columns, self.documents))
            scores = [0.0 if math.isnan(score) else float(score) for score in found]
        return [
            score * self._length_guard(len(text)) * self._repetition_guard(normalised)
            for score, text, (normalised, _) in zip(scores, texts, windows, strict=True)
        ]

    def _answer(self, text: str) -> str:
        if self.reasoning is None:
            return text
        start = self.reasoning.answer_start(text, opened=True)
        return "" if start is None else text[start:]

    def _length_guard(self, length: int) -> float:
        if length < self.min_chars:
            return math.exp(1 - self.min_chars / length) if length else 0.0
        if self.max_chars is None or length <= self.max_chars:
            return 1.0
        excess = length - self.max_chars
        return max(0.0, 1 - excess / self.buffer_chars) if self.buffer_chars else 0.0

    def _repetition_guard(self, normalised: str) -> float:
        count = len(normalised) - self.index.n + 1
        if not self.repetition or count <= 0:
            return 1.0
        n = self.index.n
        return len({normalised[i : i + n] for i in range(count)}) / count


class QuipScorer:
    """Scores a column of a dataset: `dataset.map(QuipScorer("index"), batched=True)`.

    It adds the columns `quip` (None for a text shorter than n), `numerator`, `denominator`,
    `longest_quote` (None without a suffix index) and `covered`, the number of characters inside
    quotes. It pickles with the index's path and version, so `datasets` reuses its cache for the
    same index, and only for that one.

    Args:
        index: An index, or its path.
        column: Column of the texts, or of lists of chat messages.

    Raises:
        QuotetuneError: The index cannot be opened.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import build_index
        >>> fox = "The quick brown fox jumps over the lazy dog."
        >>> scorer = QuipScorer(build_index([fox], mkdtemp() + "/index"))
        >>> scorer({"text": [fox, "short"]})["quip"]
        [1.0, None]
    """

    def __init__(self, index: IndexOrPath, column: str = "text") -> None:
        self.index = opened(index)
        self.column = column
        self.version = version_name(self.index.members)

    def __call__(self, batch: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
        """Score a batch.

        Args:
            batch: Columns of the dataset.

        Returns:
            The new columns.

        Raises:
            UsageError: The dataset lacks the column of texts.
        """
        if self.column not in batch:
            raise UsageError(
                f"the dataset has no column {self.column!r} (it has {', '.join(batch)}): name the"
                " column of the texts"
            )
        texts = [response_text(value) for value in check_texts(batch[self.column])]
        reports = self.index.score(texts, max_documents=0)
        return {
            "quip": [report.quip_25_beta for report in reports],
            "numerator": [report.numerator for report in reports],
            "denominator": [report.denominator for report in reports],
            "longest_quote": [report.longest_quote for report in reports],
            "covered": [sum(end - start for start, end in report.covered) for report in reports],
        }


def response_text(completion: Completion) -> str:
    r"""Return the text of a completion, plain or conversational.

    Messages of other roles, and messages without a content, such as calls of tools, are left out.

    Raises:
        UsageError: A content is not text.

    Example:
        >>> response_text([{"role": "assistant", "content": "a"}, {"role": "tool", "content": "b"}])
        'a'
    """
    if isinstance(completion, str):
        return completion
    return "\n".join(
        content_text(message["content"], "a completion")
        for message in completion
        if message["role"] == "assistant" and message.get("content") is not None
    )


def _marks(reasoning: Any) -> Marks:
    remedy = 'give two different marks, as in ("<think>", "</think>")'
    pair = reasoning if isinstance(reasoning, tuple | list) else ()
    if len(pair) != 2 or not all(isinstance(mark, str) for mark in pair):
        raise UsageError(f"reasoning is {reasoning!r}, not two texts: {remedy}")
    try:
        return Marks(*pair)
    except ValueError as error:
        raise UsageError(f"reasoning: {error}: {remedy}") from error


def _documents(columns: Mapping[str, Any], name: str) -> list[list[tuple[str, str]]]:
    if name not in columns:
        raise UsageError(
            f"the dataset has no column {name!r}, which the reward takes documents from: add the"
            " column, or leave documents out"
        )
    return [[_identity(document) for document in documents or []] for documents in columns[name]]


def _identity(document: Any) -> tuple[str, str]:
    if isinstance(document, Mapping):
        return str(document["source"]), str(document["id"])
    source, id = document
    return str(source), str(id)
