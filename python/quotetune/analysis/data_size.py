"""Study the size of the data: runs of one config with several numbers of training prompts."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from quotetune.analysis.chart import Points, scatter_chart
from quotetune.config import Config
from quotetune.errors import UsageError
from quotetune.metrics.row_names import row_label
from quotetune.rendering.markdown import markdown_table
from quotetune.runs.directory import PAIR_STATISTICS, ROUND, RunDirectory
from quotetune.runs.layout import BASE, Layout
from quotetune.runs.metrics_json import collect_dev
from quotetune.runs.stopping import best_evaluated
from quotetune.runtime.console import say
from quotetune.runtime.plural import counted
from quotetune.runtime.whole_files import write_json, write_text
from quotetune.stages import last_choice

SCHEMA = 1


@dataclass(frozen=True)
class SizeRow:
    """The result of a run with one number of training prompts.

    Attributes:
        prompts: Training prompts per round.
        pairs: Pairs that were made of them, over all rounds.
        before: QUIP of the base model on the run's development prompts, or on its held-out prompts
            if it has none.
        after: QUIP of the policy that the run selected.
        policy: Name of that policy.
        low: Lower end of the interval of `after` - `before`; None if the run has none.
        high: Upper end of the interval.
    """

    prompts: int
    pairs: int
    before: float
    after: float
    policy: str
    low: float | None
    high: float | None

    @property
    def gain(self) -> float:
        """QUIP after minus QUIP before."""
        return self.after - self.before


def parse_sizes(text: str) -> list[int]:
    """Read numbers of prompts, and sort them.

    Raises:
        UsageError: They are not different whole numbers above 0.

    Example:
        >>> parse_sizes("200, 50")
        [50, 200]
    """
    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise UsageError(f"--prompts {text}: not whole numbers: write 50,100,200") from error
    if min(sizes) < 1 or len(set(sizes)) < len(sizes):
        raise UsageError(f"--prompts {text}: below 1 or repeated: give different numbers above 0")
    return sorted(sizes)


def study_data_size(
    config: Path, sizes: Sequence[int], output: Path, overrides: Sequence[str] = ()
) -> list[SizeRow]:
    """Do the runs that are not done, one after the other.

    With development prompts, they end with the choice of their best policies, and no held-out
    prompt is asked. `quotetune train` on the `config.yaml` of a run then does the rest of it.

    Args:
        config: A run's config; its `run` and `prompts.train_limit` are set here.
        sizes: Training prompts per round, ascending.
        output: Directory of the runs, each in `prompts-N/`.
        overrides: `--set` options.

    Returns:
        One row per run.

    Raises:
        UsageError: The config cannot be run, or there are too few training prompts.
        QuotetuneError: A run failed; the same call resumes it.
    """
    from quotetune.config.problem import report
    from quotetune.config.validation import load_config
    from quotetune.pipeline.preflight import check_inputs
    from quotetune.pipeline.run import run

    loaded = load_config(config, overrides)
    if problems := check_inputs(loaded):
        raise UsageError(report(config, problems))
    _check_sizes(loaded, sizes)
    rows: list[SizeRow] = []
    earlier: list[Config] = []
    for size in sizes:
        prompts = loaded.prompts.model_copy(update={"train_limit": size})
        directory = output / f"prompts-{size}"
        sized = loaded.model_copy(update={"run": directory, "prompts": prompts})
        say(f"run: {directory}")
        run(sized, until=last_choice(sized), others=earlier)
        on_dev = sized.prompts.dev_fraction is not None
        rows.append(size_row_on_dev(sized, size) if on_dev else size_row(directory, size))
        earlier.append(sized)
    return rows


def size_row(run: Path, size: int) -> SizeRow:
    """Read the result of a finished run without development prompts."""
    metrics = json.loads(RunDirectory(run).metrics_file.read_text(encoding="utf-8"))
    best = metrics["best"]["policy"]
    ends = metrics["intervals"][best]["quip"]
    return _row(run, size, metrics["before"], metrics["after"], best, ends)


def size_row_on_dev(config: Config, size: int) -> SizeRow:
    """Read the result of a run whose choices were made on development prompts.

    The number of prompts is a choice, too, so the held-out prompts are not looked at.
    """
    layout = Layout(config)
    best, dev = best_evaluated(layout), collect_dev(layout)
    ends = dev["intervals"][best]["quip"]
    return _row(config.run, size, dev["rows"][BASE], dev["rows"][best], best, ends)


def _row(
    run: Path,
    size: int,
    before: Mapping[str, float],
    after: Mapping[str, float],
    policy: str,
    ends: Sequence[float] | None,
) -> SizeRow:
    pairs = sum(
        json.loads(path.read_text(encoding="utf-8"))["pairs"]
        for path in run.glob(f"{ROUND}*/pairs/{PAIR_STATISTICS}")
    )
    low, high = ends or (None, None)
    return SizeRow(size, pairs, before["quip"], after["quip"], policy, low, high)


def fit_of_gain(rows: Sequence[SizeRow]) -> tuple[float, float] | None:
    """Fit gain = a + b ln(prompts) by least squares; None for fewer than two runs.

    Example:
        >>> rows = [SizeRow(n, 1, 0.1, 0.1 + g, "", None, None) for n, g in ((10, 0.0), (100, 0.1))]
        >>> a, b = fit_of_gain(rows)
        >>> round(a, 3), round(b, 4)
        (-0.1, 0.0434)
    """
    if len(rows) < 2:
        return None
    slope, intercept = np.polyfit(
        [math.log(row.prompts) for row in rows], [row.gain for row in rows], 1
    )
    return float(intercept), float(slope)


def write_data_size(rows: Sequence[SizeRow], directory: Path) -> str:
    """Write `data-size.json`, `data-size.md` and `data-size.svg`.

    Returns:
        The table, as in `data-size.md`.
    """
    fit = fit_of_gain(rows)
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "runs": [{**asdict(row), "gain": row.gain} for row in rows],
        "fit": None if fit is None else {"intercept": fit[0], "slope": fit[1]},
    }
    write_json(directory / "data-size.json", content)
    points = [(math.log(row.prompts), row.gain) for row in rows]
    means = [
        (x, gain, None if row.low is None or row.high is None else (row.high - row.low) / 2)
        for (x, gain), row in zip(points, rows, strict=True)
    ]
    chart = scatter_chart(
        "ln(training prompts)", "gain in QUIP", [Points("after - before", points, means, fit)]
    )
    write_text(directory / "data-size.svg", chart)
    heading = ["training prompts per round", "pairs", "QUIP before", "after", "gain"]
    cells = [[*heading, "95% interval", "after: the best policy"]]
    for row in rows:
        interval = "-" if row.low is None else f"{row.low:+.1%} to {row.high:+.1%}"
        numbers = [f"{row.prompts:,}", f"{row.pairs:,}", f"{row.before:.1%}", f"{row.after:.1%}"]
        cells.append([*numbers, f"{row.gain:+.1%}", interval, row_label(row.policy)])
    lines = markdown_table(cells)
    if fit is not None:
        lines += ["", f"gain = {fit[0]:.4f} + {fit[1]:.4f} ln(prompts), by least squares"]
    table = "\n".join(lines) + "\n"
    write_text(directory / "data-size.md", table)
    return table


def _check_sizes(config: Config, sizes: Sequence[int]) -> None:
    from quotetune.prompts.reading import read_prompts
    from quotetune.prompts.split import split_prompts

    largest = config.prompts.model_copy(update={"train_limit": max(sizes)})
    split = split_prompts(read_prompts(config.prompts.path, config.prompts), largest, config.rounds)
    found = min(map(len, split.rounds))
    if found < max(sizes):
        raise UsageError(
            f"--prompts {max(sizes)}: there are only {counted(found, 'training prompt')} per round:"
            " take a smaller number, or add prompts"
        )
