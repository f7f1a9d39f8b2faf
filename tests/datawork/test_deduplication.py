"""`quotetune dedup` against a naive search for what occurs earlier."""

import json
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from command_line import quotetune as run
from naive_index import NaiveIndex, widened
from quotetune import QuotetuneWarning, UsageError
from quotetune.corpus.batches import Corpus
from quotetune.corpus.ingest import Reading
from quotetune.corpus.rows import Keys
from quotetune.datawork.cutting import cut, united
from quotetune.datawork.deduplication import Settings, deduplicate

Place = tuple[int, int]


def normalized(text: str, normalization: str) -> tuple[str, list[Place]]:
    return NaiveIndex([], 1, normalization).normalized(text)


def first_places(texts: list[str], chars: int, normalization: str) -> dict[str, Place]:
    """The first place of each window: document, and character of the normalised text."""
    first: dict[str, Place] = {}
    for number, text in enumerate(texts):
        plain, _ = normalized(text, normalization)
        for start in range(len(plain) - chars + 1):
            first.setdefault(plain[start : start + chars], (number, start))
    return first


def copies(texts: list[str], number: int, chars: int, normalization: str) -> list[Place]:
    """The spans of a document, as given, that are copies of earlier text."""
    first = first_places(texts, chars, normalization)
    plain, origins = normalized(texts[number], normalization)
    spans: list[Place] = []
    for start in range(len(plain) - chars + 1):
        document, before = first[plain[start : start + chars]]
        if (document, before) != (number, start):
            # The first copy stays, also where the second one overlaps it.
            begin = max(start, before + chars) if document == number else start
            spans.append((begin, start + chars))
    return [widened(origins[start:end]) for start, end in united(spans)]


def without_copies(texts: list[str], chars: int, rule: str) -> list[str]:
    while any(found := [copies(texts, number, chars, rule) for number in range(len(texts))]):
        rest = [cut(text, spans) for text, spans in zip(texts, found, strict=True)]
        texts = [text for text in rest if text.strip()]
    return texts


def without_documents(texts: list[str], chars: int, rule: str) -> list[str]:
    while True:
        seen: set[str] = set()
        kept = []
        for text in texts:
            plain, _ = normalized(text, rule)
            windows = {plain[at : at + chars] for at in range(len(plain) - chars + 1)}
            if not seen & windows:
                seen |= windows
                kept.append(text)
        if kept == texts:
            # What is left is what a document repeats itself.
            found = [copies(texts, number, chars, rule) for number in range(len(texts))]
            if not any(found):
                return texts
            rest = [cut(text, spans) for text, spans in zip(texts, found, strict=True)]
            kept = [text for text in rest if text.strip()]
        texts = kept


@st.composite
def corpora(draw: st.DrawFn) -> tuple[list[str], int, str]:
    rng = random.Random(draw(st.integers(0, 2**32)))
    alphabets = ["a", "ab", "abc ", "aé漢😀 \n", "abcdef", "eE\u0301\u0323ḝ q", 'ﬃ…f"—- \n']
    alphabet = draw(st.sampled_from(alphabets))
    pieces = ["".join(rng.choices(alphabet, k=rng.randrange(1, 14))) for _ in range(6)]
    documents = ["".join(rng.choices(pieces, k=rng.randrange(1, 6))) for _ in range(8)]
    rule = draw(st.sampled_from(["squash", "fold", "fold-case"]))
    return [text for text in documents if text.strip()], draw(st.integers(2, 9)), rule


def written(folder: Path, texts: list[str]) -> tuple[Path, list[str]]:
    """Write documents to two files; return the folder and the lines."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    lines = [json.dumps({"text": text, "n": f"{at}.0"}) + "\n" for at, text in enumerate(texts)]
    half = len(lines) // 2
    (folder / "a.jsonl").write_text("".join(lines[:half]))
    (folder / "b.jsonl").write_text("".join(lines[half:]))
    return folder, lines


@pytest.mark.parametrize("remove", ["spans", "documents"])
def test_nothing_may_be_left(remove: str, tmp_path: Path) -> None:
    """An ellipsis folds to three full stops, of which two come twice, and is cut as a whole."""
    folder, _ = written(tmp_path / "corpus", ["…", "… "])
    choice = Settings(2, remove, "fold")  # type: ignore[arg-type]
    report = deduplicate(Corpus([folder], Keys(), Reading()), tmp_path / "output", choice)
    assert without_documents(["…", "… "], 2, "fold") == without_copies(["…", "… "], 2, "fold") == []
    assert report["removed"]["documents"] == report["documents"] == 2
    for name in ("a", "b"):
        assert (tmp_path / "output" / "corpus" / f"{name}.jsonl").read_bytes() == b""


@pytest.mark.parametrize("remove", ["spans", "documents"])
def test_what_is_left_is_what_the_naive_search_leaves(remove: str, tmp_path: Path) -> None:
    changed: set[int] = set()

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(case=corpora())
    def check(case: tuple[list[str], int, str]) -> None:
        texts, chars, rule = case
        if not texts:
            return
        folder, lines = written(tmp_path / "corpus", texts)
        output = tmp_path / "output"
        shutil.rmtree(output, ignore_errors=True)
        corpus = Corpus([folder], Keys(), Reading())
        choice = Settings(chars, remove, rule)  # type: ignore[arg-type]
        report = deduplicate(corpus, output, choice, threads=1)
        files = sorted((output / "corpus").iterdir())
        assert [file.name for file in files] == ["a.jsonl", "b.jsonl"]
        left = [line for file in files for line in file.open(newline="\n")]
        naive = without_copies if remove == "spans" else without_documents
        assert [json.loads(line)["text"] for line in left] == naive(texts, chars, rule)
        same = [line for line in left if line in lines]
        assert report["removed"]["documents_cut"] == len(left) - len(same)
        assert report["removed"]["documents"] == len(texts) - len(left)
        changed.add(report["passes"])

    check()
    # Joined text was a copy of something now and then.
    assert {1, 2} <= changed


def test_the_first_copy_stays_and_all_else_is_byte_for_byte(tmp_path: Path) -> None:
    licence = "Permission is granted to anyone to use this text for any purpose."
    lines = [
        f'{{"text": "First! {licence}", "n": 1.0}}\n',
        f'{{"x":1e3,  "text": "Second. {licence} It ends."}}\n',
        '{"text": "Nothing in common.",   "n": 2.50}\n',
    ]
    (tmp_path / "a.jsonl").write_text("".join(lines))
    done = run("dedup", tmp_path / "a.jsonl", "-o", tmp_path / "out", "--min-chars", "40")
    assert done.returncode == 0, done.stderr
    left = (tmp_path / "out" / "corpus" / "a.jsonl").read_text().splitlines(keepends=True)
    assert left[0] == lines[0] and left[2] == lines[2]
    assert left[1] == '{"x":1e3,  "text": "Second. It ends."}\n'
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["documents"] == 3 and report["removed"]["documents_cut"] == 1
    again = run("dedup", tmp_path / "out" / "corpus", "-o", tmp_path / "b", "--min-chars", "40")
    assert again.stdout.startswith("0 characters removed: 0 documents left out, 0 cut")


def test_files_are_read_in_their_order_and_format_in_every_pass(tmp_path: Path) -> None:
    # The first pass writes the copy, and the second one looks at it.
    texts = {"wiki_00": ["ab0123456789cd", "0123456789 is first"], "a": ["ab0123456789cd."]}
    for name, documents in texts.items():
        lines = [json.dumps({"text": text}) + "\n" for text in documents]
        (tmp_path / name).write_text("".join(lines))
    inputs = [tmp_path / "wiki_00", tmp_path / "a"]
    options = ["--format", "jsonl", "-o", tmp_path / "out", "--min-chars", "4"]
    done = run("dedup", *inputs, *options)
    assert done.returncode == 0, done.stderr
    left = {
        file.name: [json.loads(line)["text"] for line in file.open()]
        for file in (tmp_path / "out" / "corpus").iterdir()
    }
    assert left == {"wiki_00": ["ab0123456789cd", "is first"], "a": ["."]}


def test_a_document_may_be_the_name_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.jsonl").write_text('{"text": "a.jsonl"}\n{"text": "a.jsonl"}\n{"oops": 1}\n')
    corpus = Corpus([Path("a.jsonl")], Keys(errors="skip"), Reading())
    with pytest.warns(QuotetuneWarning, match="^1 record skipped") as warned:
        report = deduplicate(corpus, Path("out"), Settings(4))
    assert len(warned) == 1 and list(report["skipped"].values()) == [1]
    assert Path("out/corpus/a.jsonl").read_text() == '{"text": "a.jsonl"}\n'


def test_what_cannot_be_deduplicated_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n')
    corpus = Corpus([tmp_path / "a.jsonl"], Keys(), Reading())
    for wrong in ({"min_chars": 1}, {"remove": "all"}, {"normalization": "none"}):
        with pytest.raises(UsageError, match="choose"):
            Settings(**wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="is the input"):
        deduplicate(corpus, tmp_path / "a.jsonl", Settings())
    with pytest.raises(UsageError, match="cannot be a pipe"):
        deduplicate(Corpus([Path("-")], Keys(), Reading()), tmp_path / "out", Settings())
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]
