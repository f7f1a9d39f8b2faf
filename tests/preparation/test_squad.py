"""The forms of SQuAD become the prompts and the corpus that one writes by hand."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from own_data_sets import ICE, SALT, TEA, Command, named, prepared, squad, write_jsonl


def squad_prompts(source: str) -> list[dict[str, Any]]:
    return [
        {
            "id": "q1",
            "prompt": "What floats on a lake?",
            "answers": ["Ice", "ice"],
            "documents": named(source, "Kitchen#1"),
            "context": ICE,
            "title": "Kitchen",
            "reference": "Ice is water that is frozen.",
        },
        {
            "id": "q2",
            "prompt": "Who drinks ice?",
            "answers": [],
            "documents": named(source, "Kitchen#1"),
            "context": ICE,
            "title": "Kitchen",
        },
        {
            "id": "q3",
            "prompt": "¿Qué es el té?",
            "answers": ["“thé” (茶)"],
            "documents": named(source, "Kitchen#2"),
            "context": TEA,
            "title": "Kitchen",
            "reference": TEA,
        },
        {
            "id": "4",
            "prompt": "What is ice?",
            "answers": ["frozen"],
            "documents": named(source, "Salt#2"),
            "context": ICE,
            "title": "Salt",
            "reference": "Ice is water that is frozen.",
        },
    ]


def squad_corpus(source: str) -> list[dict[str, Any]]:
    return [
        {"id": "Kitchen#1", "source": source, "text": ICE, "title": "Kitchen"},
        {"id": "Kitchen#2", "source": source, "text": TEA, "title": "Kitchen"},
        {"id": "Salt#1", "source": source, "text": SALT, "title": "Salt"},
        {"id": "Salt#2", "source": source, "text": ICE, "title": "Salt"},
    ]


@pytest.mark.parametrize(
    "write",
    [
        lambda text: text.encode(),
        lambda text: json.dumps(json.loads(text), indent=1).replace("\n", "\r\n").encode(),
        lambda text: gzip.compress(text.encode()),
    ],
    ids=["one line", "many lines with CRLF", "gzip"],
)
def test_squad_json(quotetune: Command, tmp_path: Path, write: Callable[[str], bytes]) -> None:
    path = tmp_path / "own.json"
    path.write_bytes(write(json.dumps(squad(), ensure_ascii=False)))
    prompts, corpus, said = prepared(quotetune, tmp_path / "out", "squad", path)
    assert prompts == squad_prompts("own")
    assert corpus == squad_corpus("own")
    assert "4 prompts, 4 documents\n" in said
    assert "without an answer: 1 prompt\n" in said
    assert "not in their passages: 1 answer (the first is that of" in said  # "ice" with a small i
    assert "data[0].paragraphs[0].qas[0])" in said


def flat() -> list[dict[str, Any]]:
    """The questions of `squad` as the hub has them, one per record."""
    return [
        {
            "id": str(question["id"]),
            "title": article["title"],
            "context": paragraph["context"],
            "question": question["question"],
            "answers": {
                "text": [answer["text"] for answer in question["answers"]],
                "answer_start": [0] * len(question["answers"]),
            },
        }
        for article in squad()["data"]
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]


@pytest.mark.parametrize("ending", ["parquet", "arrow", "jsonl"])
def test_squad_with_one_question_per_record(
    quotetune: Command, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"own.{ending}"
    table = pa.Table.from_pylist(flat())
    if ending == "parquet":
        pq.write_table(table, path)
    elif ending == "arrow":
        with pa.ipc.new_stream(path, table.schema) as writer:
            writer.write_table(table)
    else:
        write_jsonl(path, flat(), "\r\n")
    prompts, corpus, _ = prepared(quotetune, tmp_path / "out", "squad", path)
    expected = [
        row | {"documents": named("own", "Salt#1")} if row["id"] == "4" else row
        for row in squad_prompts("own")
    ]
    assert prompts == expected
    # The paragraph without questions is not in this form, so the numbers of Salt differ.
    assert [row["id"] for row in corpus] == ["Kitchen#1", "Kitchen#2", "Salt#1"]
    assert [row["text"] for row in corpus] == [ICE, TEA, ICE]


def test_the_reference_is_the_sentence_that_has_the_answer_where_the_record_says(
    quotetune: Command, tmp_path: Path
) -> None:
    text = "In 1905 it rained. In 1905, too, it\nsnowed! Nothing else (1905)."
    path = tmp_path / "own.jsonl"
    places = {"first": 3, "second": 22, "wrong": 5, "last": 58}
    write_jsonl(
        path,
        [
            {
                "id": name,
                "context": text,
                "question": "When?",
                "answers": {"text": ["1905"], "answer_start": [start]},
            }
            for name, start in places.items()
        ]
        + [
            {"id": "two sentences", "context": text, "question": "?", "answers": ["rained. In 19"]},
            {"id": "not there", "context": text, "question": "?", "answers": ["1906"]},
        ],
    )
    prompts, _, _ = prepared(quotetune, tmp_path / "out", "squad", path)
    assert {row["id"]: row.get("reference") for row in prompts} == {
        "first": "In 1905 it rained.",
        "second": "In 1905, too, it\nsnowed!",
        "wrong": "In 1905 it rained.",
        "last": "Nothing else (1905).",
        "two sentences": "In 1905 it rained. In 1905, too, it\nsnowed!",
        "not there": None,
    }
