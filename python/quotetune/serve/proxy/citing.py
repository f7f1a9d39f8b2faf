"""How the answers of a chat are cited, and what is said if they cannot be."""

import sys
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from quotetune.corpus.index import Index
from quotetune.corpus.results import Quote
from quotetune.rendering.footnotes import CitedResponse, cited_response
from quotetune.runtime.jsonl import is_unicode
from quotetune.serve.refusal import Refusal
from quotetune.serve.service import Service


@dataclass(frozen=True)
class Citing:
    """How the answers of one chat are cited.

    Attributes:
        service: The service, with its indexes and threads.
        index: The name of the index.
        footnotes: Whether the text gets footnotes, too.
    """

    service: Service
    index: str
    footnotes: bool

    def problem_of(self, contents: int, characters: int) -> str | None:
        """Return what is wrong with the size of an answer: the bounds are those of `/cite`."""
        limits = self.service.settings.limits
        if contents > limits.texts:
            return f"the answer has more than {limits.texts} choices: ask for fewer"
        if characters > limits.characters:
            return f"the answer has more than {limits.characters} characters: ask for less"
        return None


def surrogate_problem(texts: Iterable[str]) -> str | None:
    """Return what is wrong with texts that are not Unicode."""
    if all(map(is_unicode, texts)):
        return None
    return "the answer contains a lone surrogate, so it is not valid Unicode"


def cited_content(content: str, quotes: Sequence[Quote], index: Index) -> CitedResponse:
    """Put the footnotes of `/cite` into the content of an answer."""
    return cited_response(content, quotes, "markdown", 1, index, specific_first=False)


def problem_of_error(error: Exception) -> str:
    """Return what a client is told of an error. No answer is lost because of its citations."""
    if isinstance(error, Refusal):
        return error.message
    traceback.print_exception(error, file=sys.stderr)
    return f"unexpected {type(error).__name__}: look into the server's log"
