"""Text from outside the corpus, which absorbing replays and drift is measured on."""

from pathlib import Path

from quotetune.errors import UsageError
from quotetune.runtime.jsonl import read_objects


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
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read ({error}): correct the path") from error
    texts = [text for text in texts if text.strip()]
    if not texts:
        raise UsageError(f"{path}: there is no text: add some, or correct the path")
    return texts


def _read(path: Path) -> list[str]:
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return [
                text or "" for text in pq.read_table(path, columns=["text"])["text"].to_pylist()
            ]
        except (pa.ArrowException, KeyError) as error:
            reason = " ".join(str(error).split())
            raise UsageError(
                f"{path}: not Parquet with a column text ({reason}): write it with that column, or"
                " correct the path"
            ) from error
    if path.suffix != ".jsonl":
        return [path.read_text(encoding="utf-8")]
    texts = []
    for where, row in read_objects(path.read_bytes().split(b"\n"), str(path), UsageError):
        if not isinstance(row.get("text"), str):
            raise UsageError(
                f"{where}: no text under the key text: add one, or rename the key to text"
            )
        texts.append(row["text"])
    return texts
