"""Warnings of a build whose parts are wanted, to add up those of the shards of one corpus."""

from quotetune.errors import QuotetuneWarning
from quotetune.runtime.plural import counted


class SkippedRecords(QuotetuneWarning):
    """Records that were left out for one reason.

    Attributes:
        reason: What is wrong with them.
        count: How many there are.
        place: Where the first one is.

    Example:
        >>> print(SkippedRecords("invalid UTF-8", 2, "corpus.jsonl:7"))
        2 records skipped: invalid UTF-8 (the first is corpus.jsonl:7)
    """

    def __init__(self, reason: str, count: int, place: str) -> None:
        super().__init__(reason, count, place)
        self.reason, self.count, self.place = reason, count, place

    def __str__(self) -> str:
        return f"{counted(self.count, 'record')} skipped: {self.reason} (the first is {self.place})"


class UnseenKeys(QuotetuneWarning):
    """Metadata keys that no document has.

    Attributes:
        keys: The keys, of which there is at least one.

    Example:
        >>> print(str(UnseenKeys(["titel"])).partition(":")[0])
        no document has the metadata key 'titel'
    """

    remedy = "name fields of the records with --meta-keys (meta_keys), or leave it out"

    def __init__(self, keys: list[str]) -> None:
        super().__init__(keys)
        self.keys = keys

    def __str__(self) -> str:
        noun = "key" if len(self.keys) == 1 else "keys"
        names = ", ".join(map(repr, self.keys))
        return f"no document has the metadata {noun} {names}: {self.remedy}"

    def as_error(self) -> str:
        """Return the message where these are all keys that were asked for."""
        any_of = "the metadata key" if len(self.keys) == 1 else "any of the metadata keys"
        names = ", ".join(map(repr, self.keys))
        return f"no document has {any_of} {names}: {self.remedy}"
