"""Names that pickles and scripts import from here; they are in `quotetune.corpus.index`."""

from quotetune.corpus.index import Index

__all__ = ["Index"]
