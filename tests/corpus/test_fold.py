"""Indexes that fold typography: what they find, what they return, and their version."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
import xxhash

from command_line import quotetune
from quotetune import (
    Document,
    Index,
    QuotetuneError,
    UsageError,
    add,
    build_index,
    cite,
    compact,
    import_bloom,
    merge,
    remove,
)
from quotetune.report.sources import Sources

CURLY = "“It’s a well‑known café,” said Zoë — the résumé of naïve façades in Zürich."
STRAIGHT = '"It\'s a well-known café," said Zoë - the résumé of naïve façades in Zürich.'
KOREAN = "서울은 대한민국의 수도이자 최대 도시이며 한강을 끼고 있는 정치와 경제의 중심지이다."
SOFT = "The mito\u00adchondrion is the power\u200bhouse of the cell, as everybody knows by now."
WIDE = "ＱＵＩＰ measures the share of character n-grams that stand in a corpus of text."
TEXTS = [CURLY, KOREAN, SOFT, WIDE]
UNKNOWN = "\U000e1000"  # no version of Unicode has it so far


@pytest.fixture(scope="module")
def folded(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return build_index(TEXTS, tmp_path_factory.mktemp("fold") / "index", normalization="fold")


def renormalized(form: str, text: str) -> str:
    return unicodedata.normalize(form, text)


@pytest.mark.parametrize(
    ("text", "squashed"),
    [
        (STRAIGHT, 0.29),
        (renormalized("NFD", CURLY), 0.0),
        (renormalized("NFD", KOREAN), 0.0),
        (SOFT.replace("\u00ad", "").replace("\u200b", ""), 0.41),
        (renormalized("NFKC", WIDE), 0.92),
    ],
)
def test_a_quote_in_other_typography_is_found_by_fold_and_missed_by_squash(
    folded: Index, tmp_path: Path, text: str, squashed: float
) -> None:
    default = build_index(TEXTS, tmp_path / "index")
    assert default.normalization == "squash"
    assert default.quip([text])[0] == pytest.approx(squashed, abs=0.005)
    assert folded.quip([text])[0] == folded.quip([text], exact=True)[0] == 1
    [quote] = folded.trace(text)
    assert (quote.start, quote.end, quote.count) == (0, len(text), 1)


def test_case_counts_but_for_fold_case(folded: Index, tmp_path: Path) -> None:
    cased = build_index(TEXTS, tmp_path / "index", normalization="fold-case")
    assert folded.quip([STRAIGHT.upper()])[0] < 0.1
    assert cased.quip([STRAIGHT.upper()])[0] == 1


def test_documents_are_given_back_as_they_were_given(folded: Index, tmp_path: Path) -> None:
    texts = [*TEXTS, "\ufeff  “ﬁrst”\n\n \tlast…  ", "", " "]
    for structures in (["suffix"], ["bloom", "lean"]):
        path = tmp_path / structures[-1]
        index = build_index(texts, path, normalization="fold-case", structures=structures)
        assert [document.text for document in index.documents()] == texts


def test_originals_stay_when_an_index_changes(tmp_path: Path) -> None:
    numbered = [Document("a", str(number), text) for number, text in enumerate(TEXTS)]
    build_index(numbered[:2], tmp_path / "1", normalization="fold")
    add(tmp_path / "1", numbered[2:3])
    remove(tmp_path / "1", source="a", ids=["0"])
    build_index(numbered[3:], tmp_path / "2", normalization="fold")
    merge([tmp_path / "1", tmp_path / "2"], tmp_path / "3")
    compact(tmp_path / "3")
    index = Index.open(tmp_path / "3")
    assert [document.text for document in index.documents()] == TEXTS[1:]
    assert index.quip([renormalized("NFD", KOREAN)])[0] == 1


def test_offsets_are_places_in_the_text_that_is_given_back(tmp_path: Path) -> None:
    text = "\u200bIt was an eﬃcient oﬃce…  and so on"
    index = build_index([text], tmp_path / "index", n=5, normalization="fold")
    [quote] = index.trace("no ficient office... and")
    [place] = quote.documents
    # The ligature is covered whole, although its first letter is not quoted.
    assert quote.text == "ficient office... and"
    assert index.find(place.source, place.id, quote.text) == (place.offset, place.offset + 17)
    assert text[place.offset :].startswith("ﬃcient oﬃce…  and")
    assert index.find(place.source, place.id, "absent") is None


def test_footnotes_and_the_report_show_the_text_as_given(folded: Index) -> None:
    text = f"He wrote: {STRAIGHT[:60]} and no more"
    assert f'"{CURLY[:60]}"' in str(cite(text, folded, style="text"))
    [quote] = folded.trace(text)
    assert quote.text.startswith("\"It's")
    length, count, [[_, before, after]] = Sources(folded).describe(quote, None)
    assert (length, count, before) == (len(quote.text), 1, "")
    assert after == CURLY[len(quote.text) :]


def test_info_names_fold_and_the_version_of_unicode(folded: Index) -> None:
    assert "normalization fold (Unicode 16.0.0)" in quotetune("info", folded.path).stdout


def test_an_imported_filter_is_never_folded(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="choose squash or none"):
        import_bloom(tmp_path / "a.bf", tmp_path / "index", normalization="fold")


def recorded(path: Path, **changes: Any) -> dict[str, Any]:
    """What the manifest says of the normalisation, after changes."""
    file = path / "manifest.json"
    content = json.loads(file.read_text())
    content["normalization"] |= changes
    content["checksum"] = "0" * 16
    text = json.dumps(content, indent=2) + "\n"
    file.write_text(text.replace("0" * 16, xxhash.xxh3_64_hexdigest(text.encode())))
    return content["normalization"]


def test_an_index_of_an_older_unicode_opens_if_it_would_be_folded_alike(tmp_path: Path) -> None:
    path = tmp_path / "index"
    build_index([CURLY], path, normalization="fold")
    assert recorded(path) == {"name": "fold", "version": 1, "unicode": "16.0.0"}
    recorded(path, unicode="15.1.0")
    assert Index.open(path).quip([STRAIGHT])[0] == 1
    # What is added now is of the new version, and so is then the index.
    add(path, [Document("b", "1", KOREAN + UNKNOWN)])
    assert recorded(path)["unicode"] == "16.0.0"
    assert recorded(path)["unknown_characters"] is True
    Index.open(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"unicode": "15.1.0"},
            r"folded with Unicode 15\.1\.0, but this quotetune has 16\.0\.0, which folds some "
            "of its characters differently: build the index again",
        ),
        ({"unicode": "99.0.0"}, r"has 16\.0\.0, which may lack some of its characters: use the"),
        ({"unicode": "new"}, "damaged .*names no version of Unicode"),
        ({"unicode": None}, "damaged .*names no version of Unicode"),
    ],
)
def test_an_index_that_might_be_folded_differently_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = tmp_path / "index"
    build_index([CURLY + UNKNOWN], path, normalization="fold")
    assert recorded(path)["unknown_characters"] is True
    recorded(path, **changes)
    with pytest.raises(QuotetuneError, match=message):
        Index.open(path)


def test_an_index_that_does_not_fold_records_no_version(tmp_path: Path) -> None:
    build_index([CURLY + UNKNOWN], tmp_path / "index")
    assert recorded(tmp_path / "index") == {"name": "squash", "version": 1}
