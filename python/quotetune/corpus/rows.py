"""Turn documents that Python reads into the rows that the core takes.

The Rust core reads JSONL and text files itself, and treats keys as described here.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from quotetune.corpus.inputs import ENDINGS
from quotetune.corpus.results import Document
from quotetune.errors import QuotetuneError, UsageError
from quotetune.runtime.jsonl import is_unicode

# Source, id, text, metadata as JSON, place in the input.
Row: TypeAlias = tuple[str, str, str, str, int]
InvalidText: TypeAlias = Literal["strict", "replace", "skip"]

ITERABLE = "documents"
# Fields of the id and the source that are read if a record has them.
USUAL_ID, USUAL_SOURCE = "id", "source"


@dataclass(frozen=True)
class Keys:
    """The fields of a record that make a document.

    Attributes:
        text: Field of the text.
        id: Field of the id, a string or an integer, which every record must have. If None, the id
            is the field `id` if a record has it, otherwise the record's place.
        source: Source of all documents, instead of `source_key`.
        source_key: Field of the source, which every record must have. If None, the source is the
            field `source` if a record has it, otherwise the name of the input.
        metadata: Fields of the metadata; those that a record lacks are left out.
        errors: Treatment of a text that is not valid Unicode: `strict` raises an error, `replace`
            puts U+FFFD in place of the invalid part, `skip` leaves the document out.
    """

    text: str = "text"
    id: str | None = None
    source: str | None = None
    source_key: str | None = None
    metadata: tuple[str, ...] = ()
    errors: InvalidText = "strict"


def iterable_rows(documents: Iterable[Any], keys: Keys) -> Iterator[Row | None]:
    """Turn strings, documents and records into rows; None means a document that is skipped.

    The default source is `documents`, and the default id is the position, from 0.
    """
    for position, document in enumerate(documents):
        place = f"{ITERABLE}:{position}"
        match document:
            case str():
                _check_not_a_file(document, position)
                source = ITERABLE if keys.source is None else keys.source
                id, text = str(position), document
                metadata: dict[str, Any] = {}
            case Document(source, id, text, metadata):
                pass
            case Mapping():
                yield record_row(document, keys, ITERABLE, position, place)
                continue
            case _:
                raise UsageError(
                    f"{place}: a {type(document).__name__}: give str, Document or dict"
                )
        yield _row(source, id, text, metadata, position, keys, place)


def _check_not_a_file(text: str, position: int) -> None:
    # A str in a list is a text. A text that is the name of a corpus file is a mistake.
    if len(text) < 1000 and text.endswith((*ENDINGS, ".gz", ".zst")):
        try:
            exists = Path(text).is_file()
        except ValueError:  # a NUL character
            return
        if exists:
            raise UsageError(
                f"{ITERABLE}:{position}: {text!r} is the name of a file, but a str in a list is a "
                "text: wrap the names in pathlib.Path"
            )


def record_row(
    record: Mapping[str, Any], keys: Keys, input: str, place: int, where: str
) -> Row | None:
    """Turn a record into a row.

    Args:
        record: The record; its text may be bytes.
        keys: Its fields.
        input: Name of the input, which is the default source.
        place: Place of the record in the input, which is the default id.
        where: The input and the place, for messages.

    Returns:
        The row; None for a record that is skipped.

    Raises:
        QuotetuneError: The record is malformed.
    """
    if keys.text not in record:
        raise QuotetuneError(
            f"{where}: no key {keys.text!r}: name the key of the text with text_key"
        )
    text = record[keys.text]
    if isinstance(text, bytes):
        try:
            text = text.decode(errors="replace" if keys.errors == "replace" else "strict")
        except UnicodeDecodeError as error:
            if keys.errors == "skip":
                return None
            raise QuotetuneError(
                f"{where}: invalid UTF-8 after byte {error.start} of the text: fix it, or set "
                "errors to replace or skip"
            ) from error
    source = keys.source
    if source is None:
        named = _name(record, keys.source_key, USUAL_SOURCE, where)
        source = input if named is None else named
    id = _name(record, keys.id, USUAL_ID, where)
    metadata = {key: record[key] for key in keys.metadata if key in record}
    return _row(source, str(place) if id is None else id, text, metadata, place, keys, where)


def _name(record: Mapping[str, Any], key: str | None, usual: str, where: str) -> str | None:
    """Read an id or a source: a string or an integer."""
    value = record.get(key or usual)
    match value:
        case str():
            return value
        case int() if not isinstance(value, bool):
            return str(value)
        case None if key is None:
            return None
        case None:
            raise QuotetuneError(
                f"{where}: no key {key!r}: give every record one, or name another key"
            )
    raise QuotetuneError(
        f"{where}: {key or usual!r} is a {type(value).__name__}, not a string or an integer: "
        "name another key"
    )


def _row(
    source: Any, id: Any, text: Any, metadata: Any, place: int, keys: Keys, where: str
) -> Row | None:
    for what, value in (("text", text), ("source", source), ("id", id)):
        if not isinstance(value, str):
            raise QuotetuneError(
                f"{where}: the {what} is a {type(value).__name__}, not a str: fix the document"
            )
    if not is_unicode(text):
        if keys.errors == "skip":
            return None
        if keys.errors == "strict":
            raise QuotetuneError(
                f"{where}: the text contains a lone surrogate, which UTF-8 cannot encode: fix it, "
                "or set errors to replace or skip"
            )
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    try:
        blob = (
            json.dumps(metadata, ensure_ascii=False, allow_nan=False, default=str)
            if metadata
            else "{}"
        )
    except (TypeError, ValueError) as error:
        raise QuotetuneError(f"{where}: the metadata is not JSON ({error}): fix it") from error
    if not (is_unicode(source) and is_unicode(id) and is_unicode(blob)):
        raise QuotetuneError(
            f"{where}: the source, the id or the metadata contains a lone surrogate: fix the "
            "document"
        )
    return source, id, text, blob, place
