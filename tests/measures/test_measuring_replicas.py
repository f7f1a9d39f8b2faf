"""Replicas measure what one child measures, to the last digit, even if one of them is killed."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import quotetune.measures.neural as neural
import quotetune.sampling.replicas as replicas_module
from quotetune.config import ModelConfig
from quotetune.errors import QuotetuneError
from quotetune.measures.job_parts import JobResults
from quotetune.measures.neural import log_prob_job, perplexity_job, run_jobs
from quotetune.measures.token_batches import batches, share_of
from quotetune.runtime.local_replica import LocalReplica
from ray_nodes import local_cluster
from tiny_model import save_tiny_adapter

ROWS = 90
TEXTS = ["the river " * (1 + 11 * number % 17) + str(number) for number in range(ROWS)]
RESPONSES = [[40 + number % 9] * (number * 7 % 40) for number in range(ROWS)]


def jobs_with(model: Path, adapter: Path) -> list[dict[str, Any]]:
    base = ModelConfig(path=str(model))
    prompts = [[1, 20 + number % 30] for number in range(ROWS)]
    return [
        perplexity_job([*TEXTS, ""], base, [*TEXTS[::-1], ""]),
        log_prob_job(prompts, RESPONSES, [(base, adapter), (base, None)]),
        perplexity_job([], base),
    ]


@pytest.fixture(scope="module")
def jobs(model: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return jobs_with(model, save_tiny_adapter(model, tmp_path_factory.mktemp("lora") / "adapter"))


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Let all children have a thread each: with other threads, sums are rounded in another way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def alone(jobs: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What one child measures."""
    results = run_jobs(jobs, tmp_path_factory.mktemp("alone"))
    assert len(results) == len(jobs)
    return results


class Watched(LocalReplica):
    """A replica whose parts are known, and of which one dies in the middle of its second one."""

    given: list[tuple["Watched", str]]
    dies: bool

    def send(self, line: str) -> None:
        super().send(line)
        self.given.append((self, line))
        own = [part for replica, part in self.given if replica is self]
        if type(self).dies and len(own) == 2 and line:
            type(self).dies = False
            os.kill(self._child.pid, signal.SIGKILL)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> type[Watched]:
    monkeypatch.setattr(Watched, "given", [], raising=False)
    monkeypatch.setattr(Watched, "dies", False, raising=False)
    monkeypatch.setattr(replicas_module, "LocalReplica", Watched)
    monkeypatch.setattr(neural, "ROWS_OF_PART", 30)
    return Watched


@pytest.mark.parametrize("dies", [pytest.param(False, marks=pytest.mark.slow), True])
def test_two_replicas_measure_as_one_child_does(
    jobs: list[dict[str, Any]],
    alone: list[Any],
    watched: type[Watched],
    dies: bool,
    tmp_path: Path,
) -> None:
    watched.dies = dies
    assert run_jobs(jobs, tmp_path, {"replicas": 2}) == alone
    [perplexities, [adapted, base], nothing] = alone
    assert len(set(perplexities)) > ROWS / 2 and perplexities[-1] is None
    assert base[0] == 0.0 and base[1:] != adapted[1:] and nothing == []
    parts = Counter(line for _, line in watched.given if line)
    again = [part for part, times in parts.items() if times == 2]
    assert set(parts) == {str(part) for part in range(4 + 2 * 3 + 1)}
    assert len(again) == dies and max(parts.values()) == 1 + dies
    log = tmp_path / "measuring.log"
    assert log.exists() == dies
    if dies:
        assert f"with measuring part {again[0]}: the measuring process was killed" in (
            log.read_text(encoding="utf-8")
        )
    assert (tmp_path / "measuring-1.log").exists()
    assert not (tmp_path / "jobs.json").exists()


@pytest.mark.slow
def test_the_nodes_of_a_cluster_measure_as_one_child_does(
    jobs: list[dict[str, Any]],
    alone: list[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(neural, "ROWS_OF_PART", 30)
    with local_cluster([tmp_path / "head", tmp_path / "other"]) as cluster:
        where = {"replicas": 2, "executor": "ray", "ray_address": cluster.address}
        assert run_jobs(jobs, tmp_path / "work", where) == alone
    assert (tmp_path / "work" / "measuring-1.log").exists()


def test_an_error_of_the_model_is_the_child_s_own(
    model: Path, watched: type[Watched], tmp_path: Path
) -> None:
    job = neural.bart_score_job(["a"] * 99, ["b"] * 99, ModelConfig(path=str(model)))
    with pytest.raises(QuotetuneError, match="measuring failed with ValueError: Unrecognized"):
        run_jobs([job], tmp_path, {"replicas": 2})


@pytest.mark.parametrize("shares", [1, 2, 3, 7, 400])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_shares_have_every_row_once_in_the_batch_that_it_has_anyway(
    shares: int, device: str
) -> None:
    lengths = [(7 * row) % 700 for row in range(300)] + [5000, 0, 0, 70_000, 3, 3]
    tokens = {"cpu": 2048, "cuda": 65536}[device]
    rows = [share_of(lengths, share, shares, device) for share in range(shares)]
    assert sorted(row for own in rows for row in own) == list(range(len(lengths)))
    assert all(own == sorted(own) for own in rows)
    found = [
        [own[place] for place in group]
        for own in rows
        for group in batches([lengths[row] for row in own], tokens)
    ]
    assert sorted(found) == sorted(batches(lengths, tokens))


def test_a_job_of_all_rows_at_once_is_one_part_and_one_child_has_one_part_per_policy() -> None:
    mauve = {"measure": "mauve", "texts": ["a"] * 9, "references": ["b"] * 9}
    scored = {"measure": "log_probs", "responses": [[1]] * 9, "policies": [{}, {}]}
    several = JobResults([mauve, scored], 4)
    expected = [(1, policy, share, 3) for policy in range(2) for share in range(3)]
    assert several.parts == [(0, 0, 0, 1), *expected]
    assert JobResults([mauve, scored], None).parts == [(0, 0, 0, 1), (1, 0, 0, 1), (1, 1, 0, 1)]
