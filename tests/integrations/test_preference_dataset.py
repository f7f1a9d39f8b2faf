"""The dataset that `quotetune pair` writes for other trainers."""

import json
import math
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from command import quotetune
from quotetune import build_index
from quotetune.sampling.backend import Request, Response
from quotetune.sampling.parts import write_part

SYSTEM = {"role": "system", "content": "Be brief."}


def write_samples(directory: Path, prompts: list[dict]) -> Path:
    """Two responses a prompt, one of which quotes; every second prompt's were cut."""
    directory.mkdir()
    (directory / "job.json").write_text(json.dumps({"prompts": prompts}), encoding="utf-8")
    responses = []
    for number in range(len(prompts)):
        end, ids = ("length", [*range(22)]) if number % 2 else ("stop", [*range(22), 2])
        responses.append([Response("No cat ever sat on one", ids, end), Response(TEXT, ids, end)])
    requests = [Request([1], 10 * number) for number in range(len(prompts))]
    write_part(directory, 0, [prompt["id"] for prompt in prompts], requests, responses)
    return directory


TEXT = 'The cat sat on\n"the mat" \u00e9'
CHATS = [
    {"id": f"p{i}", "text": None, "messages": [SYSTEM, {"role": "user", "content": f"Where, {i}?"}]}
    for i in range(4)
]
TEXTS = [{"id": f"p{i}", "text": f"Once {i}", "messages": None} for i in range(4)]


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "index"
    build_index(['The cat sat on\n"the mat" \u00e9, and then it slept.'], path, n=5)
    return path


@pytest.fixture(scope="module")
def chats(index, tmp_path_factory) -> Path:
    return make(index, tmp_path_factory.mktemp("chats"), CHATS)


@pytest.fixture(scope="module")
def texts(index, tmp_path_factory) -> Path:
    return make(index, tmp_path_factory.mktemp("texts"), TEXTS)


def make(index: Path, directory: Path, prompts: list[dict]) -> Path:
    samples = write_samples(directory / "samples", prompts)
    assert quotetune("pair", samples, "--index", index, "-o", directory / "pairs") == 0
    return directory / "pairs" / "dataset"


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_rows_are_the_conversational_preference_form_of_the_pairs(chats):
    pairs = pq.read_table(chats.parent / "pairs.parquet").to_pylist()
    expected = [
        {
            "prompt": CHATS[number]["messages"],
            "chosen": [{"role": "assistant", "content": TEXT}],
            "rejected": [{"role": "assistant", "content": "No cat ever sat on one"}],
            "score_chosen": pair["chosen_quip"],
            "score_rejected": pair["rejected_quip"],
            "chosen_cut": bool(number % 2),
            "rejected_cut": bool(number % 2),
            # Two of nine 5-grams against all, at the temperature of a preference by QUIP.
            "preference": pytest.approx(1 / (1 + math.exp(-(1 - 2 / 9) / 0.1))),
            "prompt_id": f"p{number}",
        }
        for number, pair in enumerate(pairs)
    ]
    assert len(pairs) == 4
    assert pq.read_table(chats / "train.parquet").to_pylist() == expected


def test_datasets_loads_the_directory_as_it_is(chats, texts, tmp_path):
    import datasets

    loaded = datasets.load_dataset(str(chats), cache_dir=str(tmp_path))
    assert set(loaded) == {"train"}
    assert loaded["train"].to_list() == pq.read_table(chats / "train.parquet").to_pylist()
    file = str(chats / "messages.jsonl")
    messages = datasets.load_dataset("json", data_files=file, cache_dir=str(tmp_path))
    assert messages["train"].to_list() == lines(chats / "messages.jsonl")
    plain = datasets.load_dataset(str(texts), cache_dir=str(tmp_path))["train"]
    assert plain[0]["prompt"] == "Once 0" and plain[0]["chosen"] == TEXT


def as_axolotl_reads_it(row: dict) -> tuple[list, dict, dict]:
    """What axolotl documents for `chat_template.default`: messages, and a message a side."""
    roles = {"system", "user", "assistant"}
    assert {message["role"] for message in row["messages"]} <= roles
    for side in ("chosen", "rejected"):
        assert row[side]["role"] == "assistant" and isinstance(row[side]["content"], str)
    return row["messages"], row["chosen"], row["rejected"]


def as_llama_factory_reads_it(row: dict, entry: dict) -> tuple[list, str, str]:
    """What LLaMA-Factory documents for a ShareGPT preference dataset, by its description."""
    columns, tags = entry["columns"], entry["tags"]
    assert entry["formatting"] == "sharegpt" and entry["ranking"] is True
    messages = [dict(message) for message in row[columns["messages"]]]
    system = ""
    if messages[0][tags["role_tag"]] == tags["system_tag"]:
        system = messages.pop(0)[tags["content_tag"]]
    for turn, message in enumerate(messages):
        assert message[tags["role_tag"]] == tags["assistant_tag" if turn % 2 else "user_tag"]
    assert len(messages) % 2 == 1
    sides = [row[columns[side]] for side in ("chosen", "rejected")]
    assert all(side[tags["role_tag"]] == tags["assistant_tag"] for side in sides)
    chosen, rejected = (side[tags["content_tag"]] for side in sides)
    return [system, *(message[tags["content_tag"]] for message in messages)], chosen, rejected


def test_axolotl_and_llama_factory_find_what_they_document(chats):
    entry = json.loads((chats / "dataset_info.json").read_text())["quotetune_pairs"]
    for number, row in enumerate(lines(chats / entry["file_name"])):
        messages, chosen, rejected = as_axolotl_reads_it(row)
        assert messages == CHATS[number]["messages"]
        found = as_llama_factory_reads_it(row, entry)
        assert found == (
            ["Be brief.", f"Where, {number}?"],
            chosen["content"],
            rejected["content"],
        )
        assert chosen["content"] == TEXT


def test_texts_that_are_continued_are_described_as_texts(texts):
    entry = json.loads((texts / "dataset_info.json").read_text())["quotetune_pairs"]
    assert entry == {
        "file_name": "train.parquet",
        "ranking": True,
        "columns": {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"},
    }
    assert not (texts / "messages.jsonl").exists()
    assert "field_prompt: prompt" in (texts / "README.md").read_text()


def test_the_card_says_how_many_there_are_and_how_they_were_made(chats):
    _, head, body = (chats / "README.md").read_text().split("---\n", 2)
    assert "tags: [quotetune, preference, dpo" in head
    # With `configs`, datasets would take another directory of the same name from its cache.
    assert "configs" not in head
    assert "4 pairs from 4 prompts" in body and '"rule": "random_partner"' in body
    assert "2 chosen responses were cut" in body


def test_trl_trains_on_it(chats, tmp_path):
    import trl
    from datasets import load_dataset

    from tiny_model import save_tiny_model

    options = trl.DPOConfig(
        output_dir=str(tmp_path / "out"),
        max_steps=2,
        per_device_train_batch_size=2,
        logging_steps=1,
        bf16=False,
        gradient_checkpointing=False,
        save_strategy="no",
        disable_tqdm=True,
    )
    dataset = load_dataset(str(chats), split="train", cache_dir=str(tmp_path))
    trainer = trl.DPOTrainer(
        model=str(save_tiny_model(tmp_path / "model")), args=options, train_dataset=dataset
    )
    row = trainer.train_dataset[0]
    tokenizer = trainer.processing_class
    shown = tokenizer.decode(row["prompt_ids"] + row["chosen_ids"])
    # The tiny tokenizer knows ASCII only.
    assert "[user] Where, 0?\n[assistant]" in shown and 'The cat sat on\n"the mat"' in shown
    trainer.train()
    assert trainer.state.log_history[0]["loss"] == pytest.approx(0.6931, abs=1e-3)


def test_what_cannot_be_uploaded_is_complete_and_says_how_to(index, tmp_path, capsys):
    samples = write_samples(tmp_path / "samples", CHATS)
    arguments = ["pair", samples, "--index", index, "-o", tmp_path / "pairs", "--push-to-hub"]
    assert quotetune(*arguments, "not a name") == 2
    assert "not the name of a repository: write it as OWNER/NAME" in capsys.readouterr().err
    assert not (tmp_path / "pairs").exists()
    assert quotetune(*arguments, "me/pairs") == 1
    error = capsys.readouterr().err
    assert "is complete, but could not be uploaded to me/pairs" in error
    assert f"`hf upload me/pairs {tmp_path / 'pairs' / 'dataset'} --repo-type dataset`" in error
    assert (tmp_path / "pairs" / "dataset" / "train.parquet").exists()


def test_samples_whose_prompts_are_not_known_give_no_dataset(index, tmp_path, capsys):
    samples = write_samples(tmp_path / "samples", CHATS)
    (samples / "job.json").unlink()
    arguments = ["pair", samples, "--index", index, "-o", tmp_path / "pairs"]
    assert quotetune(*arguments, "--push-to-hub", "me/pairs") == 2
    assert "has no job.json" in capsys.readouterr().err
    assert quotetune(*arguments) == 0
    assert not (tmp_path / "pairs" / "dataset").exists()
