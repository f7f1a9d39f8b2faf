"""The form of Wikipedia's dumps: one article per record, with `id`, `title` and `text`."""

import re
from collections.abc import Iterator
from typing import Literal

from quotetune.errors import QuotetuneError
from quotetune.preparation.example import Example, Passage, id_of, optional_text, text_of
from quotetune.preparation.sources import Part

FORM = "wikipedia"
Prompts = Literal["titles", "starts"]
PROMPTS: tuple[Prompts, ...] = ("titles", "starts")

# A shorter article is a stub, which contains too little for a question.
MIN_TITLE_CHARS = 200
# Enough for the 32 tokens of a prompt and the 128 of its continuation (Zhang et al. 2025), at up to
# six characters per token.
MIN_START_CHARS = 1000


def wikipedia(part: Part, prompts: Prompts) -> Iterator[Example]:
    """Read articles as `wikimedia/wikipedia` and wikiextractor write them.

    Args:
        part: A file, or a split of a data set.
        prompts: What the prompts are. `titles`: the title of each article of 200 characters or
            more, with its first paragraph as the reference. `starts`: the first paragraphs of each
            article, as many as have 1,000 characters together, for `prompts.prefix_tokens`.

    Yields:
        One example per article.

    Raises:
        QuotetuneError: A record is of another form; the message names its place.
    """
    for where, record in part.records():
        text = text_of(record, "text", where, FORM)
        title = text_of(record, "title", where, FORM)
        name = id_of(record, "id", where)
        if name is None:
            raise QuotetuneError(f'{where}: no "id": give every article one')
        url = optional_text(record, "url", where, FORM)
        passage = Passage(text, title, name, {} if url is None else {"url": url})
        least = MIN_TITLE_CHARS if prompts == "titles" else MIN_START_CHARS
        if len(text.strip()) < least:
            yield Example(where, [passage], skipped=f"fewer than {least:,} characters")
        elif prompts == "titles":
            more = {"reference": start_of(text, 1), "topic": title}
            yield Example(where, [passage], title, id=name, more=more)
        else:
            start = start_of(text, MIN_START_CHARS)
            yield Example(where, [passage], start, id=name, more={"topic": title})


def start_of(text: str, least: int) -> str:
    r"""Return the first paragraphs of a text, as many as have a number of characters together.

    Args:
        text: The text. A line break ends a paragraph.
        least: Number of characters at least.

    Returns:
        The paragraphs as they are, without white space at their ends; the whole text if it is
        shorter.

    Example:
        >>> start_of("Ice floats.\n\nIt is cold.\n\nIt melts.", 12)
        'Ice floats.\n\nIt is cold.'
    """
    text = text.strip()
    for match in re.finditer(r"[\r\n]+", text):
        if match.start() >= least:
            return text[: match.start()].rstrip()
    return text
