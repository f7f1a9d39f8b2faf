"""Read the boilerplate that does not count."""

from pathlib import Path

from quotetune.corpus.records import read_whole_text
from quotetune.errors import QuotetuneError, UsageError


def read_ignored(path: Path) -> list[str]:
    r"""Read a file of one text per line; blank lines do not count.

    Raises:
        UsageError: There is no such file, or it has no text.
        QuotetuneError: It cannot be read, or is not UTF-8.

    Example:
        >>> from tempfile import mkdtemp
        >>> path = Path(mkdtemp(), "boilerplate.txt")
        >>> _ = path.write_text("Which of the following\n\nChoose one:\n")
        >>> read_ignored(path)
        ['Which of the following', 'Choose one:']
    """
    try:
        content = read_whole_text(path)
    except QuotetuneError as error:
        raise type(error)(f"--ignore {error}") from error
    texts = [line.strip() for line in content.splitlines() if line.strip()]
    if not texts:
        raise UsageError(f"--ignore {path}: has no text: write one per line")
    return texts
