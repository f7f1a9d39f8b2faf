"""A problem of a config, and the message that lists all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """A reason why a config cannot run.

    Attributes:
        key: The key at fault, as in `pairs.delta_quip`.
        text: The problem and its remedy.
        to_provide: Whether the config is right, and only a file is missing that the user has to
            provide or build.
    """

    key: str
    text: str
    to_provide: bool = False

    def __str__(self) -> str:
        """Return the problem as a line of a message."""
        return f"{self.key}: {self.text}"


def report(path: Path, problems: Sequence[Problem]) -> str:
    """Return the message that lists the problems of a config file."""
    if len(problems) == 1:
        return f"{path}: {problems[0]}"
    return "\n  ".join([f"{path}: {len(problems)} problems", *map(str, problems)])
