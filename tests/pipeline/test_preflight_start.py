"""An adapter with which a run cannot start is refused before any work, by its file and key."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from safetensors.torch import load_file, save_file

import tiny_run
from quotetune.config import Config
from quotetune.config.validation import validate
from quotetune.models.adapter import read_adapter
from quotetune.pipeline.estimate import estimate
from quotetune.pipeline.preflight.start import start_notices, start_problems
from tiny_model import save_tiny_adapter

SETTINGS, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    directory = tmp_path_factory.mktemp("inputs")
    config = tiny_run.write_inputs(directory, model={"adapter": str(directory / "start")})
    save_tiny_adapter(directory / "model", directory / "start")
    return config


def with_adapter(content: dict[str, Any], adapter: Path, **blocks: Any) -> Config:
    model = {**content["model"], "adapter": str(adapter)}
    return Config.model_validate({**content, "model": model, **blocks})


def damaged(content: dict[str, Any], directory: Path, **settings: Any) -> Path:
    """Copy the adapter, with other settings."""
    copy = shutil.copytree(content["model"]["adapter"], directory / "copy")
    saved = json.loads((copy / SETTINGS).read_text())
    (copy / SETTINGS).write_text(json.dumps(saved | settings))
    return copy


def rename(adapter: Path, old: str, new: str) -> None:
    weights = load_file(adapter / WEIGHTS)
    save_file({name.replace(old, new): one for name, one in weights.items()}, adapter / WEIGHTS)


def without_file(name: str) -> Callable[[Path], None]:
    return lambda adapter: (adapter / name).unlink()


def with_text(name: str, text: str) -> Callable[[Path], None]:
    def write(adapter: Path) -> None:
        (adapter / name).write_text(text)

    return write


def as_model(adapter: Path) -> None:
    (adapter / SETTINGS).rename(adapter / "config.json")


def as_pickle(adapter: Path) -> None:
    (adapter / WEIGHTS).rename(adapter / "adapter_model.bin")


def for_wider_model(adapter: Path) -> None:
    weights = load_file(adapter / WEIGHTS)
    for name in [name for name in weights if name.endswith("q_proj.lora_A.weight")]:
        weights[name] = weights[name].repeat(1, 2)
    save_file(weights, adapter / WEIGHTS)


def with_weights_of_the_model(*names: str) -> Callable[[Path], None]:
    """Save weights of the model beside those of the adapter, as `save_embedding_layers` does."""

    def write(adapter: Path) -> None:
        import torch

        more = {f"base_model.model.{name}": torch.zeros(4, 4) for name in names}
        save_file(load_file(adapter / WEIGHTS) | more, adapter / WEIGHTS)

    return write


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (shutil.rmtree, "there is no such directory: put the adapter there, or correct the path"),
        (
            without_file(SETTINGS),
            f"has no {SETTINGS}, so it is not an adapter in PEFT's form: save",
        ),
        (as_model, "a model, not an adapter: give it as model.path instead"),
        (with_text(SETTINGS, "{"), f"{SETTINGS}: not the settings of an adapter"),
        (with_text(SETTINGS, "[]"), f"{SETTINGS}: not the settings of an adapter"),
        (with_text(SETTINGS, '{"r": 4}'), f"{SETTINGS}: not the settings of an adapter"),
        (with_text(SETTINGS, '{"peft_type": "IA3"}'), "peft_type is IA3, but only LORA can be"),
        (with_text(SETTINGS, '{"peft_type": "LORA", "r": 0}'), "r is 0, but a rank is 1 or more"),
        (as_pickle, f"has no {WEIGHTS}: save the adapter again"),
        (with_text(WEIGHTS, "no tensors"), f"{WEIGHTS}: not a file of safetensors"),
        (lambda adapter: rename(adapter, "lora_A", "a"), f"{WEIGHTS}: has no LoRA weights"),
        (
            lambda adapter: rename(adapter, "base_model.model.", ""),
            "does not start with base_model.model., so PEFT would leave it out: save",
        ),
        (
            lambda adapter: rename(adapter, "model.layers", "model.language_model.layers"),
            "language_model.layers.0.mlp.down_proj, and the model's modules are named like",
        ),
        (
            with_weights_of_the_model("model.embed_tokens.weight", "lm_head.weight"),
            "weights of the model that are not trained with it",
        ),
        (
            with_weights_of_the_model("model.layers.0.self_attn.q_proj.bias"),
            "has model.layers.0.self_attn.q_proj.bias, weights of the model that are not",
        ),
        (
            lambda adapter: rename(adapter, "layers.1.", "layers.7."),
            "which the model does not have (7 of 14 modules): give an adapter of this model",
        ),
        (
            lambda adapter: rename(adapter, "q_proj", "c_attn"),
            "c_attn, which the model does not have (2 of 14 modules)",
        ),
        (for_wider_model, "q_proj for 64 x 128 weights, and the model's are 64 x 64 (2 of 14"),
        (lambda adapter: rename(adapter, "q_proj", "lm_head"), "lm_head would not be trained"),
    ],
)
def test_a_damaged_adapter_is_refused_with_its_place_and_a_remedy(
    content: dict[str, Any], tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    adapter = damaged(content, tmp_path)
    damage(adapter)
    config = with_adapter(content, adapter)
    [problem] = start_problems(config)
    assert str(problem).startswith(f"model.adapter: {adapter}")
    assert said in problem.text
    assert problem.to_provide == (damage is shutil.rmtree)


@pytest.mark.parametrize(
    "options",
    [
        {"modules_to_save": ["norm"]},  # PEFT matches the ends of names
        {"modules_to_save": ["lm_head"]},
        {"bias": "all"},
        {"use_dora": True},
        {"target_modules": ["embed_tokens", "q_proj"]},
        {"trainable_token_indices": [5, 6]},
    ],
    ids=str,
)
def test_all_weights_that_peft_saves_of_an_adapter_are_its_own(
    content: dict[str, Any], tmp_path: Path, options: dict[str, Any]
) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(content["model"]["path"])
    settings = LoraConfig(**{"r": 2, "target_modules": ["q_proj"], **options})
    get_peft_model(model, settings).save_pretrained(tmp_path, save_embedding_layers=False)
    assert read_adapter(tmp_path).rank == 2


def test_the_adapter_that_peft_has_saved_is_accepted_and_described(content: dict[str, Any]) -> None:
    config = Config.model_validate(content)
    assert start_problems(config) == []
    [line] = start_notices(config)
    assert line.startswith(
        "model.adapter: rank 4, alpha 8, on down_proj, gate_proj, k_proj, o_proj"
    )
    assert f"made for {content['model']['path']}: the rounds train it further" in line
    alone = {name: value for name, value in content["model"].items() if name != "adapter"}
    plain = Config.model_validate({**content, "model": alone})
    assert start_problems(plain) == start_notices(plain) == []


def test_another_chat_template_of_the_adapter_is_mentioned(
    content: dict[str, Any], tmp_path: Path
) -> None:
    adapter = damaged(content, tmp_path)
    for template, count in (("{{ other }}", 2), (None, 1)):
        source = Path(content["model"]["path"]) / "chat_template.jinja"
        (adapter / source.name).write_text(template or source.read_text())
        assert len(start_notices(with_adapter(content, adapter))) == count


SAVED: list[dict[str, Any]] = [
    {},
    {"use_rslora": True},
    {"use_dora": True},
    {"modules_to_save": ["embed_tokens"]},
    {"bias": "all"},
    {"init_lora_weights": "pissa"},
    {"r": 1024},
    {"r": 512},
]


@pytest.mark.parametrize("settings", SAVED, ids=str)
def test_an_adapter_is_refused_exactly_if_vllm_cannot_load_it(
    content: dict[str, Any], tmp_path: Path, settings: dict[str, Any]
) -> None:
    from vllm.config.lora import LoRAConfig
    from vllm.lora.peft_helper import PEFTHelper

    adapter = damaged(content, tmp_path, **settings)
    saved = json.loads((adapter / SETTINGS).read_text())
    try:
        PEFTHelper.from_dict(saved).validate_legal(LoRAConfig(max_lora_rank=512))
        refused = saved["bias"] != "none"  # vLLM refuses the biases only when it reads the weights
    except ValueError:
        refused = True
    sampling = {**content["sampling"], "backend": "vllm"}
    found = start_problems(with_adapter(content, adapter, sampling=sampling, lora={}))
    assert bool(found) == refused
    assert all(f"model.adapter: {adapter}: " in str(problem) for problem in found)
    assert any("set sampling.backend to transformers" in one.text for one in found) == refused
    others = start_problems(with_adapter(content, adapter, lora={}))
    # What TRL cannot copy as the reference.
    assert bool(others) == (saved["bias"] != "none" or saved["init_lora_weights"] == "pissa")


@pytest.mark.parametrize(
    ("lora", "said"),
    [
        ({}, None),
        ({"r": 4, "lora_alpha": 8.0, "target_modules": "all-linear"}, None),
        ({"r": 8}, "lora.r: is 8, but model.adapter has 4, and is trained further with its own"),
        ({"lora_dropout": 0.5}, "lora.lora_dropout: is 0.5, but model.adapter has 0.0"),
        ({"target_modules": ["q_proj"]}, "lora.target_modules: is ['q_proj'], but model.adapter"),
        ({"target_modules": r".*_proj"}, None),
        ({"target_modules": r".*\.q_proj"}, "lora.target_modules: is .*\\.q_proj, but"),
    ],
)
def test_keys_of_lora_that_differ_from_the_adapter_are_refused(
    content: dict[str, Any], lora: dict[str, Any], said: str | None
) -> None:
    found = [str(p) for p in start_problems(Config.model_validate({**content, "lora": lora}))]
    assert (found == []) if said is None else found[0].startswith(said)


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        ({"lora": None}, "lora: is null, which trains all weights, but model.adapter is set: set"),
        ({"absorb": {"lora": {"r": 2}}}, "absorb.lora: differs from lora, but all stages train"),
        ({"absorb": {"lora": None}}, "absorb.lora: differs from lora"),
        (
            {"evaluation": {"bart_score": {"path": "m", "adapter": "a"}}},
            "evaluation.bart_score: has an adapter, which only the run's own model can have: merge",
        ),
        (
            {"evaluation": {"perplexity": {"path": "m", "adapter": "a"}}},
            "evaluation.perplexity: has an adapter",
        ),
    ],
)
def test_trainings_of_more_than_the_adapter_and_adapters_of_other_models_are_refused(
    content: dict[str, Any], blocks: dict[str, Any], said: str
) -> None:
    [problem] = validate({**content, **blocks})[1]
    assert str(problem).startswith(said)
    assert validate({**content, "absorb": {}})[1] == []


def test_a_dry_run_describes_the_adapter_and_ends_with_2_if_it_is_of_no_use(
    content: dict[str, Any], quotetune: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(content))
    code, shown, error = quotetune("train", file, "--dry-run")
    assert code == 0, error
    assert shown.startswith("note: model.adapter: rank 4, alpha 8, on down_proj")
    code, _, error = quotetune("train", file, "--dry-run", "--set", "lora.r=16")
    assert code == 2 and "lora.r: is 16, but model.adapter has 4" in error
    missing = ("--set", "model.adapter=nowhere")
    code, shown, _ = quotetune("train", file, "--dry-run", *missing)
    assert code == 0 and shown.startswith("to provide: model.adapter: nowhere: there is no such")
    code, _, error = quotetune("train", file, *missing)
    assert code == 2 and "model.adapter: nowhere: there is no such directory" in error


def test_the_estimate_takes_the_rank_of_the_adapter(
    content: dict[str, Any], tmp_path: Path
) -> None:
    disk = {}
    for rank in (4, 64):
        adapter = damaged(content, tmp_path / str(rank), r=rank)
        found = estimate(with_adapter(content, adapter, lora={}))
        assert found is not None and found.disk is not None
        disk[rank] = found.disk
    assert disk[64] > disk[4]
