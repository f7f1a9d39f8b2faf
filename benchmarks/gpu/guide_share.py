"""The share of the guide in the time of decoding."""

from functools import partial
from pathlib import Path
from shutil import rmtree
from statistics import median

from benchmarks.gpu.kit import Kit, Rows, row
from benchmarks.guided import GUIDES, drawn
from benchmarks.round import Size, round_prompts, round_sampling

ON_GPU = Size(prompts=256, n=16, max_tokens=128)
ON_CPU = Size(prompts=8, n=8, max_tokens=32)
TURNS = 2


def measure(kit: Kit) -> None:
    """Draw the same responses with the guide and without it, in turn."""
    size = ON_GPU if kit.gpu else ON_CPU
    rates: dict[str, list[float]] = {name: [] for name in GUIDES}
    for turn in range(TURNS):
        for name in GUIDES:
            place = kit.work / f"samples-{len(rates[name])}-{GUIDES[name] is not None}"
            of_turn = partial(_turn, kit.demo, place, size, name, turn)
            rates[name].append(kit.part(f"{name}, turn {turn}", of_turn)[0]["value"])
    guided, plain = rates.values()
    share = median(1 - with_it / without for with_it, without in zip(guided, plain, strict=True))
    measured = "share of the guide in a step of decoding"
    kit.part("share", lambda: [row(measured, 100 * share, "%", f"median of {TURNS} turns")])


def _turn(demo: Path, place: Path, size: Size, name: str, turn: int) -> Rows:
    rmtree(place, ignore_errors=True)
    prompts = round_prompts(demo / "prompts.jsonl", size.prompts)
    sampling = round_sampling(size, size.n).model_copy(update={"guide": GUIDES[name]})
    measured = drawn(name, prompts, place, demo, sampling)
    assert measured.time is not None
    rate = measured.amount / measured.time.wall
    work = f"{size.prompts} prompts, {size.n} responses, at most {size.max_tokens} tokens"
    return [row(f"{name}, turn {turn + 1}", rate, "tokens/s", work)]
