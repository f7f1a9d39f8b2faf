"""A data set is a file, a folder with splits, or what the library `datasets` loads."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest

from own_data_sets import ICE, TEA, Command, rows, squad, write_jsonl
from quotetune.config import PromptsConfig
from quotetune.config.prompts import ContextConfig
from quotetune.corpus.index import Index
from quotetune.preparation.sources import hub_parts
from quotetune.prompts.grounding import check_passages, ground
from quotetune.prompts.reading import read_prompts
from quotetune.runtime.chance import drawn


def row(id: str, question: str, context: str = ICE) -> dict[str, Any]:
    answers = {"text": ["ice"], "answer_start": [0]}
    return {"id": id, "title": "T", "context": context, "question": question, "answers": answers}


@pytest.mark.parametrize("kind", ["files", "saved"])
def test_the_files_of_a_folder_are_splits(quotetune: Command, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "own"
    splits = {"train": [row("a", "A?"), row("b", "B?", TEA)], "validation": [row("c", "C?")]}
    if kind == "saved":
        parts = {name: datasets.Dataset.from_list(of_part) for name, of_part in splits.items()}
        datasets.DatasetDict(parts).save_to_disk(folder)
    else:
        write_jsonl(folder / "dev-v1.jsonl", splits["validation"])
        write_jsonl(folder / "train/part-1.jsonl", splits["train"])
    assert quotetune("prepare", "squad", folder, "-o", tmp_path / "out")[0] == 0
    found = {prompt["id"]: prompt["split"] for prompt in rows(tmp_path / "out/prompts.jsonl")}
    assert found == {"a": "train", "b": "train", "c": "validation"}
    corpus = rows(tmp_path / "out/corpus.jsonl")
    assert {document["source"] for document in corpus} == {"own"}
    assert sorted(document["text"] for document in corpus) == [ICE, TEA]


def test_a_data_set_of_the_hub_is_streamed_with_its_splits(
    quotetune: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def load(path: str, name: str | None, streaming: bool) -> Any:
        asked.append((path, name, streaming))
        parts = {"train": [row("a", "A?")], "validation": [row("b", "B?")]}
        return {split: datasets.Dataset.from_list(of_part) for split, of_part in parts.items()}

    monkeypatch.setattr(datasets, "load_dataset", load)
    monkeypatch.chdir(tmp_path)
    code, _, _ = quotetune("prepare", "squad", "owner/own", "--subset", "en", "-o", "out")
    assert code == 0 and asked == [("owner/own", "en", True)]
    prompts = rows(tmp_path / "out/prompts.jsonl")
    assert [(prompt["id"], prompt["split"]) for prompt in prompts] == [
        ("a", "train"),
        ("b", "validation"),
    ]
    assert prompts[0]["documents"] == [{"source": "own", "id": "T#1"}]


def test_the_library_itself_reads_a_local_data_set(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "own/train.jsonl", [row("a", "A?"), row("b", "B?")])
    [part] = hub_parts(str(tmp_path / "own"), None)
    assert part.split == "train"
    assert [(where.rpartition(":")[2], record["id"]) for where, record in part.records()] == [
        ("1", "a"),
        ("2", "b"),
    ]


def test_a_data_set_that_cannot_be_loaded_or_read_is_one_line(
    quotetune: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise ConnectionError("no\nnetwork")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets, "load_dataset", fails)
    code, _, said = quotetune("prepare", "squad", "owner/own", "-o", "out")
    assert code == 1 and "owner/own: no such file or folder, and no such data set" in said
    assert "(no network)" in said

    def breaks() -> Iterator[Any]:
        yield row("a", "A?")
        raise ConnectionError("lost")

    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: {"train": breaks()})
    code, _, said = quotetune("prepare", "squad", "owner/own", "-o", "out")
    assert code == 1 and "owner/own/train: could not be read after record 1 (lost)" in said
    assert not list((tmp_path / "out").iterdir())


def test_the_prompts_that_are_kept_do_not_depend_on_the_order(
    quotetune: Command, tmp_path: Path
) -> None:
    articles = [{"id": f"a{i}", "title": f"T{i}", "text": f"{i} {ICE * 3}"} for i in range(40)]
    kept = {article["id"] for article in sorted(articles, key=lambda a: drawn(a["id"]))[:7]}
    for shuffle in range(3):
        random.Random(shuffle).shuffle(articles)
        path = write_jsonl(tmp_path / "wiki.jsonl", articles)
        output = tmp_path / f"out-{shuffle}"
        arguments = ("wikipedia", path, "--max-prompts", 7, "-o", output)
        assert quotetune("prepare", *arguments)[0] == 0
        found = [prompt["id"] for prompt in rows(output / "prompts.jsonl")]
        assert found == [article["id"] for article in articles if article["id"] in kept]
        assert len(rows(output / "corpus.jsonl")) == 40


@pytest.mark.parametrize("source", ["given", "documents"])
def test_an_index_and_prompts_with_passages_are_made_from_it(
    quotetune: Command, tmp_path: Path, source: Any
) -> None:
    path = tmp_path / "own.json"
    path.write_text(json.dumps(squad()))
    output = tmp_path / "out"
    assert quotetune("prepare", "squad", path, "-o", output)[0] == 0
    assert quotetune("build-index", output / "corpus.jsonl", "-o", output / "index")[0] == 0
    context = ContextConfig(source=source)
    settings = PromptsConfig(path=output / "prompts.jsonl", context=context)
    prompts = [read.prompt for read in read_prompts(settings.path, settings)]
    check_passages(prompts, context)
    index = Index.open(output / "index")
    grounded = ground(prompts, context, index, [prompt.last_message for prompt in prompts])
    for prompt, read in zip(grounded, prompts, strict=True):
        [document] = read.documents or []
        text = index.document(*document).text
        assert text.replace("\r\n", "\n") == str(read.extra["context"]).replace("\r\n", "\n")
        assert prompt.last_message == f"{text}\n\n{read.last_message}"
        assert prompt.answers == read.answers


def test_responses_to_it_are_evaluated_with_its_answers_and_passages(
    quotetune: Command, tmp_path: Path
) -> None:
    path = tmp_path / "own.json"
    path.write_text(json.dumps(squad()))
    output = tmp_path / "out"
    index = output / "index"
    assert quotetune("prepare", "squad", path, "-o", output)[0] == 0
    assert quotetune("build-index", output / "corpus.jsonl", "-o", index, "-n", 5)[0] == 0
    responses = [
        {"id": "q1", "response": "ICE is water that is frozen."},
        {"id": "q2", "response": "Nobody."},  # the question has no answer
        {"id": "q3", "response": "A cup of x."},
        {"id": "4", "response": "Unfrozen water."},
    ]
    written = write_jsonl(tmp_path / "responses.jsonl", responses)
    config = tmp_path / "config.yaml"
    config.write_text("prompts:\n  context: {source: given}\n")
    given = ("--index", index, "--prompts", output / "prompts.jsonl", "--config", config)
    code, shown, said = quotetune("evaluate", written, *given, "-o", tmp_path / "found.json")
    assert code == 0, said
    labels = shown.splitlines()[0].split("\t")
    assert {"answer recall", "answer F1", "quote precision"} <= set(labels)
    metrics = json.loads((tmp_path / "found.json").read_text())["metrics"]
    assert metrics["answer_recall"] == 1 / 3  # the first of three that have answers
    assert metrics["answer_f1"] == pytest.approx((2 * 1 / (6 + 1)) / 3)  # one word of six
    passages = {"q1": ICE, "q2": ICE, "q3": TEA, "4": ICE}
    shares = []
    for row in responses:
        grams = [row["response"][i : i + 5] for i in range(len(row["response"]) - 4)]
        shares.append(sum(gram in passages[row["id"]] for gram in grams) / len(grams))
    assert metrics["quote_precision"] == pytest.approx(sum(shares) / 4)
    assert metrics["on_topic_quip"] == metrics["quote_precision"]
