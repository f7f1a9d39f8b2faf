"""The criteria: every module that lists them reads this one table.

Its readers are the config's `preference` and `pairs.constraints`, the stages that measure
candidates, and the checks before a run. `quotetune.measures.criteria` has the function that
computes each one, and docs/preferences.md has the formulas with their sources.
"""

from collections.abc import Set
from dataclasses import dataclass
from typing import Literal

from quotetune.metrics.metric import Better

Need = Literal["documents", "reference"]
Input = Literal["index", "prompts", "model"]
Source = Literal["scores", "samples"]


@dataclass(frozen=True)
class Criterion:
    """A number that ranks candidates, or that bounds what the chosen side of a pair may cost.

    Attributes:
        name: Its key in `preference` and in `pairs.constraints`, and the name of its stage.
        tau: The usual temperature: a difference that begins to matter. None if only
            `pairs.constraints` has the criterion, and `preference` does not.
        better: Which value is usually better.
        of_quotes: Whether it measures quoting, so that `pairs.direction: unquote` reverses it.
        needs: The field of a prompt without which its candidates have no value, if there is one.
        reads: What it is computed from, beside the text of the candidate.
        known_from: The files that already contain it; None if it has a stage of its own.
    """

    name: str
    tau: float | None
    better: Better = "higher"
    of_quotes: bool = False
    needs: Need | None = None
    reads: Set[Input] = frozenset()
    known_from: Source | None = None


_TABLE = (
    Criterion("quip", tau=0.1, of_quotes=True, reads={"index"}, known_from="scores"),
    Criterion(
        "on_topic_quip",
        tau=0.1,
        of_quotes=True,
        needs="documents",
        reads={"index", "prompts"},
    ),
    Criterion("long_quotes", tau=0.1, of_quotes=True, reads={"index"}),
    Criterion("rarity", tau=1.0, of_quotes=True, reads={"index"}),
    Criterion("length", tau=10.0, known_from="samples"),
    Criterion("reference_similarity", tau=0.1, needs="reference", reads={"prompts"}),
    Criterion("repetition", tau=0.1, better="lower"),
    Criterion("perplexity", tau=5.0, better="lower", reads={"prompts", "model"}),
    Criterion("bart_score", tau=None, needs="reference", reads={"prompts", "model"}),
)
CRITERIA = {criterion.name: criterion for criterion in _TABLE}
# Those that a preference can be about, in the order in which statistics list them.
OF_PREFERENCE = tuple(name for name, criterion in CRITERIA.items() if criterion.tau is not None)
