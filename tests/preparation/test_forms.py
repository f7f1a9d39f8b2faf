"""Every form of data set becomes the prompts and the corpus that one writes by hand."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from own_data_sets import (
    ICE,
    SALT,
    TEA,
    annotation,
    nq,
    of_the_hub,
    rows,
    squad,
    write_jsonl,
)
from quotetune.preparation.wikipedia import start_of

Command = Callable[..., tuple[int, str, str]]


def prepared(quotetune: Command, output: Path, *arguments: object) -> tuple[Any, Any, str]:
    """Run the command; return the prompts, the corpus and what it said."""
    code, shown, said = quotetune("prepare", *arguments, "-o", output)
    assert (code, shown) == (0, ""), said
    assert sorted(path.name for path in output.iterdir()) == ["corpus.jsonl", "prompts.jsonl"]
    return rows(output / "prompts.jsonl"), rows(output / "corpus.jsonl"), said


def named(source: str, *ids: str) -> list[dict[str, str]]:
    return [{"source": source, "id": id} for id in ids]


def squad_prompts(source: str) -> list[dict[str, Any]]:
    return [
        {
            "id": "q1",
            "prompt": "What floats on a lake?",
            "answers": ["Ice", "ice"],
            "documents": named(source, "Kitchen#1"),
            "context": ICE,
        },
        {
            "id": "q2",
            "prompt": "Who drinks ice?",
            "answers": [],
            "documents": named(source, "Kitchen#1"),
            "context": ICE,
        },
        {
            "id": "q3",
            "prompt": "¿Qué es el té?",
            "answers": ["“thé” (茶)"],
            "documents": named(source, "Kitchen#2"),
            "context": TEA,
        },
        {
            "id": "4",
            "prompt": "What is ice?",
            "answers": ["frozen"],
            "documents": named(source, "Salt#2"),
            "context": ICE,
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


def articles() -> list[dict[str, Any]]:
    lead = "Snow is ice that falls. " * 10
    return [
        {"id": "1", "url": "u1", "title": "Snow", "text": f"{lead}\n\n{lead * 4}\n\nThe end."},
        {"id": 2, "title": "Stub", "text": "Short."},
        {"id": "3", "url": "u3", "title": "Été", "text": lead},
    ]


def test_titles_of_wikipedia(quotetune: Command, tmp_path: Path) -> None:
    path = tmp_path / "wiki.jsonl.gz"
    lines = "".join(json.dumps(row) + "\n" for row in articles())
    path.write_bytes(gzip.compress(lines.encode()))
    prompts, corpus, said = prepared(quotetune, tmp_path / "out", "wikipedia", path)
    lead = ("Snow is ice that falls. " * 10).strip()
    assert prompts == [
        {
            "id": id,
            "prompt": title,
            "documents": named("wiki", id),
            "reference": lead,
            "topic": title,
        }
        for id, title in (("1", "Snow"), ("3", "Été"))
    ]
    assert corpus == [row | {"id": str(row["id"]), "source": "wiki"} for row in articles()]
    assert "left out as prompts (fewer than 200 characters): 1\n" in said


def test_starts_of_wikipedia(quotetune: Command, tmp_path: Path) -> None:
    path = tmp_path / "wiki.parquet"
    pq.write_table(
        pa.Table.from_pylist([{**row, "id": str(row["id"])} for row in articles()]), path
    )
    arguments = ("wikipedia", path, "--prompts", "starts")
    prompts, corpus, said = prepared(quotetune, tmp_path / "out", *arguments)
    [prompt] = prompts
    assert prompt["prompt"] == articles()[0]["text"].removesuffix("\n\nThe end.").rstrip()
    assert len(prompt["prompt"]) >= 1000 and prompt["topic"] == "Snow"
    assert len(corpus) == 3
    assert "left out as prompts (fewer than 1,000 characters): 2\n" in said


@given(st.lists(st.text(alphabet="ab \n", max_size=9), max_size=9).map("".join), st.integers(1, 9))
def test_a_start_is_the_fewest_paragraphs_with_enough_characters(text: str, least: int) -> None:
    text = text.strip()
    ends = [i for i in range(1, len(text)) if text[i] == "\n" and text[i - 1] != "\n"] + [len(text)]
    expected = text[: min([end for end in ends if end >= least], default=len(text))].rstrip()
    assert start_of(text, least) == expected


def test_passages(quotetune: Command, tmp_path: Path) -> None:
    leaf = {"text": TEA, "id": "d1", "title": "Tea", "url": "u"}
    records = [
        {"question": "What is tea?", "passages": [leaf, ICE], "answers": ["thé"], "level": 3},
        {"query": "And ice?", "context": ICE, "answer": "frozen", "id": 9, "topic": "ice"},
        {"prompt": "Tea again?", "passage": leaf, "reference": "It is tea."},
    ]
    path = write_jsonl(tmp_path / "own.jsonl", records)
    prompts, corpus, said = prepared(quotetune, tmp_path / "out", "passages", path)
    assert prompts == [
        {
            "id": "1",
            "prompt": "What is tea?",
            "answers": ["thé"],
            "documents": named("own", "d1", "#1"),
            "context": [TEA, ICE],
            "level": 3,
        },
        {
            "id": "9",
            "prompt": "And ice?",
            "answers": ["frozen"],
            "documents": named("own", "#1"),
            "context": [ICE],
            "topic": "ice",
        },
        {
            "id": "3",
            "prompt": "Tea again?",
            "documents": named("own", "d1"),
            "context": [TEA],
            "reference": "It is tea.",
        },
    ]
    assert corpus == [
        {"id": "d1", "source": "own", "text": TEA, "title": "Tea", "url": "u"},
        {"id": "#1", "source": "own", "text": ICE},
    ]
    assert said.endswith("3 prompts, 2 documents\n")


def test_yes_and_no_are_not_expected_in_a_passage(quotetune: Command, tmp_path: Path) -> None:
    records = [
        {"question": "Is tea hot?", "context": ICE, "answers": ["yes"]},
        {"question": "Is tea ice?", "context": ICE, "answers": ["no", "hot"]},
    ]
    path = write_jsonl(tmp_path / "own.jsonl", records)
    _, _, said = prepared(quotetune, tmp_path / "out", "passages", path)
    assert said.endswith(f"not in their passages: 1 answer (the first is that of {path}:2)\n")
