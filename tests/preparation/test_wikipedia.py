"""Articles become the prompts and the corpus that one writes by hand."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from own_data_sets import Command, named, prepared
from quotetune.preparation.wikipedia import start_of


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
