"""An index tells a document that it does not contain from text that it cannot give."""

from pathlib import Path

import pytest

from quotetune import Document, Index, QuotetuneError, UnknownDocumentError, build_index

NAMES = [("a", "2"), ("b", "1"), ("", ""), ("a", 'a "2"\n'), ("a", "\ud800")]


@pytest.fixture(params=["index", "a: no document is in this index"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Index:
    return build_index([Document("a", "1", "banana")], tmp_path / request.param, n=3)


@pytest.mark.parametrize("name", NAMES)
def test_a_document_that_is_not_there_is_unknown(index: Index, name: tuple[str, str]) -> None:
    with pytest.raises(UnknownDocumentError, match="no document"):
        index.document(*name)
    assert index.document("a", "1").text == "banana"


def test_an_index_without_text_knows_no_document_and_does_not_call_it_unknown(
    tmp_path: Path,
) -> None:
    path = tmp_path / "no document" / "x: no document of a in this index"
    index = build_index([Document("a", "1", "banana")], path, n=3, structures="bloom")
    with pytest.raises(QuotetuneError) as raised:
        index.document("a", "1")
    assert not isinstance(raised.value, UnknownDocumentError)
