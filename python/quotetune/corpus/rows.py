"""Turn documents that Python reads into the rows that the core takes.

The Rust core reads JSONL and text files itself, and treats keys as described here.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from quotetune.corpus.fields import as_name, field_of, has_field, json_kind, metadata_json
from quotetune.corpus.formats import format_of_name
from quotetune.corpus.results import Document
from quotetune.errors import QuotetuneError, UsageError
from quotetune.runtime.jsonl import is_unicode

# Source, id, text, metadata as JSON, place in the input.
Row: TypeAlias = tuple[str, str, str, str, int]
BadRecords: TypeAlias = Literal["strict", "replace", "skip"]

ITERABLE = "documents"
# Fields of the id and the source that are read if a record has them.
USUAL_ID, USUAL_SOURCE = "id", "source"
# The id_key that lets no field be the id.
NO_ID_KEY = "none"
_SKIP = "or leave it out with --errors skip (in Python errors)"


class BadRecordError(QuotetuneError):
    """A record that is no document.

    Attributes:
        reason: What is wrong, in the same words for all records of which it is true.
        place: The input and the place of the record in it.
        remedy: What to do.
    """

    def __init__(self, place: str, reason: str, remedy: str) -> None:
        super().__init__(f"{place}: {reason}: {remedy}")
        self.place = place
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True)
class Keys:
    """The fields of a record that make a document.

    A key such as `meta.url` reaches into objects (see `quotetune.corpus.fields.field_of`).

    Attributes:
        text: Field of the text.
        id: Field of the id, a string or an integer, which every record must have. If None, the id
            is the field `id` if a record has it, otherwise the record's place.
        source: Source of all documents, instead of `source_key`.
        source_key: Field of the source, which every record must have. If None, the source is the
            field `source` if a record has it, otherwise the name of the input.
        metadata: Fields of the metadata; those that a record lacks are left out.
        errors: Treatment of bad records: `strict` raises an error, `replace` puts U+FFFD in place
            of what is not valid Unicode and else does the same, `skip` leaves the record out.
        numbered: Whether the id is the record's place, even if it has a field `id`.
    """

    text: str = "text"
    id: str | None = None
    source: str | None = None
    source_key: str | None = None
    metadata: tuple[str, ...] = ()
    errors: BadRecords = "strict"
    numbered: bool = False

    @property
    def required(self) -> tuple[str, ...]:
        """The fields that every record must have."""
        return tuple(key for key in (self.text, self.id, self.source_key) if key is not None)


@dataclass(frozen=True)
class Origin:
    """The input of a record, and its place there.

    Attributes:
        place: Number of the record.
        where: The input and the number, for messages.
        source: Default source.
        id_prefix: Text before the number in the default id.
    """

    place: int
    where: str
    source: str = ITERABLE
    id_prefix: str = ""

    @property
    def id(self) -> str:
        """The default id."""
        return f"{self.id_prefix}{self.place}"


def iterable_rows(documents: Iterable[Any], keys: Keys) -> Iterator[Row | BadRecordError]:
    """Turn strings, documents and records into rows, or into errors of records to be skipped.

    The default source is `documents`, and the default id is the position, from 0.
    """
    for position, document in enumerate(documents):
        origin = Origin(position, f"{ITERABLE}:{position}")
        if not isinstance(document, str | Document | Mapping):
            raise UsageError(
                f"{origin.where}: a {type(document).__name__}: give str, Document or dict"
            )
        if isinstance(document, str):
            _check_not_a_file(document, position)
        try:
            yield _document_row(document, keys, origin)
        except BadRecordError as error:
            if keys.errors != "skip":
                raise
            yield error


def _document_row(document: str | Document | Mapping[str, Any], keys: Keys, origin: Origin) -> Row:
    match document:
        case str():
            source = ITERABLE if keys.source is None else keys.source
            return _row(source, origin.id, document, {}, keys, origin)
        case Document(source, id, text, metadata):
            return _row(source, id, text, metadata, keys, origin)
    return record_row(document, keys, origin)


def _check_not_a_file(text: str, position: int) -> None:
    # A str in a list is a text. A text that is the name of a corpus file is a mistake.
    if len(text) < 1000 and format_of_name(text) is not None:
        try:
            exists = Path(text).is_file()
        except ValueError:  # a NUL character
            return
        if exists:
            raise UsageError(
                f"{ITERABLE}:{position}: {text!r} is the name of a file, but a str in a list is a "
                "text: wrap the names in pathlib.Path"
            )


def record_row(record: Mapping[str, Any], keys: Keys, origin: Origin) -> Row:
    """Turn a record into a row.

    Args:
        record: The record; its text may be bytes.
        keys: Its fields.
        origin: Where it is from.

    Returns:
        The row.

    Raises:
        BadRecordError: The record is malformed.
    """
    name = json.dumps(keys.text)
    if not has_field(record, keys.text):
        remedy = f"name the key of the text with --text-key (in Python text_key), {_SKIP}"
        raise BadRecordError(origin.where, f"no key {name}", remedy)
    text = field_of(record, keys.text)
    if isinstance(text, bytes):
        try:
            text = text.decode(errors="replace" if keys.errors == "replace" else "strict")
        except UnicodeDecodeError as error:
            remedy = f"fix byte {error.start} of the text, or choose --errors replace or skip"
            raise BadRecordError(origin.where, "invalid UTF-8", remedy) from error
    if not isinstance(text, str):
        reason = f"{name} is {json_kind(text)}, not a string"
        remedy = f"fix the record, name another key with --text-key (in Python text_key), {_SKIP}"
        raise BadRecordError(origin.where, reason, remedy)
    source = keys.source
    if source is None:
        named = _name(record, keys.source_key, USUAL_SOURCE, origin)
        source = origin.source if named is None else named
    id = None if keys.numbered else _name(record, keys.id, USUAL_ID, origin)
    metadata = {key: field_of(record, key) for key in keys.metadata if has_field(record, key)}
    return _row(source, origin.id if id is None else id, text, metadata, keys, origin)


def _name(record: Mapping[str, Any], key: str | None, usual: str, origin: Origin) -> str | None:
    """Read an id or a source: a string or an integer."""
    value = field_of(record, key or usual)
    name = json.dumps(key or usual)
    if value is None:
        if key is None:
            return None
        reason = (
            f"{name} is null, not a string or an integer"
            if has_field(record, key)
            else f"no key {name}"
        )
        option = "--id-key (in Python id_key)" if usual == USUAL_ID else "--source-key (source_key)"
        remedy = f"give every record one, name another key with {option}, {_SKIP}"
        raise BadRecordError(origin.where, reason, remedy)
    found = as_name(value)
    if found is None:
        reason = f"{name} is {json_kind(value)}, not a string or an integer"
        raise BadRecordError(origin.where, reason, f"name another key, {_SKIP}")
    return found


def _row(source: Any, id: Any, text: Any, metadata: Any, keys: Keys, origin: Origin) -> Row:
    for what, value in (("text", text), ("source", source), ("id", id)):
        if not isinstance(value, str):
            reason = f"the {what} is {json_kind(value)}, not a string"
            raise BadRecordError(origin.where, reason, f"fix the document, {_SKIP}")
    if not is_unicode(text):
        if keys.errors != "replace":
            reason = "the text contains a lone surrogate, which UTF-8 cannot encode"
            remedy = "fix it, or choose --errors replace or skip (in Python errors)"
            raise BadRecordError(origin.where, reason, remedy)
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    try:
        blob = metadata_json(metadata)
    except (TypeError, ValueError, RecursionError) as error:
        remedy = f"fix it ({error}), {_SKIP}"
        raise BadRecordError(origin.where, "the metadata is not JSON", remedy) from error
    if not (is_unicode(source) and is_unicode(id) and is_unicode(blob)):
        reason = "the source, the id or the metadata contains a lone surrogate"
        raise BadRecordError(origin.where, reason, f"fix the document, {_SKIP}")
    return source, id, text, blob, origin.place
