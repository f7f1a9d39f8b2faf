import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from quotetune.datawork.evaluation_items import Item, read_items
from quotetune.errors import QuotetuneError


def items(path: Path, content: str, keys: Sequence[str] = ()) -> list[Item]:
    path.write_text(content, encoding="utf-8")
    return list(read_items([path], keys))


SQUAD = (
    '{"id": "5a", "context": "A passage.", "question": "Who?", '
    '"answers": {"text": ["Ada", "Ada", "Lovelace"], "answer_start": [1, 1, 5]}}'
)


def test_questions_and_answers_are_read_in_their_usual_forms(tmp_path: Path) -> None:
    lines = [
        SQUAD,
        '{"question": "How many?", "answer": 2}',
        '{"question": "Where?", "answer": "Rome", "answers": ["Roma", null]}',
        '{"question": "Which?", "answers": [{"text": "This"}, {"text": ["That"]}]}',
    ]
    assert items(tmp_path / "quiz.jsonl", "\n".join(lines)) == [
        Item("quiz", "5a", ("Who?", "Ada", "Lovelace")),
        Item("quiz", "2", ("How many?",)),
        Item("quiz", "3", ("Where?", "Rome", "Roma")),
        Item("quiz", "4", ("Which?", "This", "That")),
    ]


def test_named_keys_replace_the_usual_ones(tmp_path: Path) -> None:
    found = items(tmp_path / "quiz.jsonl", SQUAD, ["context", "answers.text"])
    assert found == [Item("quiz", "5a", ("A passage.", "Ada", "Lovelace"))]


def test_a_name_with_dots_leads_on_where_a_shorter_one_does_not(tmp_path: Path) -> None:
    lines = [
        '{"a": {"x": 1}, "a.b": {"c": "Who?"}}',
        '{"a": [{"b": {"x": 1}}], "a.b": [{"c": "Where?"}]}',
        '{"a": [{"b": {"c": "What?"}}], "a.b": {"c": "not this"}}',
    ]
    found = items(tmp_path / "quiz.jsonl", "\n".join(lines), ["a.b.c"])
    assert [item.texts for item in found] == [("Who?",), ("Where?",), ("What?",)]


def test_arrays_parquet_and_text_files_are_items_too(tmp_path: Path) -> None:
    assert items(tmp_path / "a.json", '[{"question": "Who?"}, {"question": "What?"}]') == [
        Item("a", "1", ("Who?",)),
        Item("a", "2", ("What?",)),
    ]
    assert items(tmp_path / "t.txt", "A riddle.\n") == [Item("t", "1", ("A riddle.\n",))]
    rows = [{"id": 7, "question": "Who?", "answers": {"text": ["Ada"], "answer_start": [3]}}]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "p.parquet")
    assert list(read_items([tmp_path / "p.parquet"])) == [Item("p", "7", ("Who?", "Ada"))]


def test_each_question_of_squad_s_own_form_is_an_item(tmp_path: Path) -> None:
    questions = [
        {"id": "5a", "question": "Who?", "answers": [{"text": "Ada", "answer_start": 1}]},
        {"id": "5b", "question": "Where?", "answers": [], "is_impossible": True},
    ]
    paragraphs = [{"context": "A passage.", "qas": questions}, {"context": "No questions."}]
    squad = {"version": "2.0", "data": [{"title": "T", "paragraphs": paragraphs}]}
    assert items(tmp_path / "dev.json", json.dumps(squad)) == [
        Item("dev", "5a", ("Who?", "Ada")),
        Item("dev", "5b", ("Where?",)),
    ]
    del questions[1]["question"]
    with pytest.raises(
        QuotetuneError, match=r"dev\.json:1: data\[0\]\.paragraphs\[0\]\.qas\[1\]: no"
    ):
        items(tmp_path / "dev.json", json.dumps(squad))
    # Other lists of that name are left alone.
    other = {"question": "What?", "data": [{"paragraphs": 2}, 5]}
    assert items(tmp_path / "a.jsonl", json.dumps(other)) == [Item("a", "1", ("What?",))]


@pytest.mark.parametrize(
    ("line", "keys", "message"),
    [
        ('{"prompt": "Who?"}', (), "no text in question, answer, answers, answers.text: name"),
        ('{"question": " "}', (), "no text in question"),
        ('{"question": "Who?", "answer": 2}', ("answer",), "'answer' is a number, not a text"),
        ('{"a": {"b": 1}}', ("a",), "'a' is an object, not a text"),
        ("{", (), "not JSON"),
        ('{"question": "\\ud800"}', (), "a lone surrogate"),
    ],
)
def test_a_bad_item_is_an_error_with_its_place(
    tmp_path: Path, line: str, keys: Sequence[str], message: str
) -> None:
    with pytest.raises(QuotetuneError, match=r"quiz\.jsonl:2: ") as caught:
        items(
            tmp_path / "quiz.jsonl", '{"question": "Good?", "answer": "x", "a": "b"}\n' + line, keys
        )
    assert message in str(caught.value)


def test_the_format_that_is_given_is_that_of_the_evaluation_sets(tmp_path: Path) -> None:
    path = tmp_path / "items.txt"
    path.write_text('{"question": "Which planet?"}\n{"question": "Which star?"}\n')
    assert len(list(read_items([path]))) == 1
    items = list(read_items([path], format="jsonl"))
    assert [item.texts for item in items] == [("Which planet?",), ("Which star?",)]
