"""Compare responses of any origin as rows of one table, for `quotetune evaluate`."""

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from quotetune.errors import UsageError
from quotetune.evaluation.sample_metrics import best_rows, evaluate_tables, text_table
from quotetune.measures.bootstrap import bootstrap_settings, difference_intervals
from quotetune.measures.scoring_models import ScoringModels
from quotetune.metrics.printing import bootstrap_line, difference_line
from quotetune.metrics.row_names import BESIDE, REFERENCE
from quotetune.metrics.table import Metrics
from quotetune.prompts.prompt import Prompt
from quotetune.runtime.plural import counted


@dataclass(frozen=True)
class Comparison:
    """Rows of a table, and their differences from the first row.

    Attributes:
        prompts: Number of prompts.
        rows: Metrics, by row.
        quote_lengths: Histograms of quote lengths, by row.
        intervals: Intervals of the differences from the first row, by row and metric.
        bootstrap: Settings of the bootstrap that made the intervals.
    """

    prompts: int
    rows: dict[str, Metrics]
    quote_lengths: dict[str, Any]
    intervals: dict[str, Any]
    bootstrap: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the content of the JSON file, whose keys docs/metrics.md describes."""
        first = next(iter(self.rows))
        return {
            "prompts": self.prompts,
            "metrics": self.rows[first],
            **{name: self.rows.get(name) for name in BESIDE},
            "rows": self.rows,
            "quote_lengths": self.quote_lengths,
            "intervals": self.intervals,
            "bootstrap": self.bootstrap,
        }

    def lines(self) -> list[str]:
        """Return one line per difference from the first row."""
        first = next(iter(self.rows))
        lines = []
        for name, intervals in self.intervals.items():
            prompts = self.bootstrap["prompts"][name]
            difference = difference_line(self.rows[name], self.rows[first], intervals)
            said = (
                f"{difference} ({counted(prompts, 'prompt')})" if prompts else "no prompt in common"
            )
            lines.append(f"{name} - {first}: {said}")
        return [*lines, f"in brackets: {bootstrap_line(self.bootstrap)}"] if lines else []


def compare(
    prompts: Sequence[Prompt],
    tables: Mapping[str, Any],
    index: Path,
    models: ScoringModels,
    *,
    best_of_n: int | None,
) -> Comparison:
    """Evaluate tables of responses.

    Args:
        prompts: The prompts that the responses answer.
        tables: Tables of samples, by the name of their row.
        index: The index of the corpus.
        models: The language models that measure.
        best_of_n: The number of the first table's responses per prompt of which the one with the
            highest QUIP becomes a further row, and the one with the highest on-topic QUIP another;
            None leaves these rows out.

    Returns:
        A row for each table, and one for the prompts' references if they have any.

    Raises:
        UsageError: A prompt has fewer responses than `best_of_n`.
    """
    import pyarrow.compute as pc

    from quotetune.corpus.index import Index

    opened = Index.open(index)
    wanted = dict(tables)
    first = next(iter(tables.values()))
    if best_of_n is not None:
        drawn = first.filter(pc.less(first["sample"], best_of_n))
        fewest = min(Counter(drawn["prompt_id"].to_pylist()).values(), default=0)
        if fewest < best_of_n:
            raise UsageError(
                f"--best-of-n {best_of_n}: a prompt has only {counted(fewest, 'response')}: give a"
                " smaller number, or more responses"
            )
        wanted |= best_rows(prompts, drawn, opened)
    references = [(prompt.id, 0, prompt.reference) for prompt in prompts if prompt.reference]
    if references:
        wanted[REFERENCE] = text_table(references)
    work = Path(mkdtemp(prefix="quotetune-"))
    rows = evaluate_tables(prompts, wanted, opened, models, work)
    shutil.rmtree(work)  # not after a failure: its message names the log
    intervals, common = difference_intervals({name: row.rows for name, row in rows.items()})
    return Comparison(
        prompts=len(prompts),
        rows={name: row.metrics for name, row in rows.items()},
        quote_lengths={name: row.quote_lengths for name, row in rows.items()},
        intervals=intervals,
        bootstrap=bootstrap_settings(common),
    )
