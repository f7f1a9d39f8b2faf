"""Sampling with the guide, next to sampling without it."""

import os
from pathlib import Path
from statistics import median

from benchmarks.round import Size, round_prompts, round_sampling
from benchmarks.settings import QUOTETUNE, Settings
from benchmarks.table import Row, Table
from benchmarks.targets import target, targets
from benchmarks.timing import Time, timed
from quotetune.config import GuideConfig, ModelConfig, SamplingConfig
from quotetune.prompts.prompt import Prompt
from quotetune.sampling import run_sampling
from quotetune.sampling.guided import GuideSource
from quotetune.sampling.run import Progress

# The guides, by the name of their row; None samples without one.
GUIDES = {
    f"{QUOTETUNE}, guided": GuideConfig(strength=4),
    f"{QUOTETUNE}, not guided": None,
}


def tables(settings: Settings, size: Size | None = None) -> list[Table]:
    """Sample the same prompts in both ways, in turn."""
    size = size or Size(prompts=32)
    prompts = round_prompts(settings.demo / "prompts.jsonl", size.prompts)
    rows: dict[str, list[Row]] = {name: [] for name in GUIDES}
    for repeat in range(settings.repeats):
        for name, guide in GUIDES.items():
            place = settings.work / "guided" / f"{repeat}-{len(rows[name])}-{guide is not None}"
            sampling = round_sampling(size, size.n).model_copy(update={"guide": guide})
            rows[name].append(drawn(name, prompts, place, settings.demo, sampling))
    guided, plain = ([_rate(row) for row in of_one] for of_one in rows.values())
    share = median(with_it / without for with_it, without in zip(guided, plain, strict=True))
    return [
        Table(
            title=f"Sampling {size.n} responses for each of {size.prompts} prompts with a guide",
            unit="tokens per second",
            rows=[max(of_one, key=_rate) for of_one in rows.values()],
            notes=(
                f"SmolLM2-135M-Instruct, at most {size.max_tokens} tokens per response, strength"
                f" 4, the demo's corpus, {_threads()}. Each is the best of {settings.repeats};"
                " the two take turns. Wall time covers generation only; CPU time covers the whole"
                f" process. {targets(target('0.95 of the speed without', share, least=0.95))} The"
                " share is the median over the turns.",
            ),
        )
    ]


def drawn(
    name: str, prompts: list[Prompt], place: Path, demo: Path, sampling: SamplingConfig
) -> Row:
    """Sample prompts from the demo's model; return the generated tokens and their time.

    Args:
        name: Name of the row.
        prompts: The prompts.
        place: Directory for the samples.
        demo: Directory with `model/`, and `index/` for a guide.
        sampling: How to draw.
    """
    progress: list[Progress] = []

    def sample() -> None:
        run_sampling(
            prompts,
            place,
            model=ModelConfig(path=str(demo / "model"), dtype="bfloat16"),
            sampling=sampling,
            adapter=None,
            seed=0,
            round=1,
            guide=None if sampling.guide is None else GuideSource(demo / "index"),
            progress=progress.append,
        )

    cpu = timed(sample).cpu
    return Row(name, progress[-1].tokens, Time(progress[-1].seconds, cpu))


def _threads() -> str:
    variable = "OMP_NUM_THREADS"
    return f"`{variable}={os.environ[variable]}`" if variable in os.environ else "all cores"


def _rate(row: Row) -> float:
    assert row.time is not None
    return row.amount / row.time.wall
