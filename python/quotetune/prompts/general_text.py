"""Text from outside the corpus, which absorbing replays and drift is measured on."""

from pathlib import Path

from quotetune.corpus.records import format_of, objects, read_whole_text
from quotetune.errors import QuotetuneError, UsageError


def read_general_texts(path: Path) -> list[str]:
    """Read texts from a file.

    Args:
        path: JSONL (`.jsonl`) or Parquet (`.parquet`) with a column `text`. Any other file is one
            text.

    Returns:
        The texts that are not only white space, in the order of the file.

    Raises:
        UsageError: The file cannot be read, a row has no text, or there are no texts.
    """
    try:
        texts = _read(path)
    except UsageError:
        raise
    except QuotetuneError as error:
        raise UsageError(str(error)) from error
    texts = [text for text in texts if text.strip()]
    if not texts:
        raise UsageError(f"{path}: there is no text in it: add some, or correct the path")
    return texts


def _read(path: Path) -> list[str]:
    if format_of(path) not in ("jsonl", "parquet"):
        text = read_whole_text(path)
        return [text.replace("\r\n", "\n").replace("\r", "\n")]
    texts = []
    for where, row in objects(path, UsageError):
        if not isinstance(row.get("text"), str):
            raise UsageError(
                f"{where}: there is no text under the key text: add one, or rename the key to text"
            )
        texts.append(row["text"])
    return texts
