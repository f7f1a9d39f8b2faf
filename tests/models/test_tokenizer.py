"""The tokenizer of a model: its settings, and the errors if it cannot be loaded."""

import json

import pytest

from quotetune.config import ModelConfig
from quotetune.errors import UsageError
from quotetune.models.tokenizer import end_tokens, load_tokenizer
from tiny_model import save_tiny_model, tiny_tokenizer


def test_it_is_the_tokenizer_beside_the_weights(tmp_path):
    model = ModelConfig(path=str(save_tiny_model(tmp_path / "model")))
    text = "A glacier is ice."
    assert load_tokenizer(model)(text)["input_ids"] == tiny_tokenizer()(text)["input_ids"]


def test_a_directory_without_one_is_named(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    with pytest.raises(UsageError) as caught:
        load_tokenizer(ModelConfig(path=str(tmp_path)))
    message = str(caught.value)
    assert message.startswith(f"model.path {tmp_path}: its tokenizer cannot be loaded (")
    assert message.endswith("): put the tokenizer's files beside the weights")
    assert "\n" not in message


def test_a_model_that_does_not_exist_is_an_error_before_transformers_looks_for_it():
    with pytest.raises(UsageError, match=r"model.path: ./nowhere: there is no such directory"):
        load_tokenizer(ModelConfig(path="./nowhere"))


def test_code_beside_a_tokenizer_runs_only_if_it_is_trusted(tmp_path):
    kind = {"AutoTokenizer": ["code.Mine", None]}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "own", "auto_map": kind}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"auto_map": kind}))
    (tmp_path / "code.py").write_text("raise OSError('it has run')\n")
    with pytest.raises(UsageError, match=r"set model\.trust_remote_code to true"):
        load_tokenizer(ModelConfig(path=str(tmp_path)))


@pytest.mark.parametrize(
    ("generation", "config", "ends"),
    [
        ({"eos_token_id": 0}, 1, [0, 2]),
        ({"eos_token_id": [7, 2, 9]}, 1, [2, 7, 9]),
        ({}, 1, [2]),  # the file decides, even if it names none
        (None, 1, [1, 2]),
        (None, None, [2]),
    ],
)
def test_the_ends_are_those_of_the_tokenizer_and_of_the_model(tmp_path, generation, config, ends):
    directory = save_tiny_model(tmp_path / "model")
    settings = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps(settings | {"eos_token_id": config}))
    (directory / "generation_config.json").unlink()
    if generation is not None:
        (directory / "generation_config.json").write_text(json.dumps(generation))
    model = ModelConfig(path=str(directory))
    assert end_tokens(model, load_tokenizer(model)) == ends
