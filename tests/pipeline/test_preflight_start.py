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
from tiny_model import save_bare_gpt2, save_tiny_adapter

PREFIX = "base_model.model."
PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
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
    change_settings(copy, **settings)
    return copy


def with_settings(content: dict[str, Any], directory: Path, **settings: Any) -> Path:
    """Copy the adapter, with other settings, and with weights that fit them."""
    import torch

    copy = damaged(content, directory, **settings)
    weights, rank = load_file(copy / WEIGHTS), settings.get("r", 4)
    for name, one in list(weights.items()):
        if name.endswith(".lora_A.weight"):
            weights[name] = torch.zeros(rank, one.shape[1])
        else:
            weights[name] = torch.zeros(one.shape[0], rank)
            if settings.get("use_dora"):
                vector = name.replace("lora_B.weight", "lora_magnitude_vector")
                weights[vector] = torch.ones(one.shape[0])
    save_file(weights, copy / WEIGHTS)
    return copy


def change_settings(adapter: Path, **settings: Any) -> None:
    saved = json.loads((adapter / SETTINGS).read_text())
    (adapter / SETTINGS).write_text(json.dumps(saved | settings))


def with_changed(**settings: Any) -> Callable[[Path], None]:
    return lambda adapter: change_settings(adapter, **settings)


def rename(adapter: Path, old: str, new: str) -> None:
    """Change the names of the weights, and those in the settings."""
    weights = load_file(adapter / WEIGHTS)
    save_file({name.replace(old, new): one for name, one in weights.items()}, adapter / WEIGHTS)
    targets = json.loads((adapter / SETTINGS).read_text())["target_modules"]
    change_settings(adapter, target_modules=[name.replace(old, new) for name in targets])


def renamed(old: str, new: str) -> Callable[[Path], None]:
    """Change the names of weights alone."""

    def write(adapter: Path) -> None:
        weights = load_file(adapter / WEIGHTS)
        save_file({name.replace(old, new): one for name, one in weights.items()}, adapter / WEIGHTS)

    return write


def without_weights(part: str) -> Callable[[Path], None]:
    def write(adapter: Path) -> None:
        weights = load_file(adapter / WEIGHTS)
        save_file(
            {name: one for name, one in weights.items() if part not in name}, adapter / WEIGHTS
        )

    return write


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
            "language_model.layers.0.mlp.down_proj, and the model's module is named model.layers",
        ),
        (
            lambda adapter: rename(adapter, "model.layers", "layers"),
            "adapts layers.0.mlp.down_proj, and the model's module is named model.layers.0.mlp",
        ),
        (
            lambda adapter: rename(adapter, "model.layers", "model.model.layers"),
            "adapts model.model.layers.0.mlp.down_proj, and the model's module is named model.lay",
        ),
        (
            lambda adapter: rename(adapter, "self_attn", "attention"),
            "attention.k_proj, and the model's module is named model.layers.0.self_attn.k_proj",
        ),
        (renamed(PREFIX, f"{PREFIX}_orig_mod."), "has the name of a wrapped model, so PEFT would"),
        (renamed(PREFIX, f"{PREFIX}module."), "has the name of a wrapped model"),
        (renamed(PREFIX, f"{PREFIX}{PREFIX}"), "has the name of a wrapped model"),
        (without_weights("0.self_attn.q_proj.lora_A"), "q_proj.lora_B.weight, but not lora_A.wei"),
        (without_weights("0.self_attn.q_proj.lora_B"), "q_proj.lora_A.weight, but not lora_B.wei"),
        (
            with_changed(target_modules=["q_proj"]),
            "mlp.down_proj has weights, but target_modules and what limits it leave it out",
        ),
        (with_changed(target_modules=r".*\.0\..*_proj"), "layers.1.mlp.down_proj has weights, but"),
        (with_changed(target_modules="("), "its names of modules cannot be matched ("),
        (
            with_changed(target_modules=PROJECTIONS, layers_to_transform=[0]),
            "layers.1.mlp.down_proj has weights, but",
        ),
        (with_changed(exclude_modules=["v_proj"]), "self_attn.v_proj has weights, but"),
        (with_changed(modules_to_save=["mlp"]), "mlp.down_proj has weights, but"),
        (with_changed(r=8), "have rank 4, but r and rank_pattern say 8: correct them"),
        (
            with_changed(rank_pattern={"q_proj": 2}),
            "q_proj have rank 4, but r and rank_pattern say 2",
        ),
        (with_changed(use_dora=True), "use_dora is true, but model.layers.0.mlp.down_proj has no"),
        (with_changed(lora_alpha=None), "lora_alpha is None, with which it has no effect"),
        (with_changed(lora_alpha=0), "lora_alpha is 0, with which it has no effect"),
        (with_changed(task_type="SEQ_CLS"), "task_type is SEQ_CLS, and a run trains CAUSAL_LM"),
        (
            without_weights("layers.1.self_attn.q_proj"),
            "has no weights for model.layers.1.self_attn.q_proj, which its target_modules name",
        ),
        (
            with_changed(target_modules=[*PROJECTIONS, "embed_tokens"]),
            "has no weights for model.embed_tokens, which its target_modules name",
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
        {"modules_to_save": ["mlp"]},  # with the modules in it
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

    adapter = with_settings(content, tmp_path, **settings)
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
        adapter = with_settings(content, tmp_path / str(rank), r=rank)
        found = estimate(with_adapter(content, adapter, lora={}))
        assert found is not None and found.disk is not None
        disk[rank] = found.disk
    assert disk[64] > disk[4]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bare_gpt2(tmp_path_factory.mktemp("gpt2") / "model")


def test_files_may_lack_the_first_part_of_all_names(
    content: dict[str, Any], bare: Path, tmp_path: Path
) -> None:
    adapter = save_tiny_adapter(bare, tmp_path / "adapter")
    of_gpt2 = {**content, "model": {**content["model"], "path": str(bare)}}
    assert start_problems(with_adapter(of_gpt2, adapter)) == []
    targets = {"target_modules": r"transformer\.h\.\d+\.(attn\.c_attn|(attn|mlp)\.c_proj|.*c_fc)"}
    assert start_problems(with_adapter(of_gpt2, adapter, lora=targets)) == []
    rename(adapter, "transformer.h", "h")
    [problem] = start_problems(with_adapter(of_gpt2, adapter))
    assert "adapts h.0.attn.c_attn, and the model's module is named <the model's" in str(problem)


@pytest.mark.parametrize("targets", ["all-linear", ["q_proj", "gate"]], ids=str)
def test_experts_may_have_other_names_in_files(
    content: dict[str, Any], tmp_path: Path, targets: Any
) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, MixtralConfig

    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 2, "vocab_size": 16}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "num_local_experts": 2}
    model = AutoModelForCausalLM.from_config(MixtralConfig(**sizes, **heads))
    model.save_pretrained(tmp_path / "model")
    settings = LoraConfig(r=2, target_modules=targets)
    get_peft_model(model, settings).save_pretrained(tmp_path / "adapter")
    of_experts = {**content, "model": {**content["model"], "path": str(tmp_path / "model")}}
    assert start_problems(with_adapter(of_experts, tmp_path / "adapter", lora={})) == []
