"""The table of criteria, which every module that lists them reads.

The config's `preference` and `pairs.constraints`, the stages that measure candidates, and the
checks before a run use it. `quotetune.measures.criteria` has the function of each criterion, and
docs/preferences.md has the formulas with their sources.
"""

from collections.abc import Set
from dataclasses import dataclass
from typing import Literal

from quotetune.metrics.metric import Better, Need

Input = Literal["index", "prompts", "model"]
Source = Literal["scores", "samples"]


@dataclass(frozen=True)
class Criterion:
    """A number that ranks candidates, or that bounds the cost of a pair for its chosen side.

    Attributes:
        name: Key in `preference` and in `pairs.constraints`, and name of the stage.
        tau: Usual temperature: a difference that starts to matter. None if the criterion is a key
            of `pairs.constraints` only.
        better: The value that is usually better.
        of_quotes: Whether it measures quoting, so that `pairs.direction: unquote` reverses it.
        needs: The field of a prompt without which its candidates have no value, if there is one.
        reads: The inputs of its function other than the text of the candidate.
        known_from: The files that already contain it; None if it has its own stage.
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
    Criterion("answer_recall", tau=0.1, needs="answers", reads={"prompts"}),
    Criterion("repetition", tau=0.1, better="lower"),
    Criterion("perplexity", tau=5.0, better="lower", reads={"prompts", "model"}),
    Criterion("answerability", tau=0.5, reads={"prompts", "model"}),
    Criterion("bart_score", tau=None, needs="reference", reads={"prompts", "model"}),
)
CRITERIA = {criterion.name: criterion for criterion in _TABLE}
# The criteria of `preference`, in the order in which statistics list them.
OF_PREFERENCE = tuple(name for name, criterion in CRITERIA.items() if criterion.tau is not None)
