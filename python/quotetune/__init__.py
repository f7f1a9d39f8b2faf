"""Make a language model quote its sources verbatim, and find what a text quotes from a corpus."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from quotetune.errors import (
    QuotetuneError,
    QuotetuneWarning,
    UnknownDocumentError,
    UsageError,
)

if sys.platform == "win32":
    raise ImportError("quotetune supports Linux and macOS; on Windows, use it in WSL")

if TYPE_CHECKING:
    from quotetune.corpus.build import build_index
    from quotetune.corpus.change import add, compact, merge, remove
    from quotetune.corpus.importing import import_bloom
    from quotetune.corpus.index import Index
    from quotetune.corpus.results import Document, QuipReport, Quote, QuoteSource
    from quotetune.corpus.shortcuts import quip_score, trace
    from quotetune.integrations.rewards import QuipReward, QuipScorer
    from quotetune.rendering.footnotes import Citation, CitedResponse, cite

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
    "UnknownDocumentError",
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

# The modules of names that are imported on first use: the command line starts without numpy.
_MODULES = {
    "Citation": "rendering.footnotes",
    "CitedResponse": "rendering.footnotes",
    "Document": "corpus.results",
    "Index": "corpus.index",
    "QuipReport": "corpus.results",
    "QuipReward": "integrations.rewards",
    "QuipScorer": "integrations.rewards",
    "Quote": "corpus.results",
    "QuoteSource": "corpus.results",
    "add": "corpus.change",
    "build_index": "corpus.build",
    "cite": "rendering.footnotes",
    "import_bloom": "corpus.importing",
    "compact": "corpus.change",
    "merge": "corpus.change",
    "quip_score": "corpus.shortcuts",
    "remove": "corpus.change",
    "trace": "corpus.shortcuts",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
