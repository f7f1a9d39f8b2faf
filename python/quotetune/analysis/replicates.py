"""Runs of one config with several seeds, which share what does not depend on the seed."""

from collections.abc import Sequence
from pathlib import Path

from quotetune.config import Config
from quotetune.errors import UsageError
from quotetune.pipeline.run import Planned, plan, run
from quotetune.runs.layout import Layout
from quotetune.runs.stage import Stage
from quotetune.runtime.clock import kept_time
from quotetune.runtime.console import say
from quotetune.runtime.whole_files import write_text
from quotetune.stages import all_stages


def parse_seeds(text: str) -> list[int]:
    """Read seeds.

    Raises:
        UsageError: They are not two or more different whole numbers, 0 or more.

    Example:
        >>> parse_seeds("0, 1,2")
        [0, 1, 2]
    """
    try:
        seeds = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise UsageError(f"--seeds {text}: not whole numbers: write 0,1,2") from error
    if min(seeds) < 0 or max(seeds) >= 2**32 or len(set(seeds)) < len(seeds):
        raise UsageError(
            f"--seeds {text}: below 0, above {2**32 - 1} or repeated: give different numbers"
        )
    if len(seeds) < 2:
        raise UsageError(f"--seeds {text}: one seed shows no spread: give two or more")
    return seeds


def directory_of_seeds(run: Path) -> Path:
    """Return the directory of a config's replicates, next to the directory of its run.

    Example:
        >>> directory_of_seeds(Path("runs/demo")).as_posix()
        'runs/demo-seeds'
    """
    named = run if run.name not in ("", "..") else run.resolve()
    return named.with_name(f"{named.name}-seeds")


def configs_of_seeds(config: Config, seeds: Sequence[int]) -> list[Config]:
    """Return the config of each seed's run.

    Sampling to train on, the order of training, the initial LoRA weights and random partners change
    with the seed. The split (`prompts.salt`) and the evaluation's seed are those of the config, so
    that all runs are compared on the same prompts by the same draws.

    Args:
        config: The config.
        seeds: The seeds.

    Returns:
        The configs, whose runs are `seed-N/` in `directory_of_seeds`.
    """
    root = directory_of_seeds(config.run)
    evaluation = config.evaluation.model_copy(update={"seed": config.evaluation_seed})
    return [
        config.model_copy(
            update={"run": root / f"seed-{seed}", "seed": seed, "evaluation": evaluation}
        )
        for seed in seeds
    ]


def run_seeds(configs: Sequence[Config]) -> None:
    """Do the runs that are not done, one after the other.

    Args:
        configs: The configs, as `configs_of_seeds` returns them.

    Raises:
        UsageError: Another process works on one of the runs.
        QuotetuneError: A run failed; the same call resumes it.
    """
    for config in configs:
        _share_clock(configs, config)
        say(f"run: {config.run}")
        run(config, others=[other for other in configs if other is not config])


def _share_clock(configs: Sequence[Config], config: Config) -> None:
    """Give a run the time that the prompts of the other runs contain, so that all are the same."""
    clock = Layout(config).clock_file
    known = [path for other in configs if (path := Layout(other).clock_file).exists()]
    if known and not clock.exists():
        kept_time(known[0])  # refuses a damaged file, which would be copied
        clock.parent.mkdir(parents=True, exist_ok=True)
        write_text(clock, known[0].read_text(encoding="utf-8"))


def plan_seeds(configs: Sequence[Config]) -> list[list[Planned]]:
    """Find out what `run_seeds` would do, and change nothing.

    Args:
        configs: The configs.

    Returns:
        The plan of each run. What the first run does for a later one is copied.
    """
    stages = [all_stages(config) for config in configs]
    plans = []
    for number, (config, own) in enumerate(zip(configs, stages, strict=True)):
        entries = plan(own)
        if number:
            shared = shared_stages(stages[0], configs[0].run, own, config.run)
            entries = [
                Planned(entry.name, True, f"from {configs[0].run.name}", copied=True)
                if entry.name in shared and entry.todo is not False
                else entry
                for entry in entries
            ]
        plans.append(entries)
    return plans


def shared_stages(
    stages: Sequence[Stage], run: Path, others: Sequence[Stage], other_run: Path
) -> set[str]:
    """Name the stages that have the same result in two runs, whatever the seeds do.

    Their settings are the same, and so are their inputs: a file outside the runs, or the result of
    such a stage.

    Args:
        stages: The stages of a run, in order.
        run: Its directory.
        others: The stages of the other run.
        other_run: Its directory.
    """
    by_name = {stage.name: stage for stage in others}
    shared: dict[str, Path] = {}

    def is_shared(path: Path, other: Path) -> bool:
        if not path.is_relative_to(run):
            return path == other
        if any(path.is_relative_to(directory) for directory in shared.values()):
            return path.relative_to(run) == other.relative_to(other_run)
        return False

    for stage in stages:
        other = by_name[stage.name]
        same = stage.settings == other.settings and stage.inputs.keys() == other.inputs.keys()
        if same and all(is_shared(path, other.inputs[name]) for name, path in stage.inputs.items()):
            shared[stage.name] = stage.directory
    return set(shared)
