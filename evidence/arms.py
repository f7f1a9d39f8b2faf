"""The arms of the guide's evidence: what is drawn, beside what could explain its numbers."""

from dataclasses import dataclass, field
from typing import Any, Literal

STRENGTHS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)
BASE = "base"
INFINITY_GRAM = "evidence.infinity_gram:InfinityGram"

# The corpus of a guide: all of it, or without the articles that the prompts ask about.
Corpus = Literal["whole", "without own articles"]


@dataclass(frozen=True, eq=False)  # hashed by identity, because `sampling` has no hash
class Arm:
    """One way to draw responses to the held-out prompts.

    Attributes:
        name: Its name in the table; with several strengths, that of the policy.
        sampling: Changes to the config's `sampling:` block.
        tuned: Whether the tuned policy is drawn, and not the base model.
        passage: Whether the prompt contains the passage that BM25 finds for it.
        corpus: The corpus of the guide.
        weight: Weight of the corpus's own next-token counts; None for no interpolation.
    """

    name: str
    sampling: dict[str, Any] = field(default_factory=dict)
    tuned: bool = False
    passage: bool = False
    corpus: Corpus = "whole"
    weight: float | None = None

    @property
    def strengths(self) -> tuple[float, ...]:
        """The strengths, each of which is a row; empty if the arm is one row."""
        strength = (self.sampling.get("guide") or {}).get("strength")
        return tuple(strength) if isinstance(strength, list) else ()

    def row(self, strength: float) -> str:
        """Name the row of one strength."""
        return f"{self.name}, guide {strength:g}" if strength else self.name


def _guided(strength: float, **keys: Any) -> dict[str, Any]:
    return {"guide": {"strength": strength, "end": "plain", **keys}}


_SWEEP = {"guide": {"strength": list(STRENGTHS), "end": "plain"}}
_RETRIEVED = {"retrieved": 1}

ARMS = (
    Arm(BASE, _SWEEP),
    Arm("tuned", _SWEEP, tuned=True),
    Arm("temperature 0.5", {"temperature": 0.5}),
    Arm("temperature 0.3", {"temperature": 0.3}),
    Arm("temperature 0", {"temperature": 0.0, "n": 1}),
    Arm("infinity-gram, weight 0.25", weight=0.25),
    Arm("infinity-gram, weight 0.5", weight=0.5),
    Arm("guide 4, own articles removed", _guided(4), corpus="without own articles"),
    Arm("guide 4, end: document", _guided(4, end="document")),
    Arm("guide 4, end: sentence", _guided(4, end="sentence")),
    Arm("guide 4, retrieved", _guided(4, documents=_RETRIEVED)),
    Arm("guide 16, retrieved", _guided(16, documents=_RETRIEVED)),
    Arm("passage", passage=True),
    Arm("passage, guide 4, retrieved", _guided(4, documents="prompt"), passage=True),
    Arm("passage, guide 16, retrieved", _guided(16, documents="prompt"), passage=True),
    Arm("verbatim between marks", _guided(4, mode="verbatim")),
    Arm("verbatim throughout", _guided(4, mode="verbatim", marks="")),
    Arm(
        "verbatim throughout, retrieved",
        _guided(4, mode="verbatim", marks="", documents=_RETRIEVED),
    ),
    Arm("never", {"guide": {"mode": "never"}}),
)
