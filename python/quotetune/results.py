"""Names that pickles and scripts import from here; they are in `quotetune.corpus.results`."""

from quotetune.corpus.results import Document, QuipReport, Quote, QuoteSource

__all__ = ["Document", "QuipReport", "Quote", "QuoteSource"]
