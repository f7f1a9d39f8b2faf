"""The keys of a config's `pairs.citations:` block."""

from pydantic import PositiveInt

from quotetune.config.block import Block


class CitationsConfig(Block):
    """Responses that end with the ids of the documents they quote, as in `... [Ice]`."""

    most: PositiveInt = 3
    """At most so many ids a response; it is the k of Hits@k, too."""
