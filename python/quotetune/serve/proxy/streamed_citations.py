"""The citations of an answer that is streamed: what its choices say so far, and what is settled."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from quotetune.corpus.index import Index
from quotetune.corpus.results import Quote
from quotetune.rendering.growing_response import OpenTail, settle
from quotetune.serve.answers import check_named, need_suffix_index
from quotetune.serve.proxy.citation_entries import citation_entries
from quotetune.serve.proxy.citing import Citing, cited_content, problem_of_error, surrogate_problem
from quotetune.serve.proxy.footnote_lists import closing_list
from quotetune.serve.proxy.json_text import Json, objects
from quotetune.serve.requests import DOCUMENTS

SECONDS_BETWEEN_TRACES = 0.05


@dataclass
class _Choice:
    """What one choice says so far, and whether its client knows of a problem or of none."""

    pieces: list[str] = field(default_factory=list)
    tail: OpenTail = field(default_factory=OpenTail)
    quotes: list[Quote] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    is_new: bool = False
    is_told: bool = False
    has_ended: bool = False

    def text(self) -> str:
        self.pieces[:] = ["".join(self.pieces)]
        return self.pieces[0]


@dataclass(frozen=True)
class Addition:
    """What is added to the delta of a choice.

    Attributes:
        index: The number of the choice.
        delta: The keys to add.
    """

    index: int
    delta: Json


class StreamedCitations:
    """The citations of one streamed answer.

    Only one call of `settled` may be in progress.

    Args:
        citing: How the answer is cited.

    Attributes:
        characters: Characters of all choices so far.
    """

    def __init__(self, citing: Citing) -> None:
        self._citing = citing
        self._choices: dict[int, _Choice] = {}
        self._index: Index | None = None
        self._named = 0
        self._problem: str | None = None
        self._next_trace = 0.0
        self.characters = 0

    def __len__(self) -> int:
        return len(self._choices)

    def add(self, chunk: Json) -> list[int]:
        """Take the next chunk of the answer.

        Args:
            chunk: The chunk. What it has besides text does not matter.

        Returns:
            The choices that end with it.
        """
        ended = []
        for entry in objects(chunk.get("choices")):
            number, delta = entry.get("index"), entry.get("delta")
            if type(number) is not int:
                continue
            content = delta.get("content") if isinstance(delta, dict) else None
            if isinstance(content, str) and content:
                self._add_text(number, content)
            choice = self._choices.get(number)
            if entry.get("finish_reason") is not None and choice and not choice.has_ended:
                ended.append(number)
        return list(dict.fromkeys(ended))

    def open_choices(self) -> list[int]:
        """Return the choices that have a text and have not ended."""
        return [number for number, choice in self._choices.items() if not choice.has_ended]

    def due_in(self, now: float) -> float | None:
        """Return the seconds until new text is to be traced; None if there is none.

        Args:
            now: The time, in seconds.
        """
        if self._problem is not None:
            return None if all(choice.is_told for choice in self._choices.values()) else 0.0
        if not any(choice.is_new for choice in self._choices.values()):
            return None
        return max(self._next_trace - now, 0.0)

    async def settled(self, now: float, ended: Collection[int] = ()) -> list[Addition]:
        """Return what can be sent now: citations that are settled, or what prevents them.

        Args:
            now: The time, in seconds.
            ended: Choices that have ended, in which all is settled.
        """
        self._next_trace = now + SECONDS_BETWEEN_TRACES
        traced = {
            number: choice
            for number, choice in self._choices.items()
            if number in ended or (choice.is_new and not choice.has_ended)
        }
        texts = [choice.text() for choice in traced.values()]
        over = [number in ended for number in traced]
        for number, choice in traced.items():
            choice.is_new = False
            if number in ended:
                choice.has_ended = True
                choice.pieces = []
        if self._problem is None and traced:
            try:
                deltas = await self._citing.service.work.do_for_chat(
                    lambda: self._deltas(list(traced.values()), texts, over)
                )
            except Exception as error:
                self._fail(problem_of_error(error))
            else:
                for number in ended:
                    # Nothing comes after its end, whatever happens to other choices.
                    self._choices[number].is_told = True
                return [
                    Addition(n, delta) for n, delta in zip(traced, deltas, strict=True) if delta
                ]
        return list(self._problems())

    def _add_text(self, number: int, content: str) -> None:
        if number not in self._choices and len(self) > self._most():
            return  # the choices that came are too many already
        choice = self._choices.setdefault(number, _Choice())
        if choice.has_ended:
            return
        self.characters += len(content)
        if self._problem is not None:
            return
        problem = self._citing.problem_of(len(self), self.characters)
        problem = problem or surrogate_problem([content])
        if problem is not None:
            self._fail(problem)
            return
        choice.pieces.append(content)
        choice.is_new = True

    def _most(self) -> int:
        return self._citing.service.settings.limits.texts

    def _fail(self, problem: str) -> None:
        """Give up, and forget the texts."""
        self._problem = problem
        for choice in self._choices.values():
            choice.pieces = []
            choice.quotes = []
            choice.is_new = False

    def _problems(self) -> Iterator[Addition]:
        """Yield the problem for each choice that has not been told."""
        for number, choice in self._choices.items():
            if not choice.is_told and self._problem is not None:
                choice.is_told = True
                yield Addition(number, {"citations_error": self._problem})

    def _deltas(
        self, choices: Sequence[_Choice], texts: Sequence[str], over: Sequence[bool]
    ) -> list[Json]:
        """Trace the open tails of choices; this is done in a thread."""
        service, name = self._citing.service, self._citing.index
        with service.reading(f"index {name}"):
            if self._index is None:
                # One state of the index answers for all of the answer.
                self._index = service.catalog[name]
                need_suffix_index(self._index)
            index = self._index
            tails = [choice.tail for choice in choices]
            results = settle(texts, tails, over, index, DOCUMENTS)
            return [
                self._delta(index, *one) for one in zip(choices, texts, over, results, strict=True)
            ]

    def _delta(
        self,
        index: Index,
        choice: _Choice,
        text: str,
        is_over: bool,
        settled: tuple[list[Quote], OpenTail],
    ) -> Json:
        quotes, choice.tail = settled
        self._named = check_named(quotes, self._named)
        delta: Json = {}
        if quotes:
            delta["citations"] = citation_entries(quotes, index, choice.numbers)
        if self._citing.footnotes:
            choice.quotes += quotes
            if is_over and choice.quotes:
                delta["content"] = closing_list(cited_content(text, choice.quotes, index))
        return delta
