"""The names that pickles and scripts take from here are now in `quotetune.corpus.index`."""

from quotetune.corpus.index import Index

__all__ = ["Index"]
