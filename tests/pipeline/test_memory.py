"""The estimated peak of a training beside that of steps on fake tensors."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from benchmarks.fake_step import peak_of_step
from transformers import LlamaConfig, PreTrainedConfig

from quotetune.config import ModelConfig
from quotetune.models.config_size import known_size
from quotetune.models.size import ModelSize, model_size
from quotetune.pipeline.memory import GPU_PROCESS, Training, training_peak
from quotetune.pipeline.peaks import MAX_LENGTH, batch_of
from tiny_model import save_tiny_model

LLAMA_8B = LlamaConfig(
    vocab_size=128256,
    hidden_size=4096,
    intermediate_size=14336,
    num_hidden_layers=32,
    num_attention_heads=32,
    num_key_value_heads=8,
    tie_word_embeddings=False,
    dtype="bfloat16",
)
LORA = {"r": 16, "target_modules": "all-linear"}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of the Hub that has configs and no weights."""
    cache = tmp_path_factory.mktemp("hub")
    save_config(cache, "some/llama-8b", LLAMA_8B)
    return cache


def save_config(cache: Path, name: str, config: PreTrainedConfig) -> Path:
    repository = cache / f"models--{name.replace('/', '--')}"
    snapshot = repository / "snapshots" / ("0" * 40)
    config.architectures = ["LlamaForCausalLM"]
    config.save_pretrained(snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    return snapshot


@pytest.fixture(autouse=True)
def _cache(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(hub))


def size_on_hub(name: str) -> ModelSize:
    size = known_size(ModelConfig(path=name))
    assert isinstance(size, ModelSize), size
    return size


def test_the_config_alone_says_the_size_of_a_model_on_the_hub() -> None:
    size = size_on_hub("some/llama-8b")
    # The number that the authors of Llama 3 state (Grattafiori et al. 2024), by hand:
    block = 2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14336 + 2 * 4096
    assert size.parameters == 2 * 128256 * 4096 + 32 * block + 4096 == 8_030_261_248
    assert size.bytes == 2 * size.parameters
    assert len(size.linear_layers) == 32 * 7


def test_files_of_weights_say_the_same_as_the_config(hub: Path, tmp_path: Path) -> None:
    stored = save_tiny_model(tmp_path / "model")
    here = model_size(stored)
    assert here is not None
    snapshot = save_config(hub, "some/tiny", LlamaConfig.from_pretrained(stored))
    assert size_on_hub("some/tiny") == here
    # A download that was cut off is not taken for the whole model.
    (snapshot / "model.safetensors.index.json").write_text(
        '{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}'
    )
    (snapshot / "model-1.safetensors").write_bytes((stored / "model.safetensors").read_bytes()[:99])
    assert size_on_hub("some/tiny") == here


def test_what_is_not_known_has_a_reason(hub: Path) -> None:
    reason = known_size(ModelConfig(path="some/other"))
    assert reason == "some/other is not in the Hub's local cache, and the Hub has not answered"
    snapshot = save_config(hub, "some/strange", LlamaConfig())
    (snapshot / "config.json").write_text(
        '{"model_type": "own", "auto_map": {"AutoConfig": "a.B"}}'
    )
    assert "the config of some/strange does not say it" in str(
        known_size(ModelConfig(path="some/strange"))
    )


def test_no_code_beside_a_config_is_run_and_nobody_is_asked_whether_it_may(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("builtins.input", lambda question="": asked.append(question) or "y")
    snapshot = save_config(hub, "some/coded", LLAMA_8B)
    (snapshot / "config.json").write_text(
        '{"model_type": "own", "auto_map": {"AutoConfig": "own.Config"}}'
    )
    (snapshot / "own.py").write_text("raise SystemExit('this was run')")
    for trusted in (False, True):
        model = ModelConfig(path="some/coded", trust_remote_code=trusted)
        assert "the config of some/coded does not say it" in str(known_size(model))
    assert not asked


def test_a_config_of_weights_that_are_stored_quantised_does_not_say_their_size(hub: Path) -> None:
    config = deepcopy(LLAMA_8B)
    config.quantization_config = {"quant_method": "gptq", "bits": 4}
    save_config(hub, "some/packed", config)
    reason = known_size(ModelConfig(path="some/packed"))
    assert reason == "the weights of some/packed are stored quantised (gptq)"


@pytest.mark.parametrize(
    ("layers", "lora", "dtype", "options"),
    [
        pytest.param(32, LORA, "bfloat16", {"bf16": True}, marks=pytest.mark.slow),
        pytest.param(32, None, "bfloat16", {"bf16": True}, marks=pytest.mark.slow),
        # All blocks are alike, so that eight of them show what differs.
        (8, LORA, "bfloat16", {"bf16": True}),
        (8, None, "bfloat16", {"bf16": True}),
        (8, LORA, "bfloat16", {"bf16": True, "gradient_checkpointing": False}),
        (8, {"r": 64, "target_modules": ["q_proj", "v_proj"]}, "bfloat16", {"bf16": True}),
        (8, LORA, "float32", {"bf16": False}),
        (8, None, "bfloat16", {"bf16": True, "gradient_checkpointing": False}),
        (8, None, "float32", {"bf16": False}),
    ],
    ids=str,
)
def test_the_estimate_for_8b_is_close_to_fake_steps(
    hub: Path, layers: int, lora: dict[str, Any] | None, dtype: str, options: dict[str, Any]
) -> None:
    config, limit = deepcopy(LLAMA_8B), 640
    config.num_hidden_layers = layers
    if not (hub / f"models--some--of-{layers}").exists():
        save_config(hub, f"some/of-{layers}", config)
    fake = peak_of_step(
        config,
        dtype=torch.float32 if lora is None else getattr(torch, dtype),
        lora=lora,
        mixed=options["bf16"],
        checkpointing=options.get("gradient_checkpointing", True),
        sequences=8,
        length=limit,
        completion=limit // 2,
    )
    training = Training(options, lora, dtype, 8, limit, on_gpu=True, fast_bf16=True)
    estimated = training_peak(size_on_hub(f"some/of-{layers}"), training) - GPU_PROCESS
    assert estimated == pytest.approx(fake, rel=0.1)


def test_a_reference_model_and_accumulated_gradients_take_four_bytes_per_weight_each() -> None:
    size = size_on_hub("some/llama-8b")

    def peak(*, reference: bool = False, **options: Any) -> float:
        options = {"bf16": True, "gradient_checkpointing": False, **options}
        training = Training(
            options, None, "auto", 8, 640, on_gpu=True, fast_bf16=True, reference=reference
        )
        return training_peak(size, training)

    assert peak(reference=True) - peak() == 4 * size.parameters
    # While the activations are there, the gradients of the batches before are, too.
    assert peak(gradient_accumulation_steps=4) - peak() == 4 * size.parameters
    assert peak() - peak(optim="adamw_8bit") == 6 * size.parameters


def test_batches_and_lengths_are_those_of_the_libraries(tmp_path: Path) -> None:
    from trl import DPOConfig, SFTConfig

    for kind in (DPOConfig, SFTConfig):
        own = kind(output_dir=str(tmp_path), use_cpu=True, bf16=False)
        assert own.max_length == MAX_LENGTH
        assert own.per_device_train_batch_size == batch_of({}, on_gpu=True)
        assert own.gradient_checkpointing
        assert str(own.optim.value).startswith("adamw")


def test_a_cpu_s_own_defaults_are_those_of_the_training() -> None:
    from quotetune.training.defaults import default_dpo_options

    if torch.accelerator.is_available():
        pytest.skip("a CPU's defaults are for machines without a GPU")
    ours = default_dpo_options({}, lora=True)
    assert ours["per_device_train_batch_size"] == batch_of({}, on_gpu=False)
    assert ours["gradient_checkpointing"] is False
    given = {"gradient_accumulation_steps": 4}
    assert "per_device_train_batch_size" not in default_dpo_options(given, lora=True)
    assert batch_of(given, on_gpu=False) == batch_of({}, on_gpu=True)
