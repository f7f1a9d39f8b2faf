"""One index, many users: threads, processes, pickles, the GIL."""

import copy
import multiprocessing
import pickle
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import quotetune
from quotetune import Index, build_index, quip_score, trace

TEXTS = [f"It was the best of times, it was the worst of times in {n}." for n in range(200)]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return build_index(TEXTS, tmp_path_factory.mktemp("sharing") / "index")


def test_an_index_pickles_as_its_path(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pickled = pickle.dumps(index)
    assert len(pickled) < 500
    monkeypatch.chdir(tmp_path)
    again = pickle.loads(pickled)
    assert again.path == index.path and len(again) == len(index)
    assert copy.deepcopy(index).quip(TEXTS).tolist() == index.quip(TEXTS).tolist()


def test_a_relative_path_pickles_as_an_absolute_one(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(index.path.parent)
    pickled = pickle.dumps(Index.open("index"))
    monkeypatch.chdir(tmp_path)
    assert pickle.loads(pickled).path == index.path


def test_functions_take_an_index_or_its_path(index: Index) -> None:
    for given in (index, index.path, str(index.path)):
        assert quip_score(TEXTS[0], given) == 1.0
        scores = quip_score([TEXTS[0], "short"], given)
        assert scores.dtype == np.float64 and scores[0] == 1.0 and np.isnan(scores[1])
        assert trace(TEXTS[0], given)[0].text == TEXTS[0]
        assert [len(quotes) for quotes in trace(TEXTS[:2], given)] == [1, 1]


def test_arrays_have_the_stated_types(index: Index) -> None:
    assert index.quip([]).dtype == np.float64 and index.quip([]).shape == (0,)
    assert index.count(TEXTS).dtype == np.int64
    assert index.contains(TEXTS).dtype == np.bool_
    assert index.trace([]) == [] == index.score([])


def test_many_threads_get_the_answers_of_one(index: Index) -> None:
    expected = [index.score([text]) for text in TEXTS]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda text: index.score([text]), TEXTS)) == expected


def test_the_gil_is_released_while_the_index_works(index: Index) -> None:
    started = threading.Event()
    steps = []

    def count() -> None:
        started.wait()
        while not done:
            steps.append(time.perf_counter())
            time.sleep(0.001)

    done = False
    counter = threading.Thread(target=count)
    counter.start()
    texts = [" ".join(TEXTS) * 20] * 40
    started.set()
    calls = []
    # On a busy machine the counter may not get a turn during the first calls.
    while len(calls) < 1000 and steps_within(calls, steps) < 3:
        before = time.perf_counter()
        index.quip(texts, exact=True)
        calls.append((before, time.perf_counter()))
    done = True
    counter.join()
    assert steps_within(calls, steps) >= 3


def steps_within(calls: list[tuple[float, float]], steps: list[float]) -> int:
    return sum(before < step < after for step in steps for before, after in calls)


def ask_in_child(index: Index, answers: "multiprocessing.Queue[list[float]]") -> None:
    answers.put(index.quip(TEXTS).tolist())


def test_a_forked_process_can_ask_an_index_that_was_asked_before(index: Index) -> None:
    # The threads of the parent's pool do not live on in the child.
    assert index.quip(TEXTS).tolist() == [1.0] * len(TEXTS)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=ask_in_child, args=(index, answers))
    child.start()
    assert answers.get() == [1.0] * len(TEXTS)
    child.join()


def test_importing_the_package_imports_neither_numpy_nor_the_core() -> None:
    script = "import quotetune, sys; print({'numpy', 'quotetune._core'} & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout == "set()\n"


def test_the_public_names_are_all_there() -> None:
    for name in quotetune.__all__:
        assert getattr(quotetune, name) is not None
    assert set(quotetune.__all__) <= set(dir(quotetune))
    with pytest.raises(AttributeError, match="nothing"):
        _ = quotetune.nothing


def test_a_report_is_made_of_plain_json(index: Index) -> None:
    import json

    [report] = index.score([TEXTS[3]])
    again = json.loads(json.dumps(report.to_dict()))
    assert again["quip_25_beta"] == 1.0 and again["too_short"] is False
    assert again["quotes"][0]["documents"][0] == {
        "source": "documents",
        "id": "3",
        "metadata": {},
        "offset": 0,
    }
    assert again["covered"] == [[0, len(TEXTS[3])]]
    assert repr(report).startswith("QuipReport(numerator=")
