"""Tokens per second of quotetune and of bare vLLM, on the same requests."""

from functools import partial
from pathlib import Path
from shutil import rmtree

from benchmarks.gpu.kit import Kit, Rows, row
from benchmarks.guided import drawn
from benchmarks.round import Size, bare, round_prompts, round_sampling
from benchmarks.settings import QUOTETUNE, VLLM
from benchmarks.table import Row

ON_GPU = Size(prompts=512, n=32, max_tokens=128)
ON_CPU = Size(prompts=8, n=8, max_tokens=32)
# By the words of the rows, whether each request has a seed of its own.
SEEDS = {"a seed per request": True, "no seeds": False}


def measure(kit: Kit) -> None:
    """Draw the responses with and without seeds, by both systems."""
    size = ON_GPU if kit.gpu else ON_CPU
    for name, seeded in SEEDS.items():
        place = kit.work / f"samples-{seeded}"
        kit.part(f"{QUOTETUNE}, {name}", partial(_ours, kit.demo, place, size, name, seeded))
        kit.part(f"{VLLM}, {name}", partial(_bare, place, size, name))


def _ours(demo: Path, place: Path, size: Size, name: str, seeded: bool) -> Rows:
    rmtree(place, ignore_errors=True)
    prompts = round_prompts(demo / "prompts.jsonl", size.prompts)
    sampling = round_sampling(size, size.n).model_copy(update={"seeded": seeded})
    return _rows(drawn(QUOTETUNE, prompts, place, demo, sampling), size, name)


def _bare(place: Path, size: Size, name: str) -> Rows:
    return _rows(bare(VLLM, "bare_vllm", place / "job.json"), size, name)


def _rows(measured: Row, size: Size, name: str) -> Rows:
    assert measured.time is not None
    rate = measured.amount / measured.time.wall
    work = f"{size.prompts} prompts, {size.n} responses, at most {size.max_tokens} tokens"
    return [row(f"{measured.system}, {name}", rate, "tokens/s", work)]
