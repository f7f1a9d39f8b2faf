import gc
import json
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from benchmarks import (
    build,
    cold,
    cold_queries,
    confined,
    constraint,
    corpora,
    count,
    decontaminate,
    filters,
    folding,
    full_size,
    growth,
    guide,
    labelled,
    lean,
    memory,
    opening,
    proxy,
    repeats,
    score,
    segments,
    serve,
    shards,
    sizes,
    suffixes,
    threads,
    trace,
    training_memory,
)
from benchmarks.settings import FUSE, QUOTETUNE, SET, N, Settings
from benchmarks.table import Listing, Row, Table
from benchmarks.targets import seconds_each, target, targets, times_as_fast
from benchmarks.timing import Time
from benchmarks.word_overlap import WordOverlap

from naive_index import NaiveIndex, windows
from quotetune import build_index
from quotetune.datawork.evaluation_items import Item

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module", autouse=True)
def _what_is_imported_is_no_garbage() -> Iterator[None]:
    # Each measurement begins with a search for garbage, in all objects of all imports.
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A few KB of text, and no peer except the naive one."""
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
        peer_bytes=4000,
        filter_bytes=1 << 20,
        limited_bytes=20_000,
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
    arrays = [QUOTETUNE, build.IN_MEMORY] if build.MEMORY.is_dir() else [QUOTETUNE]
    check_rows(build.tables(settings), [[QUOTETUNE, FUSE, SET], arrays, arrays])


def test_the_score_has_a_row_for_every_system(settings: Settings) -> None:
    tables = score.tables(settings)
    check_rows(tables, [[QUOTETUNE, FUSE], [QUOTETUNE, SET]])
    assert "a large filter of 1.0 MiB" in tables[0].title


def test_the_lean_index_gives_the_answers_of_the_full_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lean, "TEXTS", 50)
    tables = lean.tables(settings)
    check_rows(tables, [[f"{QUOTETUNE}, suffix", f"{QUOTETUNE}, lean"]] * 3)
    assert tables[1].notes[0].endswith("the answers are the same.")


def test_the_trace_has_a_row_and_counts_its_spans(settings: Settings) -> None:
    tables = trace.tables(settings)
    check_rows(tables, [[QUOTETUNE, trace.IN_BATCH]])
    spans = re.search(r"Spans in the first 20 texts: quotetune (\d+)\.", tables[0].notes[-1])
    assert spans is not None
    assert int(spans[1]) > trace.TEXTS


def test_the_cold_queries_have_rows_for_both_distances_of_read_ahead(settings: Settings) -> None:
    if os.geteuid():
        with pytest.raises(SystemExit, match="take root"):
            cold.tables(settings)
        return
    queue = confined.queue_of(settings.demo) / "read_ahead_kb"
    before = queue.read_text("utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cold, "SECONDS", 10.0)
        patch.setattr(cold, "QUERIES", 300)
        tables = cold.tables(replace(settings, cold_bytes=2_000_000))
    assert queue.read_text("utf-8") == before
    for table in tables:
        systems = [QUOTETUNE, cold_queries.TEXT_READ]
        assert [row[:2] for row in table.rows] == [
            (system, f"{distance:,}")
            for system in systems[: len(table.rows) // 4]
            for distance in (int(before), cold.LESS_READ_AHEAD)
            for _ in range(2)
        ]
        # The first queries read from the disk. Later ones find what these have read.
        first, last = (float(row[6]) for row in table.rows[2:4])
        assert 0 <= last < first


def test_the_phases_of_cold_queries_are_the_first_and_the_last() -> None:
    asked: list[str] = []
    texts = [str(i) for i in range(10)]
    first, last = cold_queries.measured(asked.append, texts, 3, 60.0)
    assert asked == texts
    assert [len(phase.seconds) for phase in (first, last)] == [3, 3]
    assert [phase.queries for phase in (first, last)] == [0, 7]
    asked.clear()
    first, last = cold_queries.measured(asked.append, texts, 3, 0.0)
    assert asked == [texts[0], texts[3], texts[-3]]
    assert [phase.queries for phase in (first, last)] == [0, 2]


def test_a_read_ahead_is_put_back_after_an_error_and_a_signal(tmp_path: Path) -> None:
    setting = tmp_path / "read_ahead_kb"
    setting.write_text("8192\n", "utf-8")
    with pytest.raises(KeyError), confined.read_ahead(tmp_path, 128):
        assert setting.read_text("utf-8") == "128"
        raise KeyError
    assert setting.read_text("utf-8") == "8192\n"
    with pytest.raises(SystemExit, match="SIGTERM"), confined.read_ahead(tmp_path, 128):
        os.kill(os.getpid(), signal.SIGTERM)
    assert setting.read_text("utf-8") == "8192\n"


def test_the_guide_has_a_row_beside_that_of_count(settings: Settings) -> None:
    table, listing = guide.tables(settings)
    check_rows([table], [[QUOTETUNE, guide.BY_COUNT]])
    # They differ in white space at the ends.
    same = re.search(r"(\d+\.\d)% of its answers are the same", table.notes[0])
    assert same is not None
    assert float(same[1]) > 80
    assert [row[0] for row in listing.rows] == ["1", "2"]


def test_the_count_has_a_row_and_opening_one_for_every_size(settings: Settings) -> None:
    check_rows(count.tables(settings), [[QUOTETUNE]])
    [opened] = opening.tables(settings)
    # A filter alone, and several indexes as one, with the check of their documents.
    assert len(opened.rows) == len(opening.SHARES) + 3


def test_the_answers_do_not_depend_on_the_number_of_segments(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "TEXTS", 200)
    tables = segments.tables(settings)
    numbers = [int(row.system.rpartition(" ")[2]) for row in tables[0].rows]
    assert numbers[0] == 1
    assert numbers == sorted(set(numbers))
    assert len(numbers) == len(segments.SEGMENTS)
    assert tables[0].notes[0].endswith("The answers are the same.")


def test_the_stages_of_full_size_have_a_row_each_and_their_results(settings: Settings) -> None:
    size = full_size.Size(prompts=70, n=4, heldout=5, corpus_chars=30_000, texts=50)
    [listing] = full_size.tables(settings, size)
    assert [row[0] for row in listing.rows] == ["score", "pair", "evaluate", "report"]
    work = settings.work / "full-size"
    assert pq.read_metadata(work / "scores" / "scores.parquet").num_rows == 280
    assert pq.read_metadata(work / "pairs" / "pairs.parquet").num_rows > 0
    metrics = json.loads((work / "run" / "metrics.json").read_text("utf-8"))
    assert metrics["prompts"] == 5
    assert list(metrics["rows"]) == [
        "base",
        "round-1",
        "best_of_n",
        "best_of_n_on_topic",
        "reference",
    ]
    assert 'id="responses-data"' in (work / "run" / "report.html").read_text("utf-8")


def test_a_constraint_has_a_row_for_its_memory_and_its_steps(settings: Settings) -> None:
    settings.work.mkdir()
    [listing] = constraint.tables(settings, 50)
    assert [row[0].split(",")[0] for row in listing.rows] == [
        "making the strings and the trie",
        "memory while it is made",
        "memory after that",
        "a step",
        "the slowest step",
    ]
    assert float(listing.rows[3][1]) > 0


def test_what_repeats_has_a_row_for_each_command_and_corpus(settings: Settings) -> None:
    [listing] = repeats.tables(settings)
    assert [row[1] for row in listing.rows] == ["repeats", "dedup"] * 2
    left = settings.work / "each-document-4-times" / "deduplicated" / "corpus" / "corpus.jsonl"
    documents = left.read_text("utf-8").count("\n")
    assert 0 < documents < 100 / 2


@pytest.mark.slow
def test_threads_have_a_gain_for_every_kind_of_work(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every measurement is a separate process, so measure few.
    monkeypatch.setattr(threads, "WORK", {"build": "suffix", "count": "count"})
    [listing] = threads.tables(settings)
    assert [row[0] for row in listing.rows] == ["build", "count"]
    assert all(float(row[-1]) > 0 for row in listing.rows)


@pytest.mark.slow
def test_shards_have_a_row_with_the_times_of_each_number_of_workers(settings: Settings) -> None:
    [listing] = shards.tables(settings)
    numbers = [(row[0], row[1]) for row in listing.rows]
    assert numbers == [("Ray", "1"), ("Ray", "2"), ("processes", "1"), ("processes", "2")]
    assert all(float(seconds) > 0 for row in listing.rows for seconds in row[2:])


def test_the_proxy_has_a_row_with_the_times_of_both_ways(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "REQUESTS", 3)
    [listing] = proxy.tables(settings)
    [(upstream, requests, *times)] = listing.rows
    assert (upstream, requests, len(times)) == (proxy.INSTANT, "3", len(proxy.HEADER) - 2)
    assert all(float(time) > 0 for time in times[:4])


@pytest.mark.slow
def test_growth_has_a_row_for_every_size_and_the_exponents(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth, "TEXTS", 50)
    [listing] = growth.tables(settings)
    assert len(listing.rows) == len(growth.SHARES) + 1
    assert listing.rows[-1][0] == "exponent"
    assert {len(row) for row in listing.rows} == {len(growth.HEADER)}


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 2.0])
def test_the_exponent_is_that_of_the_power_law(exponent: float) -> None:
    exact = [1.0, 3.0, 10.0, 32.0]
    assert growth.fitted_exponent(exact, [7 * size**exponent for size in exact]) == pytest.approx(
        exponent, abs=1e-9
    )
    # By least squares, equal errors above and below the law cancel.
    noisy = [7 * size**exponent * error for size, error in zip(exact, (1, 2, 2, 1), strict=True)]
    assert growth.fitted_exponent(exact, noisy) == pytest.approx(exponent, abs=0.02)


def test_folding_keeps_originals_of_what_it_changes(settings: Settings) -> None:
    # Enough of them to be more than the gaps between sections of a file.
    curly = [f"“Quotes” with {number} Capitals…" for number in range(100)]
    corpora.write_jsonl(curly, settings.demo / "corpus.jsonl")
    [listing] = folding.tables(settings)
    assert [row[0] for row in listing.rows] == ["squash", "fold", "fold-case"]
    assert {len(row) for row in listing.rows} == {len(folding.HEADER)}
    shares = [float(row[3].rstrip("%")) for row in listing.rows]
    assert shares[0] == 0 < shares[1] < shares[2]


def test_every_kind_of_labelled_document_is_found_as_its_kind_says(settings: Settings) -> None:
    draw = random.Random(1)
    letters = ["".join(draw.choices("abcdefghij", k=draw.randint(2, 8))) for _ in range(500)]

    def sentence() -> str:
        return " ".join(draw.choices(letters, k=draw.randint(14, 24))).capitalize() + "."

    documents = [" ".join(sentence() for _ in range(6)) for _ in range(200)]
    corpora.write_jsonl(documents, settings.demo / "corpus.jsonl")
    quality, short, speed = decontaminate.tables(settings)
    kinds = {row[0]: row[2:] for row in quality.rows}
    assert kinds[labelled.CLEAN] == ("0 flagged",) * 3
    assert kinds[labelled.COPIED] == kinds[labelled.EMBEDDED] == ("1.000, 1.000",) * 3
    assert kinds[labelled.REWORDED][:2] == ("0.000, none",) * 2
    squash, folded, _ = kinds[labelled.TYPOGRAPHY]
    assert folded == "1.000, 1.000" and float(squash.split(",")[0]) < 0.9
    assert float(kinds[labelled.WRAPPED][0].split(",")[0]) >= 0.9
    assert len(short.rows) in (0, 2)
    check_rows([speed], [[QUOTETUNE, "reading alone"]])


def test_precision_counts_the_clean_documents_that_are_flagged() -> None:
    documents = [
        labelled.LabelledDocument("", kind, item)
        for kind, item in [("a", 0), ("a", 1), ("a", 2), (labelled.CLEAN, None)]
    ]
    flags = [{0, 5}, {1}, {1}, {7}]
    assert decontaminate.cell(documents, flags, "a") == "0.667, 0.667"
    assert decontaminate.cell(documents, flags, labelled.CLEAN) == "1 flagged"
    assert decontaminate.cell(documents, [set()] * 4, "a") == "0.000, none"


def test_the_rule_of_words_is_thirteen_in_a_row_or_a_short_item_whole() -> None:
    words = [f"w{number}" for number in range(20)]
    items = [Item("a", "0", (" ".join(words), "yes")), Item("a", "1", ("Is it, so?", "no"))]
    rule = WordOverlap(items)
    assert rule.items("x " + " ".join(words[3:16]).upper() + "!") == {0}
    assert rule.items(" ".join(words[3:15])) == set()
    assert rule.items("and is it so?") == {1} and rule.items("is it not so, no") == set()


def test_sizes_state_and_measure_the_rates_of_both_filters(settings: Settings) -> None:
    stored, files = sizes.tables(settings)
    assert stored.header == ("what", "bloom", "fuse")
    numbers = {what: (bloom, fuse) for what, bloom, fuse in stored.rows}
    corpus, held_out = corpora.split_corpus(settings.demo, settings.text_bytes)
    grams = {gram for document in corpus for gram in windows(document, N)}
    estimated, counted = numbers["distinct 25-grams, by its manifest"]
    assert counted == f"{len(grams):,}"
    assert int(estimated.replace(",", "")) == pytest.approx(len(grams), rel=0.05)
    assert numbers["false-positive rate asked for"] == ("0.1000%", "none")
    asked = [gram for text in held_out for gram in windows(text, N)]
    absent = sum(gram not in grams for gram in asked)
    for said in numbers["measured, documents held out"]:
        measured = re.fullmatch(r"(.*)% \((.*) of (.*)\)", said)
        assert measured is not None
        assert int(measured[3].replace(",", "")) == absent
        # At these rates, so few n-grams give hardly two errors.
        assert int(measured[2]) < 10
    assert [row[0] for row in files.rows] == ["suffix", "lean"]
    for _, *parts, total in files.rows:
        assert sum(map(float, parts)) == pytest.approx(float(total), abs=0.003)


def test_random_letters_occur_in_no_text_and_held_out_documents_are_themselves() -> None:
    first, second = sizes.random_texts(2 * sizes.TEXT_CHARS)
    assert not set(windows(first, N)) & set(windows(second, N))
    assert sizes.held_out_texts(["ab", "cd", "ef"], 3) in [
        [a, b] for a in ("ab", "cd", "ef") for b in ("ab", "cd", "ef") if a != b
    ]


def test_exchanged_letters_keep_the_text_s_shape_and_lose_its_words() -> None:
    document = "the verbatim corpus of a trusted model, the quoted one"
    copies = list(memory.exchanged_copies([document], 6 * len(document), 2))
    assert copies[:2] == [document] * 2
    assert [copies.count(copy) for copy in copies] == [2] * 6
    for copy in copies:
        assert [char.isalpha() for char in copy] == [char.isalpha() for char in document]
        assert len(set(copy)) == len(set(document))
    assert not set(windows(copies[2], N)) & set(windows(document, N))


def test_a_build_under_the_limit_reports_its_peak(settings: Settings) -> None:
    [listing] = memory.tables(settings)
    [(seconds, anonymous, resident, *_)] = listing.rows
    assert float(seconds) > 0
    assert 0 < float(anonymous) <= float(resident) < memory.LIMIT


def test_the_first_documents_are_as_many_as_it_takes() -> None:
    documents = ["aa", "bb", "cc"]
    assert [corpora.first_of(documents, size) for size in (0, 1, 2, 3, 100)] == [
        [],
        ["aa"],
        ["aa"],
        ["aa", "bb"],
        documents,
    ]


def test_a_listing_is_a_table_of_its_own_columns() -> None:
    listing = Listing("h", ("size", "time"), [("1", "2")], ("A note.",))
    assert listing.markdown() == "### h\n\n| size | time |\n| --- | ---: |\n| 1 | 2 |\n\nA note.\n"


def test_systems_score_alike_within_the_false_positive_rate(
    settings: Settings, tmp_path: Path
) -> None:
    corpus, held_out = corpora.split_corpus(settings.demo, settings.text_bytes)
    texts = corpora.half_quoted(corpus, held_out, 20, 500)
    path = corpora.write_jsonl(corpus, tmp_path / "corpus.jsonl")
    filters.build(path, tmp_path / "bloom")
    ours, theirs = (
        filters.scorer(system, path, tmp_path / "bloom", 10_000)(texts)
        for system in (QUOTETUNE, SET)
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


def test_a_target_is_met_missed_or_not_measured() -> None:
    rows = [
        Row(QUOTETUNE, 10, Time(2, 9)),  # 5 per second
        Row("slow", 4, Time(2, 9)),  # 2 per second
        Row("fast", 4, Time(1, 9)),  # 4 per second
        Row("given up", 10, None, limit=30),  # less than 1/3 per second
    ]
    assert seconds_each(rows, QUOTETUNE, 1e3) == 200
    assert seconds_each(rows, "given up", 1) is None
    assert times_as_fast(rows, ["slow", "fast", "given up"]) == 1.25
    assert times_as_fast(rows, ["given up"]) == pytest.approx(15)
    assert times_as_fast(rows, ["absent"]) is None and times_as_fast(rows[1:], ["slow"]) is None
    assert targets(target("2 s", 2.0, most=2)) == "Target: 2 s (met: 2.00)."
    assert targets(
        target("9 MB/s", 8.9, least=9), target("a", 1, least=1), target("b", None, least=1)
    ) == ("Target: 9 MB/s (missed: 8.90), a (met: 1.00), and b (not measured).")


def test_every_target_of_the_report_says_whether_it_was_met() -> None:
    text = (ROOT / "docs/benchmarks.md").read_text("utf-8")
    lists = re.findall(r"Target: (.*?\))\. ?", text)
    assert len(lists) == text.count("Target: ") >= 11
    for aims in lists:
        for aim in re.split(r"(?<=\)), (?:and )?", aims):
            assert re.search(r" \((met: [\d.,]+|missed: [\d.,]+|not measured)\)$", aim), aim


def test_a_benchmark_that_runs_again_replaces_its_section(
    settings: Settings, tmp_path: Path
) -> None:
    output = tmp_path / "benchmarks.md"

    def run(tables: str) -> str:
        arguments = ["--table", tables, "--text", "0.004", "--repeats", "1", "--systems", QUOTETUNE]
        arguments += ["--filter", "1"]
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
        assert len(re.findall("^### ", text, re.MULTILINE)) == 3
    assert once.partition("## Trace")[2] == again.partition("## Trace")[2]


def test_a_missing_corpus_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--table", "score", "--demo", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"error: there is no {tmp_path / 'corpus.jsonl'}; run `make data` first"
    ]


def test_the_large_table_is_left_out_if_the_disk_has_no_room(tmp_path: Path) -> None:
    output = tmp_path / "benchmarks.md"
    arguments = ["--table", "memory", "--limited-text", "1e12", "--output", str(output)]
    command = [sys.executable, "-m", "benchmarks", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr.startswith("table memory left out: it takes 8,000,000,000 GB in ")
    assert not output.exists()


def test_the_service_is_not_measured_without_its_load_generator(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match="error: wrk is not installed"):
        serve.tables(settings)


@pytest.mark.slow
def test_the_memory_of_a_training_stands_beside_its_estimate(tmp_path: Path) -> None:
    table = training_memory.table(
        tmp_path,
        measured=(("19M", True, 2, 16, 16, 16), ("19M", True, 2, 16, 48, 16)),
        fake=(("19M", True),),
    )
    (name, trained, tokens, peak, estimate, _), mixed, fake = table.cells()
    assert (name, trained, tokens) == ("19M", "LoRA, rank 16", "128")
    assert mixed[2] == "128 to 256"
    assert 0 < float(peak) < 10 * float(estimate)
    assert fake[0] == "19M, fake" and float(fake[3]) > 0
