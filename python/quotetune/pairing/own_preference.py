"""Preferences of the user's own: `module:function`, imported, called and made symmetric."""

import importlib
import importlib.util
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from quotetune.errors import QuotetuneError, UsageError
from quotetune.pairing.candidates import Candidate
from quotetune.pairing.preference import Matrix, symmetric
from quotetune.prompts.prompt import Prompt

Prefer = Callable[[Prompt, str, str], float]


def load_preference(name: str, function: str) -> Prefer:
    """Import a function.

    The current directory is searched first, as by `python -m`.

    Args:
        name: Its key below `preference.callables`, for messages.
        function: `module:function`.

    Returns:
        The function.

    Raises:
        UsageError: It cannot be imported, or is no function.
    """
    module_name, _, path = function.partition(":")
    _search_here()
    key = f"preference.callables.{name}.function"
    try:
        found: Any = importlib.import_module(module_name)
        for attribute in path.split("."):
            found = getattr(found, attribute)
    # The module is the user's: anything may happen in it, and a script may end there.
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise UsageError(f"{key}: {function} cannot be imported ({reason}): correct it") from error
    if not callable(found):
        raise UsageError(f"{key}: {function} is a {type(found).__name__}: name a function")
    prefer: Prefer = found
    return prefer


def source_file(function: str) -> Path | None:
    """Return the file of a function's module, by which a stage sees that it has changed."""
    _search_here()
    try:
        spec = importlib.util.find_spec(function.partition(":")[0])
    except (ImportError, ValueError):  # loading it says what is wrong
        return None
    return None if spec is None or spec.origin is None else Path(spec.origin)


def _search_here() -> None:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)


def preference_matrix(
    name: str, prefer: Prefer, prompt: Prompt, candidates: Sequence[Candidate]
) -> Matrix:
    """Compare a prompt's candidates by a function of the user's.

    Args:
        name: Its key below `preference.callables`, for messages.
        prefer: The function.
        prompt: The prompt.
        candidates: The candidates.

    Returns:
        P(i > j), symmetric: (f(i, j) + 1 - f(j, i)) / 2. Equal texts are even, unasked.

    Raises:
        QuotetuneError: The function failed, or gave no probability.
    """
    texts = [candidate.text for candidate in candidates]

    def compare(i: int, j: int) -> float:
        if texts[i] == texts[j]:
            return 0.5
        place = f"preference.callables.{name}: for prompt {prompt.id} the function"
        try:
            value = float(prefer(prompt, texts[i], texts[j]))
        except Exception as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise QuotetuneError(f"{place} failed with {reason}") from error
        if not (math.isfinite(value) and 0 <= value <= 1):
            raise QuotetuneError(f"{place} gave {value}: return a probability from 0 to 1")
        return value

    return symmetric(compare, len(texts))
