"""The forms in which data sets write gold answers."""

from collections.abc import Mapping
from typing import Any


def answer_items(value: Any, key: str = "text") -> list[Any] | None:
    """Return what should be the texts of answers; the caller refuses those that are no texts.

    Args:
        value: A text, a list of texts, a list of SQuAD's objects with `text`, or one object with
            their texts under `text`, as the hub has them.
        key: The key that is read of objects; `answer_start` reads SQuAD's places instead.

    Returns:
        The items; None if there are no answers.

    Example:
        >>> answer_items({"text": ["ice", "snow"], "answer_start": [3, 9]})
        ['ice', 'snow']
        >>> answer_items([{"text": "ice", "answer_start": 3}], "answer_start")
        [3]
        >>> answer_items([{"text": "ice", "answer_start": 3}]), answer_items("ice"), answer_items(7)
        (['ice'], ['ice'], [7])
    """
    if isinstance(value, Mapping) and key in value:
        value = value[key]
    if value is None:
        return None
    items = value if isinstance(value, list) else [value]
    return [item.get(key) if isinstance(item, Mapping) else item for item in items]
