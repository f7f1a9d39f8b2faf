"""`score --format quip-json` writes the format of the reference service."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from command_line import assert_fails, quotetune
from naive_index import NaiveIndex, windows
from quotetune import QuotetuneError, build_index
from quotetune.rendering.quip_service import service_response

SENTENCE = "A Bloom filter is a space-efficient probabilistic data structure"
TEXTS = [
    f"Testcase for data portraits as follows: {SENTENCE}. END PORTRAITS TEST CASE",
    "  too\t\tshort ",
    f"{SENTENCE} {SENTENCE[:40]}",
]


def responses(index: Path, *options: str) -> list[dict[str, Any]]:
    stdin = "".join(json.dumps({"text": text}) + "\n" for text in TEXTS)
    result = quotetune("score", index, "--format", "quip-json", *options, stdin=stdin)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("structures", ["bloom", "suffix", "bloom,suffix"])
def test_the_published_example_comes_out_as_published(tmp_path: Path, structures: str) -> None:
    bits = 128.0 if "bloom" in structures else None
    build_index([SENTENCE], tmp_path / "i", structures=structures.split(","), bits_per_ngram=bits)
    first, short, third = responses(tmp_path / "i")
    # The numbers that data-portraits prints for this text.
    assert first["doc"] == TEXTS[0]
    assert (first["longest_chain"], first["expected_longest"]) == (40, 4.2)
    assert first["badness"] == 9.523809523809524
    assert first["quip_report"] == {
        "too_short": False,
        "numerator": 40,
        "denominator": 105,
        "quip_25_beta": 0.38095238095238093,
    }
    quoted = [first["segments"][at] for at in first["chain_idxs"][0]]
    assert (
        first["chains"] == [quoted] and quoted[0] + "".join(q[-1] for q in quoted[1:]) == SENTENCE
    )
    assert short == {
        "idx": 1,
        "doc": "too short",
        "segments": [],
        "is_member": [],
        "chains": [],
        "chain_idxs": [],
        "longest_chain": 0,
        "expected_longest": 0,
        "badness": 0,
        "quip_report": {
            "too_short": True,
            "numerator": 0,
            "denominator": 0,
            "quip_25_beta": None,
        },
    }
    assert [response["idx"] for response in (first, short, third)] == [0, 1, 2]
    assert list(map(len, third["chain_idxs"])) == [40, 16]
    if "suffix" in structures:
        assert responses(tmp_path / "i", "--exact") == [first, short, third]


def test_a_response_is_a_list_and_other_formats_are_refused(tmp_path: Path) -> None:
    build_index([SENTENCE], tmp_path / "i")
    empty = quotetune("score", tmp_path / "i", "--format", "quip-json", stdin="")
    assert json.loads(empty.stdout) == []
    assert_fails(quotetune("score", tmp_path / "i", "--format", "xml"), 2, "records or quip-json")
    output = tmp_path / "out.json"
    result = quotetune(
        "score", tmp_path / "i", "--format", "quip-json", "--text", SENTENCE, "-o", output
    )
    assert result.returncode == 0 and result.stdout == ""
    assert [response["doc"] for response in json.loads(output.read_text())] == [SENTENCE]


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 5))
def test_chains_are_the_runs_of_members(is_member: list[bool], n: int) -> None:
    doc = "".join(chr(ord("a") + at % 26) for at in range(len(is_member) + n - 1))
    response = service_response(3, doc, is_member, n)
    marks = "".join("x" if held else "." for held in is_member)
    runs = sorted((m.span() for m in re.finditer("x+", marks)), key=lambda s: s[0] - s[1])
    assert response["chain_idxs"] == [list(range(*run)) for run in runs]
    assert response["segments"] == windows(doc, n)
    assert response["chains"] == [windows(doc, n)[start:end] for start, end in runs]
    assert response["longest_chain"] == max((end - start for start, end in runs), default=0)


@given(
    documents=st.lists(st.text("ab \n", max_size=30), min_size=1, max_size=3),
    text=st.text("ab \n", max_size=60),
)
def test_windows_are_those_of_the_definition(
    tmp_path_factory: pytest.TempPathFactory, documents: list[str], text: str
) -> None:
    path = tmp_path_factory.mktemp("windows") / "index"
    index = build_index(documents, path, n=3)
    naive = NaiveIndex(documents, 3, "squash")
    grams = {gram for document in naive.documents for gram in windows(document, 3)}
    [(normal, hits)] = index.windows([text], exact=True)
    assert normal == naive.normalized(text)[0]
    assert hits.tolist() == [gram in grams for gram in windows(normal, 3)]
    [(_, may)] = index.windows([text])
    assert (may | ~hits).all()


def test_exact_windows_need_a_suffix_index(tmp_path: Path) -> None:
    index = build_index([SENTENCE], tmp_path / "i", structures="bloom")
    with pytest.raises(QuotetuneError, match="no suffix index"):
        index.windows([SENTENCE], exact=True)
