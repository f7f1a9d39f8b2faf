"""Guide decoding towards the text of a corpus.

`QuoteGuide` is a logits processor for vLLM, also in an unchanged server, and `QuoteLogitsProcessor`
is one for `generate` of transformers. Both are imported when they are first used, because vLLM and
transformers take seconds.
"""

from typing import Any

_HOMES = {"QuoteGuide": "vllm", "QuoteLogitsProcessor": "transformers"}

__all__ = ["QuoteGuide", "QuoteLogitsProcessor"]  # noqa: F822 - `__getattr__` has them


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
