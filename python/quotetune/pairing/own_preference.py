"""The user's own preferences, `module:function`: import them, call them, make them symmetric."""

import importlib
import importlib.util
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from quotetune.errors import QuotetuneError, UsageError, reason_of
from quotetune.pairing.candidates import Candidate
from quotetune.pairing.preference import Matrix, symmetric
from quotetune.prompts.prompt import Prompt

Prefer = Callable[[Prompt, str, str], float]


def load_preference(name: str, function: str) -> Prefer:
    """Import a function.

    The current directory is searched first, as by `python -m`.

    Args:
        name: Key below `preference.callables`, for messages.
        function: `module:function`.

    Returns:
        The function.

    Raises:
        UsageError: It cannot be imported, or is not a function.
    """
    module_name, _, path = function.partition(":")
    _search_here()
    key = f"preference.callables.{name}.function"
    try:
        found: Any = importlib.import_module(module_name)
        for attribute in path.split("."):
            found = getattr(found, attribute)
    # The user's module may raise anything, and a script may exit.
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {reason_of(error)}"
        raise UsageError(f"{key}: {function} cannot be imported ({reason}): correct it") from error
    if not callable(found):
        raise UsageError(f"{key}: {function} is of type {type(found).__name__}: name a function")
    prefer: Prefer = found
    return prefer


def source_file(function: str) -> Path | None:
    """Return the file of a function's module, so that a stage notices a change; None if unknown."""
    _search_here()
    try:
        spec = importlib.util.find_spec(function.partition(":")[0])
    except (ImportError, ValueError):  # `load_preference` reports it
        return None
    return None if spec is None or spec.origin is None else Path(spec.origin)


def _search_here() -> None:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)


def preference_matrix(
    name: str, prefer: Prefer, prompt: Prompt, candidates: Sequence[Candidate]
) -> Matrix:
    """Compare a prompt's candidates by the user's function.

    Args:
        name: Key below `preference.callables`, for messages.
        prefer: The function.
        prompt: The prompt.
        candidates: The candidates.

    Returns:
        P(i > j), made symmetric: (f(i, j) + 1 - f(j, i)) / 2. It is 1/2 for equal texts, for which
        the function is not called.

    Raises:
        QuotetuneError: The function failed, or did not return a probability.
    """
    texts = [candidate.text for candidate in candidates]

    def compare(i: int, j: int) -> float:
        if texts[i] == texts[j]:
            return 0.5
        place = f"preference.callables.{name}: the function"
        try:
            value = float(prefer(prompt, texts[i], texts[j]))
        except Exception as error:
            reason = f"{type(error).__name__}: {reason_of(error)}"
            raise QuotetuneError(
                f"{place} failed for prompt {prompt.id} ({reason}): correct it"
            ) from error
        if not (math.isfinite(value) and 0 <= value <= 1):
            raise QuotetuneError(
                f"{place} returned {value} for prompt {prompt.id}: return a probability from 0 to 1"
            )
        return value

    return symmetric(compare, len(texts))
