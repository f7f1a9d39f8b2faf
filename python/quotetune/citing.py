"""Names that pickles and scripts import from here; they are in `quotetune.rendering.footnotes`."""

from quotetune.rendering.footnotes import Citation, CitedResponse, cite

__all__ = ["Citation", "CitedResponse", "cite"]
