"""Settings of an adapter are refused exactly if PEFT or vLLM cannot use them as a run does."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from quotetune.config import Config
from quotetune.config.open_blocks import lora_problems
from quotetune.pipeline.preflight.adapters import adapter_problems
from tiny_model import save_bare_gpt2


def problems(content: dict[str, Any], **blocks: Any) -> list[str]:
    config = Config.model_validate({**content, **blocks})
    return list(map(str, adapter_problems(config)))


def loaded(content: dict[str, Any]) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(content["model"]["path"])


def adapted(content: dict[str, Any], options: dict[str, Any]) -> Any:
    from peft import LoraConfig, get_peft_model

    defaults = {"r": 4, "target_modules": "all-linear", "task_type": "CAUSAL_LM"}
    return get_peft_model(loaded(content), LoraConfig(**defaults | options))


def output(model: Any) -> Any:
    import torch

    with torch.no_grad():
        return model(torch.arange(5, 25)[None]).logits


def alike(first: Any, second: Any) -> bool:
    return float((first - second).abs().max()) < 1e-3


def test_each_target_must_match(content: dict[str, Any]) -> None:
    [line] = problems(content, lora={"target_modules": ["q_proj", "FAKE"]})
    assert line.startswith("lora.target_modules: FAKE matches no module")
    [line] = problems(content, lora={"target_modules": "("})
    assert "is not a regular expression" in line
    [line] = problems(content, absorb={"lora": {"target_modules": ["c_attn"]}})
    assert line.startswith("absorb.lora.target_modules: ")
    assert "lm_head" in problems(content, lora={"target_modules": ["lm_head"]})[0]


def test_a_module_is_known_by_the_last_part_of_its_name(content: dict[str, Any]) -> None:
    sampling = {**content["sampling"], "backend": "vllm"}
    for targets in (["embed_tokens"], ["q_proj", "model.embed_tokens"], "model.embed_tokens"):
        found = problems(content, lora={"target_modules": targets}, sampling=sampling, rounds=2)
        assert len(found) == 2
        assert "embed_tokens is adapted, which is not copied into the reference" in found[0]
        assert "embed_tokens cannot be sampled by vLLM" in found[1]
    for targets in (["lm_head"], ["model.lm_head"], "lm_head"):
        found = problems(content, lora={"target_modules": targets})
        assert any("lm_head would not be trained, because" in line for line in found)


LORA: list[dict[str, Any]] = [
    {},
    {"use_rslora": True},
    {"use_dora": True},
    {"modules_to_save": ["lm_head"]},
    {"lora_bias": True},
    {"layer_replication": [[0, 1]]},
    {"init_lora_weights": "pissa"},
    {"init_lora_weights": "pissa_niter_16"},
    {"init_lora_weights": "olora"},
    {"init_lora_weights": "gaussian"},
    {"init_lora_weights": False},
]


@pytest.mark.parametrize("options", LORA, ids=str)
def test_an_adapter_is_refused_exactly_if_vllm_cannot_load_it(
    content: dict[str, Any], options: dict[str, Any]
) -> None:
    from vllm.config.lora import LoRAConfig
    from vllm.lora.peft_helper import PEFTHelper

    saved = {"r": 8, "lora_alpha": 8, "target_modules": ["q_proj"], **options}
    try:
        PEFTHelper.from_dict(saved).validate_legal(LoRAConfig(max_lora_rank=16))
        refused = False
    except ValueError:
        refused = True
    sampling = {**content["sampling"], "backend": "vllm"}
    found = [
        line
        for line in problems(content, lora=options, sampling=sampling)
        if "cannot be sampled" in line or "does not see" in line
    ]
    assert bool(found) == refused
    sampling["backend"] = "transformers"
    others = problems(content, lora=options, sampling=sampling)
    assert all("DPO's reference" in line for line in others)


@pytest.mark.parametrize(("key", "value"), [("r", 0), ("r", -1), ("lora_dropout", 1.5)])
def test_numbers_of_an_adapter_are_in_range(
    content: dict[str, Any], key: str, value: float
) -> None:
    for blocks in ({"lora": {key: value}}, {"absorb": {"lora": {key: value}}}):
        [line] = problems(content, **blocks)
        assert f"lora.{key}: is {value}: set it to " in line


# Modules and numbers, with which PEFT makes an adapter or not.
MADE: list[dict[str, Any]] = [
    {},
    {"r": 0},
    {"target_modules": ["q_proj", "v_proj"]},
    {"target_modules": ["proj"]},
    {"target_modules": ["c_attn"]},
    {"target_modules": ["self_attn.q_proj"]},
    {"target_modules": ["layers.0.self_attn.q_proj"]},
    {"target_modules": r".*\.q_proj"},
    {"target_modules": "q_proj"},
    {"target_modules": []},
    {"target_modules": [], "target_parameters": ["q_proj.weight"]},
    {"exclude_modules": ".*"},
    {"exclude_modules": "("},
    {"exclude_modules": [], "target_modules": ["q_proj"]},
    {"exclude_modules": ["k_proj"]},
    {"exclude_modules": ["q_proj"], "target_modules": ["q_proj"]},
    {"exclude_modules": r".*\.0\..*", "target_modules": ["q_proj"]},
    {"layers_to_transform": [1], "target_modules": ["q_proj"]},
    {"layers_to_transform": 99, "target_modules": ["q_proj"]},
    {"layers_to_transform": -1, "target_modules": ["q_proj"]},
    {"layers_to_transform": [1], "layers_pattern": "layers", "target_modules": ["q_proj"]},
    {"layers_to_transform": [1], "layers_pattern": "h", "target_modules": ["q_proj"]},
    {"rank_pattern": {"q_proj": 2}},
    {"rank_pattern": {"q_proj": 0}},
    {"rank_pattern": {"q_proj": "high"}},
    {"rank_pattern": {"q_proj": 2.5}},
    {"rank_pattern": {"(": 2}},
    {"alpha_pattern": {"q_proj": 2.5}},
    {"alpha_pattern": {"q_proj": "1"}},
    {"trainable_token_indices": [98]},
    {"trainable_token_indices": [99]},
    {"trainable_token_indices": {"embed_tokens": [1]}},
    {"trainable_token_indices": {"embed": [1]}},
    {"init_lora_weights": "corda"},
    {"init_lora_weights": "orthogonal", "r": 5},
    {"init_lora_weights": "gaussian"},
    {"megatron_config": {"a": 1}},
]


@pytest.mark.parametrize("options", MADE, ids=str)
@pytest.mark.filterwarnings("ignore")
def test_an_adapter_is_refused_exactly_if_peft_cannot_make_it(
    content: dict[str, Any], options: dict[str, Any]
) -> None:
    try:
        adapted(content, options)
        refused = False
    except Exception:
        refused = True
    for block, blocks in (
        ("lora", {"lora": options}),
        ("absorb.lora", {"absorb": {"lora": options}}),
    ):
        found = problems(content, **blocks)
        assert bool(found) == refused, found
        assert all(line.startswith(f"{block}.") and line.count(": ") >= 2 for line in found)


# PEFT makes an adapter, but not the one that the keys say.
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"lora_alpha": 0}, "lora_alpha: is 0: set it above 0"),
        ({"alpha_pattern": {"q_proj": 0}}, "alpha_pattern: q_proj is 0: set it above 0"),
        ({"alpha_pattern": {"q_proj": math.inf}}, "alpha_pattern: q_proj is inf: set it above 0"),
        ({"lora_alpha": math.nan}, "lora_alpha: is nan: set it above 0"),
        (
            {"rank_pattern": {"q_proj": True}},
            "rank_pattern: q_proj is True, which is not a whole number: set it to 1 or more",
        ),
        ({"rank_pattern": {"c_attn": 2}}, "rank_pattern: c_attn matches no adapted module"),
        (
            {"target_modules": ["q_proj"], "rank_pattern": {"k_proj": 2}},
            "rank_pattern: k_proj matches no adapted module: choose from q_proj",
        ),
        ({"exclude_modules": ["c_attn"]}, "exclude_modules: c_attn matches no module"),
        ({"modules_to_save": ["foo"]}, "modules_to_save: foo matches no module"),
        ({"modules_to_save": ["norm", "score"]}, "modules_to_save: score matches no module"),
        (
            {"target_modules": ["q_proj"], "layers_to_transform": [0, 99]},
            "layers_to_transform: 99 is not an adapted layer of the model: choose from 0 to 1",
        ),
        (
            {"target_parameters": ["q_proj.weight", "FAKE.weight"]},
            "target_parameters: FAKE.weight matches no parameter of the model: correct it",
        ),
        ({"task_type": "SEQ_CLS"}, "task_type: is SEQ_CLS, and a run trains CAUSAL_LM"),
        ({"init_lora_weights": "eva"}, "init_lora_weights: eva needs a preparation"),
        ({"init_lora_weights": "lora_ga"}, "init_lora_weights: lora_ga needs a preparation"),
        ({"init_lora_weights": "loftq"}, "init_lora_weights: loftq is for a"),
    ],
)
def test_an_adapter_that_is_not_the_one_of_its_keys_is_refused(
    content: dict[str, Any], options: dict[str, Any], said: str
) -> None:
    [line] = problems(content, lora=options)
    assert line.startswith(f"lora.{said}")
    [line] = problems(content, absorb={"lora": options})
    assert line.startswith(f"absorb.lora.{said}")


def test_loftq_is_refused_once(content: dict[str, Any]) -> None:
    options = {"init_lora_weights": "loftq"}
    assert len(lora_problems(options) + problems(content, lora=options)) == 1


def test_modules_are_saved_by_the_ends_of_their_names(content: dict[str, Any]) -> None:
    for name in ("norm", "embed_tokens", "lm_head", "layers.1.mlp"):
        assert not problems(content, lora={"modules_to_save": [name]})


@pytest.mark.parametrize("name", ["arrow_config", "runtime_config", "peft_type"])
def test_keys_of_peft_that_yaml_cannot_set_are_refused(name: str) -> None:
    [problem] = lora_problems({name: {}})
    assert problem.text.startswith("cannot be set here") and problem.text.endswith("remove it")


@pytest.fixture(scope="module")
def bare(content: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    directory = save_bare_gpt2(tmp_path_factory.mktemp("gpt2") / "model")
    return {**content, "model": {**content["model"], "path": str(directory)}}


@pytest.mark.parametrize(
    "options",
    [
        {"target_modules": r".*\.attn\.c_attn"},
        {"target_modules": r"transformer\.h\.\d+\.attn\.c_attn"},
        {"target_modules": ["transformer.h.0.attn.c_attn"]},
        {"target_modules": ["c_attn"], "layers_to_transform": [0]},
        {"target_modules": ["c_attn"], "layers_to_transform": [0], "layers_pattern": "h"},
        {"target_modules": ["c_attn"], "rank_pattern": {"^transformer.h.0.attn.c_attn": 2}},
        {"target_modules": ["c_attn"], "modules_to_save": ["transformer.ln_f"]},
        {"target_modules": [], "target_parameters": ["transformer.h.0.attn.c_attn.weight"]},
        {"trainable_token_indices": {"transformer.wte": [1]}},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore")
def test_names_of_a_model_with_other_names_in_its_files_are_not_refused(
    bare: dict[str, Any], options: dict[str, Any]
) -> None:
    assert any(one.requires_grad for one in adapted(bare, options).parameters())
    assert not problems(bare, lora=options)
    [line] = problems(bare, lora={**options, "r": 0})
    assert line.startswith("lora.r: is 0")


def test_names_of_a_model_for_text_and_pictures_are_not_refused(
    content: dict[str, Any], tmp_path: Path
) -> None:
    copy = shutil.copytree(content["model"]["path"], tmp_path / "model")
    file = copy / "config.json"
    settings = json.loads(file.read_text())
    other = {**content, "model": {**content["model"], "path": str(copy)}}
    options = {"target_modules": r"model\.language_model\..*\.q_proj"}
    assert problems(other, lora=options)
    file.write_text(json.dumps({**settings, "text_config": settings}))
    assert not problems(other, lora=options)


STARTS: list[dict[str, Any]] = [
    {"init_lora_weights": True},
    {"init_lora_weights": "gaussian"},
    {"init_lora_weights": "orthogonal"},
    {"init_lora_weights": "mica"},
    {"init_lora_weights": "pissa"},
    {"init_lora_weights": "pissa_niter_4"},
    {"init_lora_weights": "olora"},
    {"use_dora": True},
    {"modules_to_save": ["norm"]},
    {"kasa_config": {}},
    {"layer_replication": [[0, 1], [0, 2]]},
]


@pytest.mark.parametrize("options", STARTS, ids=str)
@pytest.mark.filterwarnings("ignore")
def test_an_adapter_is_refused_exactly_if_the_model_without_it_is_another(
    content: dict[str, Any], options: dict[str, Any]
) -> None:
    base, model = output(loaded(content)), adapted(content, options)
    with model.disable_adapter():
        changed = not alike(output(model), base)
    found = problems(content, lora=options)
    assert bool(found) == changed
    assert all("without its adapter it is DPO's reference: leave it out" in line for line in found)
    if "init_lora_weights" in options:  # merged, all of them start as the base model
        assert alike(output(model.merge_and_unload()), base)
        assert not problems(content, absorb={"lora": options})


CONTINUED: list[dict[str, Any]] = [
    {},
    {"use_dora": True},
    {"modules_to_save": ["embed_tokens"]},
    {"target_modules": [], "target_parameters": ["q_proj.weight"]},
    {"trainable_token_indices": [5, 6, 7]},
    {"target_modules": ["embed_tokens", "q_proj"]},
    {"bias": "all"},
    {"bias": "lora_only"},
]


@pytest.mark.parametrize("options", CONTINUED, ids=str)
@pytest.mark.filterwarnings("ignore")
def test_an_adapter_is_refused_in_later_rounds_exactly_if_its_frozen_copy_differs(
    content: dict[str, Any], tmp_path: Path, options: dict[str, Any]
) -> None:
    import torch
    from trl import DPOConfig, DPOTrainer

    from quotetune.models.tokenizer import load_tokenizer
    from quotetune.training.dpo_session import load_pairs
    from quotetune.training.preference_trainer import PreferenceTrainer
    from training_data import random_rows, write_pairs

    model = adapted(content, options)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.1 * torch.randn_like(parameter)
    pairs = load_pairs(write_pairs(tmp_path / "pairs.parquet", random_rows(2)), tmp_path)
    arguments = DPOConfig(str(tmp_path), bf16=False, use_cpu=True, report_to="none")
    try:
        trainer: DPOTrainer = PreferenceTrainer(
            notice=print,
            model=model,
            args=arguments,
            train_dataset=pairs,
            processing_class=load_tokenizer(Config.model_validate(content).model),
        )
    except ValueError:
        copied = False
    else:
        trainer.model.eval()
        trained = output(trainer.model.base_model.model)
        trainer.model.set_adapter("ref")
        copied = alike(output(trainer.model.base_model.model), trained)
    found = problems(content, lora=options, rounds=2)
    assert bool(found) != copied
    assert all("the later rounds continue the adapter" in line for line in found)
    assert bool(problems(content, lora=options, absorb={"documents": "all"})) != copied
    assert not problems(content, lora=options)
    assert not problems(content, lora=options, rounds=2, reference="base")


def test_a_rank_above_vllm_s_highest_is_refused_if_vllm_samples(content: dict[str, Any]) -> None:
    sampling = {**content["sampling"], "backend": "vllm"}
    for key, options in (("r", {"r": 1024}), ("rank_pattern", {"rank_pattern": {"q_proj": 513}})):
        [line] = problems(content, lora=options, sampling=sampling)
        assert line.startswith(f"lora.{key}: is ") and "up to 512: lower it" in line
        assert not problems(content, lora=options)
        assert not problems(content, absorb={"lora": options}, sampling=sampling)
    assert not problems(content, lora={"r": 512}, sampling=sampling)
