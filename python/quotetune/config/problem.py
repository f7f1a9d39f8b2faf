"""A problem of a config, and the message that lists all of them."""

import difflib
from collections.abc import Collection, Sequence
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


def in_round(key: str, number: int) -> str:
    """Return the key by which messages name a round's element of a list.

    Example:
        >>> in_round("dpo", 2)
        'dpo.round-2'
    """
    return f"{key}.round-{number}"


def unknown(what: str, name: object, known: Collection[str]) -> str:
    """Return the problem of a key that does not exist, and its remedy.

    Example:
        >>> unknown("trl.DPOConfig", "max_lenght", ["max_length", "beta"])
        'trl.DPOConfig has no such key: did you mean max_length?'
        >>> unknown("trl.DPOConfig", "rounds", ["max_length", "beta"])
        'trl.DPOConfig has no such key: remove it'
    """
    return f"{what} has no such key: {near(str(name), known) or 'remove it'}"


def near(name: str, known: Collection[str]) -> str:
    """Return `did you mean NAME?` for the nearest name; empty if none is near.

    Example:
        >>> near("max_lenght", ["max_length", "beta"])
        'did you mean max_length?'
    """
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else ""
