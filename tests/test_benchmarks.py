import random
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks import build, corpora, filters, lean, score, suffixes, trace
from benchmarks.settings import QUOTETUNE, SET, N, Settings
from benchmarks.table import Row, Table
from benchmarks.timing import Time, in_child
from naive_index import NaiveIndex, windows

from quotetune import build_index

ROOT = Path(__file__).parents[1]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A few KB of text, and no peer but the naive one."""
    draw = random.Random(0)
    words = ["quote", "tune", "the", "verbatim", "corpus", "of", "a", "model", "trusted", "span"]
    documents = [" ".join(draw.choices(words, k=20)) for _ in range(100)]
    corpora.write_jsonl(documents, tmp_path / "demo" / "corpus.jsonl")
    return Settings(
        demo=tmp_path / "demo",
        work=tmp_path / "work",
        text_bytes=8000,
        repeats=1,
        limit=60.0,
        systems=(QUOTETUNE, SET),
    )


def check_rows(tables: list[Table], systems: list[list[str]]) -> None:
    assert [[row.system for row in table.rows] for table in tables] == systems
    for table in tables:
        for row in table.rows:
            assert row.amount > 0
            assert row.time is not None
            assert row.time.wall > 0
            assert row.time.cpu > 0


def test_the_build_has_a_row_for_every_system_and_corpus(settings: Settings) -> None:
    check_rows(build.tables(settings), [[QUOTETUNE, SET], [QUOTETUNE], [QUOTETUNE]])


def test_the_score_has_a_row_for_every_system(settings: Settings) -> None:
    check_rows(score.tables(settings), [[QUOTETUNE, SET]])


def test_the_lean_index_answers_as_the_full_one(settings: Settings) -> None:
    tables = lean.tables(settings)
    check_rows(tables, [[f"{QUOTETUNE}, suffix", f"{QUOTETUNE}, lean"]] * 3)
    assert tables[1].notes[0].endswith("the answers are the same.")


def test_the_trace_has_a_row_and_counts_its_spans(settings: Settings) -> None:
    tables = trace.tables(settings)
    check_rows(tables, [[QUOTETUNE]])
    spans = re.search(r"Spans found: quotetune (\d+)\.", tables[0].notes[-1])
    assert spans is not None
    assert int(spans[1]) > trace.TEXTS


def test_systems_score_alike_within_the_false_positive_rate(
    settings: Settings, tmp_path: Path
) -> None:
    corpus, held_out = corpora.split_corpus(settings.demo, settings.text_bytes)
    texts = corpora.half_quoted(corpus, held_out, 20, 500)
    path = corpora.write_jsonl(corpus, tmp_path / "corpus.jsonl")
    filters.build(path, tmp_path / "bloom")
    ours, theirs = (
        filters.scorer(system, path, tmp_path / "bloom")(texts) for system in (QUOTETUNE, SET)
    )
    grams = {gram for document in corpus for gram in windows(document, N)}
    naive = [
        sum(gram in grams for gram in windows(text, N)) / len(windows(text, N)) for text in texts
    ]
    assert theirs == naive
    assert all(0 <= mine - exact < 0.01 for mine, exact in zip(ours, naive, strict=True))
    assert 0.3 < sum(naive) / len(naive) < 0.9


def test_traces_find_the_spans_of_a_naive_search(settings: Settings, tmp_path: Path) -> None:
    corpus, held_out = corpora.split_corpus(settings.demo, 2000)
    texts = corpora.half_quoted(corpus, held_out, 5, 500)
    path = corpora.write_jsonl(corpus, tmp_path / "corpus.jsonl")
    build_index(path, tmp_path / "index", n=N)
    tracer = suffixes.tracer(QUOTETUNE, path, tmp_path / "index")
    naive = NaiveIndex(corpus, N, "squash")
    for text in texts:
        spans = [
            (quote.start, quote.end, quote.count, len(quote.documents))
            for quote in naive.quotes(text, N, suffixes.MAX_DOCUMENTS)
        ]
        assert tracer(text) == spans
        assert suffixes.slide(naive.substrings.__contains__, text) == naive.spans(text, N)


def test_no_document_held_out_is_in_the_corpus(settings: Settings) -> None:
    corpus, held_out = corpora.split_corpus(settings.demo, settings.text_bytes)
    assert held_out
    assert not set(corpus) & set(held_out)
    assert settings.text_bytes <= sum(map(len, corpus)) < settings.text_bytes + 1000


def sleeper(seconds: float):  # type: ignore[no-untyped-def]
    import time

    return lambda: time.sleep(seconds)


def test_a_call_past_its_limit_is_ended_and_has_no_time() -> None:
    assert in_child(sleeper, (60,), 0.1) is None
    time = in_child(sleeper, (0.2,), 60)
    assert time is not None
    assert 0.2 <= time.wall < 30


def failing() -> None:
    raise ValueError("no such peer")


def test_a_call_that_fails_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="failing"):
        in_child(failing, (), 60)
    assert "no such peer" in capsys.readouterr().err


def test_ratios_are_those_of_the_times_for_equal_amounts() -> None:
    table = Table(
        title="t",
        unit="MB/s",
        rows=[
            Row("ours", 10, Time(1, 2)),
            Row("peer", 5, Time(2, 4)),
            Row("slow", 10, None, limit=30),
        ],
    )
    assert table.cells() == [
        ("ours", "10.0", "5.00", "", ""),
        ("peer", "2.50", "1.25", "4.00x as fast", "4.00x as fast"),
        ("slow", "not in 30 s", "", "over 30.0x as fast", ""),
    ]
    each = replace(table, seconds_each=1000.0).cells()
    assert [cells[1] for cells in each] == ["100", "400", "not in 30 s"]
    assert each[1][3] == "4.00x as fast"


def test_a_benchmark_that_runs_again_replaces_its_section(
    settings: Settings, tmp_path: Path
) -> None:
    output = tmp_path / "benchmarks.md"

    def run(tables: str) -> str:
        arguments = ["--table", tables, "--text", "0.004", "--repeats", "1", "--systems", QUOTETUNE]
        places = ["--demo", str(settings.demo), "--output", str(output)]
        command = [sys.executable, "-m", "benchmarks", *arguments, *places]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert QUOTETUNE in done.stdout
        return output.read_text("utf-8")

    once = run("score,trace")
    again = run("score")
    for text in (once, again):
        assert re.findall("^## .*", text, re.MULTILINE) == ["## Score", "## Trace"]
        assert len(re.findall("^### ", text, re.MULTILINE)) == 2
    assert once.partition("## Trace")[2] == again.partition("## Trace")[2]


def test_a_missing_corpus_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--table", "score", "--demo", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"error: there is no {tmp_path / 'corpus.jsonl'}; run `make data` first"
    ]
