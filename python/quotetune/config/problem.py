"""What is wrong with a config, a key at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """One thing that keeps a config from running.

    Attributes:
        key: The key at fault, as in `pairs.delta_quip`.
        text: What is wrong, and what to do.
        to_provide: Whether the config is right, and only a file that the user is to provide or
            build is not there (yet).
    """

    key: str
    text: str
    to_provide: bool = False

    def __str__(self) -> str:
        """The problem as a line of a message."""
        return f"{self.key}: {self.text}"


def report(path: Path, problems: Sequence[Problem]) -> str:
    """Return the message that lists the problems of a config file."""
    if len(problems) == 1:
        return f"{path}: {problems[0]}"
    return "\n  ".join([f"{path}: {len(problems)} problems", *map(str, problems)])
