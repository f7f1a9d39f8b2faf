"""A text on the terminal, with its quotes in colour and the documents that contain them."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from quotetune.corpus.results import QuipReport, Quote
from quotetune.rendering.wording import document_name, times

_COLOURS = ("green", "cyan", "magenta", "yellow", "blue")
_SHOWN_DOCUMENTS = 3


def show_report(console: Console, text: str, report: QuipReport) -> None:
    """Print a text with its quotes and its score."""
    if report.quotes is None:
        shown = Text(text)
        for start, end in report.covered:
            shown.stylize("bold green", start, end)
        console.print(shown)
    else:
        show_quotes(console, text, report.quotes)
    score = "too short" if report.quip_25_beta is None else f"{report.quip_25_beta:.1%}"
    console.print(Text(f"QUIP {score} ({report.numerator} of {report.denominator})", "bold"))


def show_quotes(console: Console, text: str, quotes: Sequence[Quote]) -> None:
    """Print a text with its quotes in colour, then one line per quote."""
    shown = Text(text)
    # Where quotes overlap, the text has the colour of the later one; both are underlined.
    for number, quote in enumerate(quotes):
        shown.stylize(f"underline {_colour(number)}", quote.start, quote.end)
    console.print(shown)
    for number, quote in enumerate(quotes):
        console.print(_source_line(number, quote))


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]


def _source_line(number: int, quote: Quote) -> Text:
    names = [document_name(document) for document in quote.documents[:_SHOWN_DOCUMENTS]]
    line = Text(f"  [{number + 1}] ", _colour(number))
    line.append(f"{len(quote.text)} characters, {times(quote.count)}: ", "default")
    line.append("; ".join(names), "bold default")
    if len(quote.documents) > _SHOWN_DOCUMENTS:
        line.append("; ...", "default")
    return line
