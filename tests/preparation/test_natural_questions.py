"""The forms of NaturalQuestions become the prompts and the corpus that one writes by hand."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from own_data_sets import Command, annotation, named, nq, of_the_hub, prepared, write_jsonl

PAGE = "<P> Tea , a drink , is made of leaves <Br> It is hot </P>"


def nq_records() -> list[Any]:
    first = nq("7", "what is tea", PAGE, (0, 15), (4, 5))
    # Five annotators: three chose the second paragraph, and one of them says yes.
    second = nq("8", "is tea hot", PAGE, (0, 9))
    second["annotations"] += [
        annotation((10, 15)),
        annotation((10, 15), verdict="YES"),
        annotation((-1, -1)),
        annotation((10, 15)),
    ]
    return [first, second, nq("9", "why", PAGE, (-1, -1))]


@pytest.mark.parametrize("form", ["published", "hub"])
@pytest.mark.parametrize("with_html", [True, False])
def test_natural_questions(quotetune: Command, tmp_path: Path, form: str, with_html: bool) -> None:
    records = nq_records()
    if not with_html:
        for record in records:
            record["document_html"] = None
    path = tmp_path / "nq-train.jsonl"
    if form == "hub":
        path = tmp_path / "nq-train.parquet"
        pq.write_table(pa.Table.from_pylist([of_the_hub(record) for record in records]), path)
    else:
        write_jsonl(path, records)
    prompts, corpus, said = prepared(quotetune, tmp_path / "out", "nq", path)
    whole, lead, rest = (
        "Tea, a drink, is made of leaves It is hot",
        "Tea, a drink, is made of",
        "It is hot",
    )
    assert prompts == [
        {
            "id": "7",
            "prompt": "what is tea",
            "answers": ["drink"],
            "documents": named("nq-train", "Tea#1"),
            "context": [whole],
            "reference": whole,
            "split": "train",
        },
        {
            "id": "8",
            "prompt": "is tea hot",
            "answers": ["yes"],
            "documents": named("nq-train", "Tea#2", "Tea#3"),
            "context": [rest, lead],
            "reference": rest,
            "split": "train",
        },
    ]
    assert [row["text"] for row in corpus] == [whole, rest, lead]
    assert corpus[0] == {
        "id": "Tea#1",
        "source": "nq-train",
        "text": whole,
        "title": "Tea",
        "url": "//en.wikipedia.org/w/index.php?title=Tea",
    }
    assert "left out as prompts (no long answer): 1\n" in said
    assert "not in their passages" not in said


def test_simplified_natural_questions_keep_their_spaces(quotetune: Command, tmp_path: Path) -> None:
    record = nq_records()[0]
    simple = {key: record[key] for key in ("example_id", "question_text", "annotations")}
    path = write_jsonl(tmp_path / "nq.jsonl", [simple | {"document_text": PAGE}])
    prompts, corpus, _ = prepared(quotetune, tmp_path / "out", "nq", path)
    assert prompts[0]["reference"] == "Tea , a drink , is made of leaves It is hot"
    assert corpus[0]["id"] == "#1" and prompts[0]["documents"] == named("nq", "#1")


def test_a_tag_between_two_tokens_is_no_space(quotetune: Command, tmp_path: Path) -> None:
    record = nq("1", "what", "Tea leaf", (0, 2))
    record["document_html"] = "Tea<b>leaf</b>"
    record["document_tokens"][1] |= {"start_byte": 6, "end_byte": 10}
    path = write_jsonl(tmp_path / "nq.jsonl", [record])
    prompts, _, _ = prepared(quotetune, tmp_path / "out", "nq", path)
    assert prompts[0]["reference"] == "Tealeaf"
