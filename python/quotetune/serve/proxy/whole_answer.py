"""An answer that comes as a whole: each of its messages gets its citations."""

from collections.abc import Sequence

from quotetune.corpus.index import Index
from quotetune.rendering.fewest_quotes import quotes_to_cite
from quotetune.serve.answers import check_named, need_suffix_index
from quotetune.serve.proxy.citation_entries import citation_entries
from quotetune.serve.proxy.citing import Citing, cited_content, problem_of_error, surrogate_problem
from quotetune.serve.proxy.footnote_lists import with_footnotes
from quotetune.serve.proxy.json_text import Json, read_object, written
from quotetune.serve.refusal import Refusal
from quotetune.serve.requests import DOCUMENTS


class WholeAnswer:
    """An answer of the upstream.

    Args:
        body: Its body.
        citing: How it is cited.

    Attributes:
        contents: The texts of its messages. A message that only calls tools has none.

    Raises:
        Refusal: The body is not a JSON object.
    """

    def __init__(self, body: bytes, citing: Citing) -> None:
        answer = read_object(body)
        if answer is None:
            raise Refusal(502, "the answer of the upstream is not a JSON object")
        self._body = body
        self._answer = answer
        self._citing = citing
        choices = answer.get("choices")
        self._choices = choices if isinstance(choices, list) else []
        self.contents = [text for choice in self._choices if (text := _content(choice))]

    async def with_citations(self) -> bytes:
        """Return the body with citations, or with what prevents them.

        A body without contents stays as it is, byte by byte.
        """
        if not self.contents:
            return self._body
        characters = sum(map(len, self.contents))
        problem = self._citing.problem_of(len(self.contents), characters)
        problem = problem or surrogate_problem(self.contents)
        if problem is None:
            try:
                return await self._citing.service.work.do_for_chat(self._cited)
            except Exception as error:
                problem = problem_of_error(error)
        return self._with([{"citations_error": problem}] * len(self.contents))

    def _cited(self) -> bytes:
        service, name = self._citing.service, self._citing.index
        with service.reading(f"index {name}"):
            return self._with(self._additions(service.catalog[name]))

    def _additions(self, index: Index) -> list[Json]:
        need_suffix_index(index)
        additions: list[Json] = []
        named = 0
        found = quotes_to_cite(self.contents, index, None, DOCUMENTS, all=False)
        for content, quotes in zip(self.contents, found, strict=True):
            named = check_named(quotes, named)
            addition: Json = {"citations": citation_entries(quotes, index, {})}
            if self._citing.footnotes:
                addition["content"] = with_footnotes(cited_content(content, quotes, index))
            additions.append(addition)
        return additions

    def _with(self, additions: Sequence[Json]) -> bytes:
        """Write the body with some more keys in each message that has a text."""
        following = iter(additions)
        choices = [
            {**choice, "message": {**choice["message"], **next(following)}}
            if _content(choice)
            else choice
            for choice in self._choices
        ]
        return written({**self._answer, "choices": choices})


def _content(choice: object) -> str | None:
    """Return the text of a choice, if it has one."""
    message = choice.get("message") if isinstance(choice, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    return content if isinstance(content, str) else None
