"""A response as Markdown: its quotes in bold, and the documents that contain each."""

from collections.abc import Sequence

from quotetune.corpus.results import Quote
from quotetune.rendering.markdown import escape
from quotetune.rendering.wording import document_name


def marked_response(response: str, quotes: Sequence[Quote]) -> list[str]:
    r"""Mark the quotes of a response and name their sources.

    Args:
        response: The response.
        quotes: Its quotes, in order; they may overlap.

    Returns:
        Lines of Markdown: the response as a block quote, then one item per quote.

    Example:
        >>> from quotetune.corpus.results import QuoteSource
        >>> quote = Quote(10, 20, "a language", 1, [QuoteSource("wiki", "Rust", {}, 0)])
        >>> print(*marked_response("Rust *is* a language.", [quote]), sep="\n")
        > Rust \*is\* **a language**.
        <BLANKLINE>
        - "a language" (10 characters): wiki/Rust
    """
    pieces = []
    end = 0
    for start, stop in merged_spans(quotes):
        pieces += [escape(response[end:start]), _bold(response[start:stop])]
        end = stop
    pieces.append(escape(response[end:]))
    lines = [f"> {line}" for line in "".join(pieces).splitlines()] or ["> (empty)"]
    return [*lines, "", *map(_source_line, quotes)]


def merged_spans(quotes: Sequence[Quote]) -> list[tuple[int, int]]:
    """Return the disjoint runs of characters that quotes cover, in order.

    Example:
        >>> merged_spans([Quote(0, 4, "", 1, []), Quote(2, 6, "", 1, []), Quote(8, 9, "", 1, [])])
        [(0, 6), (8, 9)]
    """
    runs: list[tuple[int, int]] = []
    for quote in sorted(quotes, key=lambda quote: quote.start):
        if runs and quote.start <= runs[-1][1]:
            runs[-1] = (runs[-1][0], max(runs[-1][1], quote.end))
        else:
            runs.append((quote.start, quote.end))
    return runs


def _bold(text: str) -> str:
    """Put stars around the text of each line; stars next to white space would not make bold."""

    def line(part: str) -> str:
        inner = part.strip()
        return part if not inner else part.replace(inner, f"**{escape(inner)}**")

    return "\n".join(map(line, text.split("\n")))


def _source_line(quote: Quote) -> str:
    names = "; ".join(escape(document_name(source)) for source in quote.documents[:3])
    further = "; ..." if len(quote.documents) > 3 else ""
    text = escape(" ".join(quote.text.split()))
    return f'- "{text}" ({len(quote.text)} characters): {names}{further}'
