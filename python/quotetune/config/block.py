"""What the blocks of a config have in common."""

from pydantic import BaseModel, ConfigDict


class Block(BaseModel):
    """A block of a config: no key but those it knows, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
