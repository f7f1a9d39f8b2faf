"""Reports and quotes of the answer in a response, with their places in the response."""

from dataclasses import replace

from quotetune.corpus.results import QuipReport, Quote


def quotes_from(start: int, quotes: list[Quote]) -> list[Quote]:
    """Return quotes of an answer with their places in the response.

    Args:
        start: The answer's first character in the response.
        quotes: The quotes, with their places in the answer.

    Example:
        >>> [(quote.start, quote.end) for quote in quotes_from(5, [Quote(0, 3, "Ice", 1, [])])]
        [(5, 8)]
    """
    if not start:
        return quotes
    return [replace(one, start=one.start + start, end=one.end + start) for one in quotes]


def report_from(start: int, report: QuipReport) -> QuipReport:
    """Return the report of an answer with the places of its quotes in the response.

    Args:
        start: The answer's first character in the response.
        report: The report of the answer.
    """
    return replace(
        report,
        quotes=None if report.quotes is None else quotes_from(start, report.quotes),
        covered=[(first + start, last + start) for first, last in report.covered],
    )
