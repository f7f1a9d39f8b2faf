"""The keys of a config's `pairs.citations:` block."""

from typing import Any

from pydantic import PositiveInt

from quotetune.config.block import Block


class CitationsConfig(Block):
    """Responses that end with the ids of the documents they quote, as in `... [Ice]`."""

    most: PositiveInt = 3
    """At most so many ids a response; it is the k of Hits@k, too."""


def switched(value: Any) -> Any:
    """Read `true` as a block of defaults, and `false` as none.

    Example:
        >>> switched(True), switched(False), switched({"most": 1})
        ({}, None, {'most': 1})
    """
    if isinstance(value, bool):
        return {} if value else None
    return value
