"""The curves of a run: its metrics from policy to policy, as JSON and for TensorBoard.

`curves.json` contains `schema`, `policies` (the names in order: `base`, `absorbed`, `round-1`,
...), `rounds` (the round of each; 0 for the first two), `prompts` (the prompts that were evaluated:
`heldout`, or `dev` if there are development prompts) and `curves`. A curve is a list with one
value per policy, None where it was not measured. Every metric of the evaluation has a curve under
its name in `metrics.json`, such as `quip`, `rouge_l`, `length_tokens` and `repetition`. So do
`pairs`, `pair_quip_chosen` and `pair_quip_rejected` of the rounds and, if the config has `drift`,
`kl_to_base` (nats per token) and `perplexity_outside`. It is rewritten after every evaluation.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quotetune.metrics.table import OF_DRIFT
from quotetune.runs.layout import BASE, Layout
from quotetune.runs.stopping import evaluated
from quotetune.runtime.whole_files import read_json, write_json, written_directory
from quotetune.training.run import RECORD_NAME

CURVES_SCHEMA = 1


def write_curves(layout: Layout) -> None:
    """Write `curves.json` and `tensorboard/` for the policies that are evaluated so far."""
    content = collect_curves(layout)
    if content["policies"]:
        write_json(layout.curves_file, content)
        _write_events(layout, content)


def collect_curves(layout: Layout) -> dict[str, Any]:
    """Collect the curves, in the form of `curves.json`."""
    policies = evaluated(layout)
    figures = [_figures(layout, policy) for policy in policies]
    names = dict.fromkeys(name for of_policy in figures for name in of_policy)
    return {
        "schema": CURVES_SCHEMA,
        "policies": policies,
        "rounds": [layout.number(policy) for policy in policies],
        "prompts": "dev" if layout.has_dev else "heldout",
        "curves": {name: [of_policy.get(name) for of_policy in figures] for name in names},
    }


def _figures(layout: Layout, policy: str) -> dict[str, float | None]:
    evaluation = layout.deciding(policy)
    figures = {
        name: value
        for name, value in read_json(layout.metrics(evaluation))["metrics"].items()
        if value is None or isinstance(value, int | float)
    }
    drift = layout.drift(evaluation)
    if layout.config.drift is not None and drift.exists():
        content = read_json(drift)
        figures |= {name: content[name] for name in OF_DRIFT}
    statistics = layout.pair_statistics(layout.number(policy))
    if statistics.exists():
        pairs = read_json(statistics)
        figures["pairs"] = pairs["pairs"]
        for side in ("chosen", "rejected"):
            figures[f"pair_quip_{side}"] = pairs.get(side, {}).get("quip")
    return figures


def _write_events(layout: Layout, content: Mapping[str, Any]) -> None:
    """Write the scalars for TensorBoard into a directory that is replaced as a whole.

    The step of an evaluation is the number of the policy, so that `absorbed` and `base` do not
    coincide. The step of a training is that of the optimiser.
    """
    try:
        from tensorboard.summary import Writer
    except ImportError:  # the extra `train` brings it, and an evaluation does not need it
        return
    with written_directory(layout.run / "tensorboard", replace=True) as directory:
        writer = Writer(str(directory / "run"))
        for name, values in content["curves"].items():
            for step, value in enumerate(values):
                if value is not None:
                    writer.add_scalar(f"{content['prompts']}/{name}", float(value), step)
        writer.close()
        for policy in content["policies"]:
            if policy != BASE:  # this run has not trained it
                history = read_json(layout.trained(policy) / RECORD_NAME)["history"]
                _write_history(directory / policy, history, Writer)


def _write_history(directory: Path, history: list[dict[str, float]], writer_class: Any) -> None:
    writer = writer_class(str(directory))
    for entry in history:
        for name, value in entry.items():
            if name not in ("step", "epoch"):
                writer.add_scalar(f"training/{name}", float(value), int(entry["step"]))
    writer.close()
