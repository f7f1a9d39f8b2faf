"""A model that does not exist is found out at once, and reported in one line."""

import pytest

from quotetune.config import ModelConfig
from quotetune.errors import UsageError
from quotetune.models import precision
from quotetune.models.files import model_problem, require_model, split_policy
from quotetune.models.precision import measuring_dtype


@pytest.mark.parametrize("path", ["gpt2", "owner/name", "owner/name-1.5_b"])
def test_a_name_of_the_hub_is_no_problem_before_the_hub_is_asked(path):
    assert model_problem(ModelConfig(path=path)) is None


@pytest.mark.parametrize("path", ["./nowhere", "/no/where", "a/b/c", "-x", ".x", "a/.x", "a b"])
def test_a_path_that_is_no_name_of_the_hub_must_be_a_directory(path):
    problem = model_problem(ModelConfig(path=path))
    assert problem is not None
    assert problem.startswith(f"{path}: there is no such directory: put a model's directory there")
    with pytest.raises(UsageError) as caught:
        require_model(ModelConfig(path=path), "preference.judge.model.path")
    assert str(caught.value) == f"preference.judge.model.path: {problem}"


def test_a_directory_must_hold_a_model(tmp_path):
    model = ModelConfig(path=str(tmp_path))
    problem = model_problem(model)
    assert problem is not None and "has no config.json" in problem
    with pytest.raises(UsageError, match=r"model\.path: .*has no config\.json"):
        require_model(model)
    (tmp_path / "config.json").write_text("{}")
    assert model_problem(model) is None
    require_model(model)


def test_a_file_in_the_place_of_a_model_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").write_text("")
    assert model_problem(ModelConfig(path="model")) is not None


def test_a_policy_is_an_adapter_on_the_model_or_a_model_of_its_own(tmp_path):
    model = ModelConfig(path="m", revision="r")
    with pytest.raises(UsageError, match="neither a LoRA adapter"):
        split_policy(model, tmp_path)
    (tmp_path / "config.json").write_text("{}")
    assert split_policy(model, tmp_path) == (ModelConfig(path=str(tmp_path)), None)
    (tmp_path / "adapter_config.json").write_text("{}")
    assert split_policy(model, tmp_path) == (model, tmp_path)
    assert split_policy(model, None) == (model, None)


@pytest.mark.parametrize(
    ("fast", "stated", "loaded"),
    [
        (False, "auto", "float32"),
        (True, "auto", "auto"),
        (False, "bfloat16", "bfloat16"),
        (True, "float32", "float32"),
    ],
)
def test_a_model_measures_in_float32_where_bf16_is_slow(monkeypatch, fast, stated, loaded):
    monkeypatch.setattr(precision, "has_fast_bf16", lambda: fast)
    assert measuring_dtype(ModelConfig(path="m", dtype=stated)) == loaded
