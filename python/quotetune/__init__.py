"""Make a language model quote its sources verbatim, and find what a text quotes from a corpus."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from quotetune.errors import QuotetuneError, QuotetuneWarning, UsageError

if TYPE_CHECKING:
    from quotetune.citing import Citation, CitedResponse, cite
    from quotetune.corpus import build_index
    from quotetune.importing import import_bloom
    from quotetune.index import Index
    from quotetune.live import add, compact, merge, remove
    from quotetune.results import Document, QuipReport, Quote, QuoteSource
    from quotetune.rewards import QuipReward, QuipScorer
    from quotetune.shortcuts import quip_score, trace

__all__ = [
    "Citation",
    "CitedResponse",
    "Document",
    "Index",
    "QuipReport",
    "QuipReward",
    "QuipScorer",
    "Quote",
    "QuoteSource",
    "QuotetuneError",
    "QuotetuneWarning",
    "UsageError",
    "add",
    "build_index",
    "cite",
    "compact",
    "import_bloom",
    "merge",
    "quip_score",
    "remove",
    "trace",
]

# Where the names are that are imported when first used: the command line starts without numpy.
_MODULES = {
    "Citation": "citing",
    "CitedResponse": "citing",
    "Document": "results",
    "Index": "index",
    "QuipReport": "results",
    "QuipReward": "rewards",
    "QuipScorer": "rewards",
    "Quote": "results",
    "QuoteSource": "results",
    "add": "live",
    "build_index": "corpus",
    "cite": "citing",
    "import_bloom": "importing",
    "compact": "live",
    "merge": "live",
    "quip_score": "shortcuts",
    "remove": "live",
    "trace": "shortcuts",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
