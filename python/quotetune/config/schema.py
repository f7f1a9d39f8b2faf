"""Pydantic's errors about keys and values as problems with a remedy."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, TypeGuard, get_args, get_origin

from pydantic import BaseModel, ValidationError

from quotetune.config.problem import Problem, in_round, near
from quotetune.config.rounds import BY_ROUND
from quotetune.config.wording import wanted

# The parts of pydantic's locations that name no key: a mapping's key, and the member of a union.
_TAG = re.compile(
    r"\[(key|base|model|block|rounds)\]|(dict|literal|list)\[.*\]|constrained-\w+|\w+Config"
)


def schema_problems(error: ValidationError, model: type[BaseModel], key: str = "") -> list[Problem]:
    """Translate pydantic's errors.

    Args:
        error: The errors.
        model: The class that was validated.
        key: Its key in the config; empty for the whole config.

    Returns:
        One problem per error, with the full key.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for detail in error.errors():
        location = _keys_in(detail["loc"])
        name = ".".join(filter(None, [key, *map(str, location)]))
        found.setdefault(name or "config", []).append(dict(detail))
    return [Problem(name, _explain_all(details, model)) for name, details in found.items()]


def _keys_in(location: Sequence[int | str]) -> list[int | str]:
    """Return a location without the parts that pydantic and the tags of unions add."""
    keys: list[int | str] = []
    for place, part in enumerate(location):
        if place and location[place - 1] == BY_ROUND and isinstance(part, int):
            keys[-1] = in_round(str(keys[-1]), part + 1)
        elif not _TAG.fullmatch(str(part)):
            keys.append(part)
    return keys


def key_order(key: str, model: type[BaseModel]) -> tuple[int, ...]:
    """Return the place of a key among a model's keys, by which keys can be sorted.

    Args:
        key: The key, as in `pairs.delta_quip`. What is inside an open block comes after its key.
        model: The class of the whole config.

    Example:
        >>> from quotetune.config import Config
        >>> sorted(["dpo.beta", "model.path", "run"], key=lambda key: key_order(key, Config))
        ['run', 'model.path', 'dpo.beta']
    """
    places = []
    block: type[BaseModel] | None = model
    for part in key.split("."):
        if block is None or part not in block.model_fields:
            break
        places.append(list(block.model_fields).index(part))
        kinds = _kinds(block.model_fields[part].annotation)
        block = next((kind for kind in kinds if _is_block(kind)), None)
    return tuple(places)


def _explain_all(details: Sequence[dict[str, Any]], model: type[BaseModel]) -> str:
    """Explain what is wrong with one key, which may take values of several kinds."""
    texts = list(dict.fromkeys(_explain(detail, model) for detail in details))
    end = f", and is {details[0]['input']!r}"
    if not all(text.startswith("should be ") and text.endswith(end) for text in texts):
        return texts[0]
    kinds = (text.removeprefix("should be ").removesuffix(end) for text in texts)
    return f"should be {' or '.join(kinds)}{end}"


def _explain(detail: dict[str, Any], model: type[BaseModel]) -> str:
    kind, value = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        *above, key = _keys_in(detail["loc"])
        keys = _keys_of(model, above)
        hint = _elsewhere(str(key), model) or near(str(key), keys)
        return f"unknown key: {hint or 'the keys here are ' + ', '.join(keys)}"
    if kind == "missing":
        return "is required: set it"
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    return f"should be {wanted(detail)}, and is {value!r}"


def _elsewhere(key: str, model: type[BaseModel]) -> str | None:
    """Say in which other blocks a key is, the outermost ones; None if it is in none, or in many."""
    places = [place for place in _places(model) if place.rpartition(".")[2] == key]
    outermost = min((place.count(".") for place in places), default=0)
    named = [place for place in places if place.count(".") == outermost]
    return f"there is {' and '.join(named)}" if 0 < len(named) <= 3 else None


def _places(model: type[BaseModel]) -> Iterator[str]:
    """Yield all keys of a block and of those in it, as they are written with `--set`."""
    for name, field in model.model_fields.items():
        yield name
        for block in dict.fromkeys(filter(_is_block, _kinds(field.annotation))):
            yield from (f"{name}.{place}" for place in _places(block))


def _keys_of(model: type[BaseModel], above: Sequence[int | str]) -> list[str]:
    named = False  # whether the next key is a name that the user gave
    for key in above:
        if named:
            named = False
            continue
        annotation = model.model_fields[str(key)].annotation
        named = get_origin(annotation) is dict
        model = next(kind for kind in _kinds(annotation) if _is_block(kind))
    return list(model.model_fields)


def _kinds(annotation: Any) -> Iterator[Any]:
    """Yield a type and all types that it is made of."""
    yield annotation
    for part in get_args(annotation):
        yield from _kinds(part)


def _is_block(kind: Any) -> TypeGuard[type[BaseModel]]:
    """Tell whether a type is a block of keys."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)
