"""What pydantic asks of a value, in the words of a user of YAML."""

from collections.abc import Mapping
from typing import Any

_KINDS = {
    "bool": "true or false",
    "int": "a whole number",
    "int_from_float": "a whole number",
    "float": "a number",
    "finite_number": "a finite number",
    "string": "a text",
    "path": "a path",
    "list": "a list",
    "tuple": "a list",
    "dict": "a mapping of keys to values",
    "model": "a mapping of keys to values",
    "dataclass": "a mapping of keys to values",
    "none_required": "null",
}
_PHRASES = {
    "greater_than": "above {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "below {lt}",
    "less_than_equal": "{le} or less",
    "multiple_of": "a multiple of {multiple_of}",
    "literal_error": "{expected}",
    "enum": "{expected}",
}


def wanted(detail: Mapping[str, Any]) -> str:
    """Return what a value should be, by one of pydantic's errors.

    Args:
        detail: An element of `ValidationError.errors()`.

    Example:
        >>> wanted({"type": "int_parsing", "msg": "Input should be a valid integer, unable to ..."})
        'a whole number'
        >>> wanted({"type": "less_than", "ctx": {"lt": 1.0}})
        'below 1'
    """
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _PHRASES:
        plain = {
            name: int(value) if isinstance(value, float) and value.is_integer() else value
            for name, value in context.items()
        }
        return _PHRASES[kind].format(**plain)
    if kind == "string_too_short":
        return "a text that is not empty"
    if kind == "too_short":
        return f"a list of {context['min_length']} or more"
    if kind == "too_long":
        return f"a list of {context['max_length']} or fewer"
    named = kind.removesuffix("_parsing").removesuffix("_type")
    if named in _KINDS:
        return _KINDS[named]
    return str(detail["msg"]).removeprefix("Input should be ").removeprefix("Value should be ")
