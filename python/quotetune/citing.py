"""The names that pickles and scripts take from here are now in `quotetune.rendering.footnotes`."""

from quotetune.rendering.footnotes import Citation, CitedResponse, cite

__all__ = ["Citation", "CitedResponse", "cite"]
