"""The fields of a record: how they are named, found and written."""

import json
import math
import numbers
from collections.abc import Iterator, Mapping
from decimal import MAX_PREC, Context, Decimal
from typing import Any

_MISSING = object()


def has_field(record: Mapping[str, Any], key: str) -> bool:
    """Return whether a record has a field (see `field_of`).

    Example:
        >>> has_field({"meta": {"url": None}}, "meta.url"), has_field({"meta": 1}, "meta.url")
        (True, False)
    """
    return _find(record, key) is not _MISSING


def field_of(record: Mapping[str, Any], key: str) -> Any:
    """Return a field of a record, None if it is missing.

    `meta.url` names the field `url` of the object `meta`, unless the record has a field of just
    that name.

    Example:
        >>> field_of({"meta": {"url": "a"}}, "meta.url")
        'a'
        >>> field_of({"meta": {"url": "a"}, "meta.url": "b"}, "meta.url")
        'b'
    """
    found = _find(record, key)
    return None if found is _MISSING else found


def splits(key: str) -> Iterator[tuple[str, str | None]]:
    """Yield the names that the path of a key may start with, and the rest of the key after each.

    A name may contain a dot itself. The field is where the first of them leads to one: the whole
    key, whose rest is None, or else the shortest name.

    Example:
        >>> list(splits("a.b.c"))
        [('a.b.c', None), ('a', 'b.c'), ('a.b', 'c')]
    """
    yield key, None
    place = key.find(".")
    while place != -1:
        yield key[:place], key[place + 1 :]
        place = key.find(".", place + 1)


def _find(record: Any, key: str) -> Any:
    if not isinstance(record, Mapping):
        return _MISSING
    for name, rest in splits(key):
        if name in record:
            found = record[name] if rest is None else _find(record[name], rest)
            if found is not _MISSING:
                return found
    return _MISSING


def as_name(value: Any) -> str | None:
    """Return an id or a source as a string; None if it is neither a string nor an integer.

    Example:
        >>> as_name("x"), as_name(2**70), as_name(True), as_name(1.5)
        ('x', '1180591620717411303424', None, None)
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return None
    if isinstance(value, numbers.Integral):
        return _digits(Decimal(int(value)))
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        return _digits(value)
    return None


def _digits(value: Decimal) -> str:
    # `str` of an int refuses more than 4,300 digits.
    return format(value.quantize(Decimal(1), context=Context(prec=MAX_PREC)), "f")


def metadata_json(metadata: Mapping[str, Any]) -> str:
    """Write metadata as JSON; a number that JSON cannot express is null.

    Raises:
        ValueError: The metadata contains itself.

    Example:
        >>> metadata_json({"score": float("nan"), "title": "Ice"})
        '{"score": null, "title": "Ice"}'
    """
    if not metadata:
        return "{}"
    try:
        return json.dumps(metadata, ensure_ascii=False, allow_nan=False, default=str)
    except ValueError:  # NaN or an infinity, perhaps
        return json.dumps(finite(metadata), ensure_ascii=False, allow_nan=False, default=str)


def finite(value: Any) -> Any:
    """Return a JSON value with null for NaN and the infinities, which JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def json_kind(value: Any) -> str:
    """Name the kind of a value, as messages about JSON do.

    Example:
        >>> json_kind(None), json_kind([1]), json_kind(b"")
        ('null', 'a list', 'a bytes')
    """
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list() | tuple():
            return "a list"
        case Mapping():
            return "an object"
    return f"a {type(value).__name__}"
