"""Quotes and the documents that contain them, as Python objects."""

import copy
import dataclasses
import json
import pickle
import random

import pytest

from quotetune import Document, Index, Quote, QuoteSource, build_index

LETTERS = "abcdeé漢😀 "


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    rng = random.Random(0)
    return [
        Document("notes", str(number), "".join(rng.choices(LETTERS, k=length)), {"number": number})
        for number, length in enumerate([0, 40, 300, 1023, 1024, 1025, 5000, 20_000])
    ]


@pytest.fixture(scope="module")
def index(documents: list[Document], tmp_path_factory: pytest.TempPathFactory) -> Index:
    return build_index(documents, tmp_path_factory.mktemp("quotes") / "index", normalization="none")


@pytest.fixture(scope="module")
def texts(documents: list[Document]) -> list[str]:
    """Texts that quote the documents in all places, from start to end."""
    rng = random.Random(1)
    stretches = []
    for _ in range(300):
        text = rng.choice(documents).text
        start = rng.randrange(max(len(text) - 30, 1))
        stretches.append(text[start : start + rng.randrange(30, 60)])
    return [" | ".join(stretches[first : first + 3]) for first in range(len(stretches) - 2)]


def test_offsets_count_the_characters_before_the_quote(
    index: Index, documents: list[Document], texts: list[str]
) -> None:
    texts_by_id = {document.id: document.text for document in documents}
    offsets = [
        (source.offset, texts_by_id[source.id].index(quote.text))
        for quotes in index.trace(texts)
        for quote in quotes
        for source in quote.documents
    ]
    assert len(offsets) > 500
    assert all(offset == expected for offset, expected in offsets)


def test_texts_together_have_the_quotes_of_each_alone(index: Index, texts: list[str]) -> None:
    assert index.trace(texts) == [index.trace(text) for text in texts]
    together = [report.to_dict() for report in index.score(texts)]
    assert together == [report.to_dict() for text in texts for report in index.score([text])]


def test_a_quote_is_its_fields(index: Index, texts: list[str]) -> None:
    quote = index.trace(texts[0])[0]
    fields = (quote.start, quote.end, quote.text, quote.count, quote.documents)
    assert quote == Quote(*fields)
    assert quote == Quote(**{name: getattr(quote, name) for name in Quote.__match_args__})
    for position in range(len(fields)):
        other: list[object] = list(fields)
        other[position] = [] if position == 4 else "x" if position == 2 else 77_777
        assert quote != Quote(*other)  # type: ignore[arg-type]
    assert quote != object()
    match quote.documents[0]:
        case QuoteSource(source=source, metadata={"number": number}):
            assert (source, str(number)) == ("notes", quote.documents[0].id)
        case _:
            pytest.fail("no match")


def test_a_quote_can_be_copied_and_shown(index: Index, texts: list[str]) -> None:
    quote = index.trace(texts[0])[0]
    assert pickle.loads(pickle.dumps(quote)) == quote
    assert copy.deepcopy(quote) == quote == copy.copy(quote)
    assert eval(repr(quote)) == quote
    assert repr(QuoteSource("s", "1", {}, 2)) == (
        "QuoteSource(source='s', id='1', metadata={}, offset=2)"
    )


def test_the_json_values_of_a_quote_are_copies(index: Index, texts: list[str]) -> None:
    quote = index.trace(texts[0])[0]
    held = quote.to_dict()
    assert held["documents"][0]["metadata"] == quote.documents[0].metadata
    assert json.loads(json.dumps(held)) == held
    held["documents"][0]["metadata"]["number"] = None
    assert quote.documents[0].metadata["number"] is not None


def test_a_quote_is_a_dataclass_to_pythons_tools(index: Index, texts: list[str]) -> None:
    quote = index.trace(texts[0])[0]
    assert dataclasses.asdict(quote) == quote.to_dict()
    assert list(dataclasses.asdict(quote)["documents"][0]) == ["source", "id", "metadata", "offset"]
    assert dataclasses.replace(quote, count=7).count == 7


def test_a_quote_does_not_change(index: Index, texts: list[str]) -> None:
    quote = index.trace(texts[0])[0]
    with pytest.raises(AttributeError):
        quote.start = 3  # type: ignore[misc]
    assert quote.documents is quote.documents
    with pytest.raises(TypeError):
        hash(quote)
