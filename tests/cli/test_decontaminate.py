"""`quotetune decontaminate` from files to files."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

import naive_contamination as naive
from command_line import assert_fails, quotetune

QUESTION = "In which year did the lighthouse keeper of Skerryvore learn to play the cello?"
ANSWER = "It was the year in which the supply boat did not come for eleven weeks."
OTHER = "Granite is an igneous rock that consists mainly of quartz, feldspar and mica."


def lines(*records: dict[str, Any]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def spaced(text: str) -> str:
    """Return a record that is not written as Python writes it."""
    return f'{{"id":"bad",  "text":{json.dumps(text)}, "x": 1e3}}\n'


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "quiz.jsonl").write_text(
        lines(
            {"id": "q1", "question": QUESTION, "answer": ANSWER},
            {"id": "q2", "question": "A question about something that no document is about?"},
            {"id": "q3", "question": "Who?", "answers": ["Ada"]},
        )
    )
    (tmp_path / "corpus.jsonl").write_text(
        lines({"text": OTHER, "n": 1.50})
        + spaced(f"{OTHER} {QUESTION} {ANSWER} {OTHER}")
        + lines({"id": "near", "text": f"{OTHER} In which year did the lighthouse close?"})
    )
    return tmp_path


def run(place: Path, *arguments: object) -> tuple[dict[str, Any], str]:
    result = quotetune(
        "decontaminate", place / "quiz.jsonl", "--in", place / "corpus.jsonl", "-o", place / "out",
        *arguments,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return json.loads((place / "out/report.json").read_text()), result.stdout


def test_the_report_says_what_is_where(place: Path) -> None:
    report, line = run(place)
    assert line == (
        "1 of 3 items contaminated, by 1 of 3 documents; 1 item too short to tell: see "
        f"{place / 'out/report.json'}\n"
    )
    assert report["items"] == {
        "count": 3, "contaminated": 1, "touched": 0, "clean": 1, "too_short": 1,
    }  # fmt: skip
    assert report["documents"] == {"count": 3, "contaminated": 1, "touched": 1}
    first, second, third = report["item_list"]
    assert (first["status"], second["status"], third["status"]) == (
        "contaminated",
        "clean",
        "too short",
    )
    assert first["coverage"] == first["largest_share"] == 1.0
    assert (first["documents"], first["contaminating_documents"]) == (2, 1)
    assert first["longest_match"] == len(QUESTION)
    text = f"{OTHER} {QUESTION} {ANSWER} {OTHER}"
    start = text.index(QUESTION)
    assert first["matches"][0] == {
        "source": "corpus", "id": "bad", "share": 1.0, "contaminated": True,
        "start": start, "end": start + len(QUESTION), "text": QUESTION,
    }  # fmt: skip
    bad, near = report["document_list"]
    assert (bad["id"], bad["contaminated"], near["id"], near["contaminated"]) == (
        "bad",
        True,
        "near",
        False,
    )
    assert near["matches"][0]["text"] == "In which year did the lighthouse "
    assert {path.name for path in (place / "out").iterdir()} == {"report.json"}


def test_documents_are_left_out_and_the_others_stay_byte_for_byte(place: Path) -> None:
    report, line = run(place, "--remove", "documents")
    before = (place / "corpus.jsonl").read_bytes().splitlines(keepends=True)
    assert (place / "out/corpus/corpus.jsonl").read_bytes() == before[0] + before[2]
    assert report["removed"]["documents"] == 1
    assert "; 1 document left out: see" in line


def test_spans_are_cut_out_of_their_record(place: Path) -> None:
    report, line = run(place, "--remove", "spans")
    before = (place / "corpus.jsonl").read_bytes().splitlines(keepends=True)
    cut = spaced(f"{OTHER} {OTHER}").encode()
    assert (place / "out/corpus/corpus.jsonl").read_bytes() == before[0] + cut + before[2]
    assert report["removed"] == {
        "documents": 0, "documents_cut": 1, "characters": len(QUESTION) + len(ANSWER) + 2,
    }  # fmt: skip
    assert "; 0 documents left out, 1 cut: see" in line


def test_ignored_texts_do_not_count(place: Path) -> None:
    (place / "boilerplate.txt").write_text(f"{QUESTION}\n\n{ANSWER}\n")
    report, _ = run(place, "--ignore", place / "boilerplate.txt")
    assert report["item_list"][0]["status"] == "too short"
    assert report["documents"]["contaminated"] == report["documents"]["touched"] == 0


def test_case_counts_unless_it_is_folded(place: Path) -> None:
    text = (place / "corpus.jsonl").read_text()
    (place / "corpus.jsonl").write_text(
        text.replace(QUESTION, QUESTION.upper()).replace(ANSWER, "")
    )
    assert run(place)[0]["items"]["contaminated"] == 0
    (place / "out").rename(place / "before")
    # A question without its answer is half of the item.
    report, _ = run(place, "--normalization", "fold-case", "--min-share", "0.5")
    assert report["item_list"][0]["status"] == "contaminated"


def test_short_items_are_looked_for_as_whole_words_if_asked(place: Path) -> None:
    (place / "corpus.jsonl").write_text(lines({"text": "Who? Whoever."}, {"text": "Whose"}))
    report, _ = run(place, "--short", "whole")
    assert report["item_list"][2]["status"] == "contaminated"
    assert report["item_list"][2]["matches"][0]["text"] == "Who?"
    assert report["documents"]["contaminated"] == 1 and report["items"]["too_short"] == 0


def test_lists_are_bounded_and_totals_exact(place: Path) -> None:
    copies = [{"text": f"{number} {QUESTION} {ANSWER}"} for number in range(30)]
    (place / "corpus.jsonl").write_text(lines(*copies))
    report, _ = run(place, "--max-matches", "3", "--max-documents", "4")
    first = report["item_list"][0]
    assert first["contaminating_documents"] == report["documents"]["contaminated"] == 30
    assert len(first["matches"]) == 3 and len(report["document_list"]) == 4


def test_parquet_stays_parquet_and_keeps_its_rows(place: Path) -> None:
    texts = [OTHER, f"{QUESTION} {ANSWER}", f"{OTHER} {QUESTION} {ANSWER}"]
    table = pa.table({"text": texts, "score": pa.array([1.5, 2.5, 3.5], pa.float32())})
    (place / "corpus.jsonl").unlink()
    (place / "in").mkdir()
    parquet.write_table(table.replace_schema_metadata({"k": "v"}), place / "in/rows.parquet")
    result = quotetune(
        "decontaminate", place / "quiz.jsonl", "--in", place / "in", "-o", place / "out",
        "--remove", "spans",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    after = parquet.read_table(place / "out/corpus/rows.parquet")
    assert after.schema.equals(
        table.replace_schema_metadata({"k": "v"}).schema, check_metadata=True
    )
    assert after.to_pylist() == [{"text": OTHER, "score": 1.5}, {"text": OTHER, "score": 3.5}]


words = st.text("abc", min_size=1, max_size=4)
sentences = st.lists(words, min_size=1, max_size=8).map(" ".join)


@given(
    st.lists(sentences, min_size=1, max_size=3),
    st.lists(sentences, min_size=1, max_size=6),
    st.sampled_from([3, 5]),
    st.sampled_from([0.4, 0.8]),
    st.sampled_from(["documents", "spans"]),
)
@settings(max_examples=60, deadline=None)
def test_the_corpus_that_is_written_is_clean_and_otherwise_the_same(
    questions: list[str], texts: list[str], n: int, share: float, remove: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "quiz.jsonl").write_text(lines(*({"question": text} for text in questions)))
        (place / "corpus.jsonl").write_text(lines(*({"text": text} for text in texts)))
        report, _ = run(place, "-n", n, "--min-share", share, "--min-match", 12, "--remove", remove)
        content = (place / "out/corpus/corpus.jsonl").read_bytes()

    def is_contaminated(text: str, question: str) -> bool:
        covered, longest, _ = naive.overlap([question], text, n, [], "squash")
        return longest > 0 and (covered >= share or longest >= 12)

    bad = [any(is_contaminated(text, question) for question in questions) for text in texts]
    assert report["documents"]["contaminated"] == sum(bad)
    assert report["items"]["contaminated"] == sum(
        any(is_contaminated(text, question) for text in texts) for question in questions
    )
    for item, question in zip(report["item_list"], questions, strict=True):
        shares = [naive.overlap([question], text, n, [], "squash") for text in texts]
        assert item["largest_share"] == pytest.approx(max(one[0] for one in shares), abs=1e-4)
        assert item["longest_match"] == max(one[1] for one in shares)
        # No n-gram of an item contains the sign between the documents.
        together, _, _ = naive.overlap([question], "§".join(texts), n, [], "squash")
        assert item["coverage"] == pytest.approx(together, abs=1e-4)
        assert item["documents"] == sum(one[1] > 0 for one in shares)
    kept = [json.loads(line)["text"] for line in content.splitlines()]
    assert not any(is_contaminated(text, question) for text in kept for question in questions)
    clean = [text for text, is_bad in zip(texts, bad, strict=True) if not is_bad]
    if remove == "documents":
        assert content.decode() == lines(*({"text": text} for text in clean))
    else:
        rest = iter(kept)
        assert all(text in rest for text in clean)  # in their order


def test_a_kill_in_mid_write_leaves_nothing_and_the_next_run_is_whole(place: Path) -> None:
    pipe = place / "pipe.jsonl"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "quotetune", "decontaminate", str(place / "quiz.jsonl")]
    command += ["-o", str(place / "out"), "--remove", "documents", "--in"]
    (place / "tmp").mkdir()
    process = subprocess.Popen(
        [*command, str(pipe)],
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(place / "tmp")},
    )
    writer = os.open(pipe, os.O_WRONLY)
    try:
        partial = place / ".out.partial/out/corpus/pipe.jsonl"
        record = lines({"text": OTHER * 1000}).encode()
        deadline = time.monotonic() + 600
        # The first batch is written while the corpus goes on.
        while not (partial.exists() and partial.stat().st_size):
            os.write(writer, record)
            assert process.poll() is None and time.monotonic() < deadline
        process.send_signal(signal.SIGKILL)
        process.wait()
    finally:
        os.close(writer)
    assert not (place / "out").exists() and (place / ".out.partial").exists()
    assert not list((place / "tmp").iterdir())
    done = subprocess.run(
        [*command, str(place / "corpus.jsonl")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((place / "out/report.json").read_text())["documents"]["count"] == 3
    assert {path.name for path in (place / "out").iterdir()} == {"corpus", "report.json"}
    assert not (place / ".out.partial").exists()


def test_standard_input_is_a_corpus_too(place: Path) -> None:
    content = (place / "corpus.jsonl").read_text()
    result = quotetune(
        "decontaminate", place / "quiz.jsonl", "--in", "-", "-o", place / "out",
        "--remove", "documents", "--max-matches", "0", stdin=content,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    kept = content.splitlines(keepends=True)
    assert (place / "out/corpus/stdin.jsonl").read_text() == kept[0] + kept[2]
    report = json.loads((place / "out/report.json").read_text())
    assert report["document_list"][0]["matches"] == report["item_list"][0]["matches"] == []


def test_the_number_of_threads_does_not_change_the_report(place: Path) -> None:
    content = (place / "corpus.jsonl").read_text()
    records = [
        json.loads(line) | {"id": number} for number, line in enumerate(content.splitlines() * 40)
    ]
    (place / "corpus.jsonl").write_text(lines(*records))
    reports = []
    for threads in (1, 3):
        reports.append(run(place, "--threads", threads)[0])
        (place / "out").rename(place / f"out-{threads}")
    assert reports[0] == reports[1]
    assert [one["id"] for one in reports[0]["document_list"]][:3] == ["1", "4", "7"]


def test_a_bad_record_leaves_no_output(place: Path) -> None:
    (place / "corpus.jsonl").write_text(lines({"text": OTHER}) + "{\n")
    arguments = ["decontaminate", place / "quiz.jsonl", "--in", place / "corpus.jsonl"]
    result = quotetune(*arguments, "-o", place / "out", "--remove", "documents")
    assert_fails(result, 1, "corpus.jsonl:2: malformed JSON")
    assert not (place / "out").exists() and not (place / ".out.partial").exists()
    skipped = quotetune(
        *arguments, "-o", place / "out", "--remove", "documents", "--errors", "skip"
    )
    assert "1 record skipped: malformed JSON" in skipped.stderr
    report = json.loads((place / "out/report.json").read_text())
    assert sum(report["documents"]["skipped"].values()) == 1
    assert (place / "out/corpus/corpus.jsonl").read_text() == lines({"text": OTHER})


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["-o", "corpus.jsonl"], ["-o", "is the input"]),
        (["-o", "corpus.jsonl/out"], ["is the input"]),
        (["-o", "quiz.jsonl/out"], ["is the input"]),
        (["-o", "taken"], ["taken: exists already"]),
        (["-o", "out", "-n", "65"], ["n is 65: choose one from 1 to 64"]),
        (["-o", "out", "--min-share", "0"], ["min_share is 0.0"]),
        (["-o", "out", "--min-share", "nan"], ["min_share is nan"]),
        (["-o", "out", "--min-match", "0"], ["min_match is 0: choose 1 or more"]),
        (["-o", "out", "--max-matches", "-1"], ["max_matches is -1: choose 0 or more"]),
        (["-o", "out", "--short", "no"], ["short is 'no': choose report or whole"]),
        (["-o", "out", "--remove", "all"], ["remove is 'all': choose documents or spans"]),
        (["-o", "out", "--normalization", "none"], ["choose squash, fold or fold-case"]),
        (["-o", "out", "--ignore", "absent"], ["--ignore absent: no such file: check the path\n"]),
        (["-o", "out", "--threads", "0"], ["threads is 0"]),
        (["-o", "out", "--keys", ","], ["--keys is ',': name fields"]),
        (["-o", "out", "--in", "absent.jsonl"], ["absent.jsonl: no such file"]),
        (["-o", "absent/deep/out", "--remove", "spans", "--errors", "x"], ["errors is 'x'"]),
    ],
)
def test_usage_errors_come_before_any_work(
    place: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], parts: list[str]
) -> None:
    monkeypatch.chdir(place)
    (place / "taken").mkdir()
    before = sorted(place.rglob("*"))
    assert_fails(
        quotetune("decontaminate", "quiz.jsonl", "--in", "corpus.jsonl", *arguments), 2, *parts
    )
    assert sorted(place.rglob("*")) == before
