"""Responses with footnotes: `quotetune.cite` and `quotetune cite`."""

import json
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotetune import Document, Index, UsageError, build_index, cite

CORPUS = [
    "abcabcab caba bcab e\u0301e\u0301a cab",
    "cab abc \U0001f469\u200d\U0001f680ab bca",
    "abcabc",
]
# A base letter, an accent that joins it, a joined emoji and a carriage return could be split.
LETTERS = st.text(alphabet="abc e\u0301\U0001f469\u200d\U0001f680\r\n[^1]q", max_size=40)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return build_index(CORPUS, tmp_path_factory.mktemp("cite") / "index", n=3)


@given(LETTERS, st.sampled_from(["markdown", "text"]))
def test_without_its_marks_a_cited_response_is_the_response(index: Index, text: str, style) -> None:
    response = cite(text, index, 3, style=style)
    opening = re.escape("[^" if style == "markdown" else "[")
    mark = re.compile(rf"{opening}{response.prefix}\d+\]")
    assert not mark.search(text)
    assert mark.sub("", response.cited) == text
    assert len(mark.findall(response.cited)) == sum(len(n.marks) for n in response.citations)


@given(LETTERS)
def test_no_mark_splits_a_letter_from_its_accent_or_an_emoji(index: Index, text: str) -> None:
    for citation in cite(text, index, all=True).citations:
        for place in citation.marks:
            before, after = text[max(place - 1, 0) : place], text[place : place + 1]
            assert not (after and before and unicodedata.combining(after) and before not in "\r\n")
            assert before + after != "\r\n"
            assert not (before not in "\r\n" and after == "\u200d")


@given(LETTERS)
def test_with_all_every_quote_of_the_trace_has_a_mark_and_its_documents(
    index: Index, text: str
) -> None:
    notes = cite(text, index, all=True).citations
    expected = {(q.start, q.end): (q.text, q.count, q.documents) for q in index.trace(text)}
    found = {span: (note.text, note.count, note.documents) for note in notes for span in note.spans}
    assert found == expected
    assert len({note.text for note in notes}) == len(notes)


@given(LETTERS)
def test_footnotes_are_in_the_order_of_their_marks(index: Index, text: str) -> None:
    response = cite(text, index, 3, style="text")
    first_marks = [note.marks[0] for note in response.citations]
    assert first_marks == sorted(first_marks)
    mark = re.compile(rf"\[{response.prefix}(\d+)\]")
    numbers = [int(number) for number in mark.findall(response.cited)]
    assert [note.number for note in response.citations] == list(dict.fromkeys(numbers))
    assert numbers == sorted(numbers, key=numbers.index)


def test_a_quote_has_40_characters_by_default_and_n_with_all(tmp_path: Path) -> None:
    quoted = "0123456789" * 4
    index = build_index([f"<{quoted}>", "(25 characters of a text)"], tmp_path / "index")
    text = f"{quoted} (25 characters of a text) {quoted[:39]}"
    response = cite(text, index)
    assert response.cited == f"{quoted}[^1] (25 characters of a text) {quoted[:39]}"
    assert [note.text for note in response.citations] == [quoted]
    assert len(cite(text, index, 39).citations) == 2
    assert len(cite(text, index, all=True).citations) == 3
    # Shorter quotes than its n are not found in every index.
    long = build_index([quoted * 2], tmp_path / "long", n=50, structures=["bloom", "lean"])
    assert cite(quoted * 2, long).cited == f"{quoted * 2}[^1]"


def test_a_note_names_the_place_of_its_quote_and_where_words_are_cut(tmp_path: Path) -> None:
    documents = ["In short: unbelievable things happen.", "They say unbelievable things."]
    index = build_index(documents, tmp_path / "index", n=5)
    response = cite("believable thin", index, 5, style="text")
    note = '[1] "believable thin" (2 times in the corpus): '
    places = "documents/0, character 12; documents/1, character 11"
    assert str(response).splitlines()[-1] == note + places
    for found in response.citations[0].documents:
        text = index.document(found.source, found.id).text
        assert text[found.offset :].startswith("believable thin")
    [note] = str(cite("a believable thingy, xbelievable thingy", index, 5)).splitlines()[2:]
    assert note.startswith('[^1]: "believable thing…" (2 times')
    assert '"…believable thing…"' in str(cite("xbelievable thingy", index, 5))


def test_with_all_footnotes_are_ordered_by_occurrences_then_length_and_numbered_as_they_come(
    tmp_path: Path,
) -> None:
    corpus = ["common words here", "common words here", "one rare thing", "a rarer thing indeed"]
    index = build_index(corpus, tmp_path / "index", n=5)
    response = cite("x common words here, one rare thing, a rarer thing indeed", index, all=True)
    assert [(note.number, note.count, note.text) for note in response.citations] == [
        (3, 1, "a rarer thing indeed"),
        (2, 1, "one rare thing"),
        (1, 2, "common words here"),
    ]
    assert response.cited == (
        "x common words here[^1], one rare thing[^2], a rarer thing indeed[^3]"
    )


def test_a_mark_is_after_the_last_whole_word_of_its_quote(tmp_path: Path) -> None:
    index = build_index(["the lazy dogs sleep", "unbelievable"], tmp_path / "index", n=5)
    assert cite("See the lazy dotted line", index, 5, style="text").cited == (
        "See the lazy[1] dotted line"
    )
    assert cite("unbelievably good", index, 5, style="text").cited == "unbelievabl[1]y good"


def test_a_text_quoted_twice_has_one_footnote(tmp_path: Path) -> None:
    index = build_index(["banana"], tmp_path / "index", n=5)
    response = cite("banana! banana!", index, 5, style="text")
    assert response.cited == "banana[1]! banana[1]!"
    assert [note.spans for note in response.citations] == [[(0, 6), (8, 14)]]


def test_several_markdown_responses_share_no_label_and_marks_of_the_response_are_kept(
    tmp_path: Path,
) -> None:
    index = build_index(["banana"], tmp_path / "index", n=5)
    first, second = cite(["banana", "a banana[^7]"], index, 5)
    assert (first.cited, second.cited) == ("banana[^1]", "a banana[^q2][^7]")
    with pytest.raises(UsageError, match="unknown: choose markdown or text"):
        cite("banana", index, style="html")  # type: ignore[call-overload]


def test_a_source_s_name_cannot_leave_its_line_or_its_link(tmp_path: Path) -> None:
    documents = [
        Document("web", "a", "banana", {"title": "A\n# [B](c)", "url": "https://e.org/x> y"}),
        Document("web", "b", "banana", {"url": "https://e.org/(x)"}),
    ]
    index = build_index(documents, tmp_path / "index", n=5)
    assert str(cite("banana", index, 5)).splitlines()[2:] == [
        '[^1]: "banana" (2 times in the corpus): '
        r"web/a (A \# \[B\](c)), character 0; [web/b](<https://e.org/(x)>), character 0"
    ]


def test_the_command_cites_a_text_file_standard_input_and_jsonl(quotetune, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    record = {"id": "2c", "source": "dickens", "text": "It was the best of times, it was the worst"}
    extra = {"title": "A *Tale*", "url": "https://example.org/t"}
    corpus.write_text(json.dumps(record | extra) + "\n")
    index = tmp_path / "index"
    built = quotetune("build-index", corpus, "-o", index, "--meta-keys", "title,url")
    assert built[0] == 0, built
    response = "So it was the best of times, it was the worst beginning."
    (tmp_path / "response.txt").write_text(response + "\n")
    marked = "So it was the best of times, it was the worst[^1] beginning."
    note = (
        '[^1]: "…t was the best of times, it was the worst" (once in the corpus): '
        "[dickens/2c (A \\*Tale\\*)](<https://example.org/t>), character 1"
    )
    shown = f"{marked}\n\n{note}\n"
    assert quotetune("cite", index, tmp_path / "response.txt")[1] == shown
    assert quotetune("cite", index, "-", stdin=response)[1] == shown
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"response": response, "model": "m"}) + "\n")
    (line,) = quotetune("cite", index, rows, "--key", "response")[1].splitlines()
    found = json.loads(line)
    assert found["model"] == "m" and found["response"] == response and found["cited"] == marked
    (citation,) = found["citations"]
    assert (citation["number"], citation["spans"], citation["count"]) == (1, [[4, 45]], 1)
    assert citation["documents"][0]["id"] == "2c"


def test_footnotes_are_numbered_through_a_file_of_many_records(quotetune, tmp_path: Path) -> None:
    build_index(["banana"], tmp_path / "index", n=5)
    rows = tmp_path / "rows.jsonl"
    # More than one batch; every third record quotes nothing.
    texts = ["none" if number % 3 == 0 else "a banana" for number in range(300)]
    rows.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    shown = quotetune("cite", tmp_path / "index", rows, "--format", "markdown", "--min-chars", 5)[1]
    assert re.findall(r"banana\[\^(\d+)\]\n", shown) == [str(n) for n in range(1, 201)]
    assert len(shown.split("\n---\n\n")) == 300
    cited = [
        json.loads(line)["cited"]
        for line in quotetune("cite", tmp_path / "index", rows, "--min-chars", 5)[1].splitlines()
    ]
    assert cited == [text.replace("banana", "banana[^1]") for text in texts]


@pytest.mark.parametrize("format", ["text", "jsonl"])
def test_the_command_marks_the_fewest_quotes_or_all(quotetune, tmp_path: Path, format) -> None:
    left, right, between = "abcdefghijklmnopqrst", "ABCDEFGHIJKLMNOPQRST", "ijklmnopqrstABCDEFGH"
    build_index([left, right, between, "T!"], tmp_path / "index", n=5)
    arguments = ("cite", tmp_path / "index", "--text", left + right, "--format", format)
    for options, numbers in (
        (["--min-chars", 20], [1, 2]),
        (["--min-chars", 20, "--all"], [1, 2, 3]),
        (["--all"], [1, 2, 3]),
        ([], []),
    ):
        shown = quotetune(*arguments, *options)[1]
        if format == "jsonl":
            found = [note["number"] for note in json.loads(shown)["citations"]]
        else:
            found = [int(number) for number in re.findall(r"^\[(\d+)\]", shown, re.MULTILINE)]
        assert found == numbers


def test_the_command_refuses_what_it_cannot_read(quotetune, tmp_path: Path) -> None:
    build_index(["banana"], tmp_path / "index", n=5)
    code, shown, error = quotetune("cite", tmp_path / "index", tmp_path / "no.txt")
    assert (code, shown) == (2, "")
    assert "no such file: give a text file, JSONL, - or --text" in error
    code, shown, error = quotetune("cite", tmp_path / "index", "--text", "a", "--format", "html")
    assert (code, shown) == (2, "") and "--format is 'html'" in error


def test_a_mark_is_after_the_accent_that_follows_its_quote(tmp_path: Path) -> None:
    index = build_index(["cafe"], tmp_path / "index", n=4)
    assert cite("cafe\u0301 noir", index, 4).cited == "cafe\u0301[^1] noir"
