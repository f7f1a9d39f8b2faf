"""The names that pickles and scripts take from here are now in `quotetune.corpus.results`."""

from quotetune.corpus.results import Document, QuipReport, Quote, QuoteSource

__all__ = ["Document", "QuipReport", "Quote", "QuoteSource"]
