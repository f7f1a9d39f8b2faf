"""An adapter of which PEFT would leave out a part is refused when it is loaded."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from quotetune.errors import QuotetuneError
from quotetune.models.load_adapter import with_adapter
from tiny_model import save_tiny_adapter, save_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("model")
    save_tiny_model(directory)
    return directory


def loaded(model: Path, adapter: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return with_adapter(AutoModelForCausalLM.from_pretrained(model), adapter, trainable=True)


@pytest.mark.parametrize(
    "settings",
    [
        {"target_modules": ["q_proj"]},
        {"target_modules": r".*\.layers\.0\..*_proj"},
        {"target_modules": ["q_proj", "v_proj"], "layers_to_transform": [0]},
        {"exclude_modules": ["v_proj"]},
        {"modules_to_save": ["lm_head"]},
        {"lora_alpha": None},
        {"use_dora": True},
        {"r": 8},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore")
def test_settings_that_do_not_fit_the_weights_are_refused(
    model: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    adapter = save_tiny_adapter(model, tmp_path / "adapter")
    assert sum(one.requires_grad for one in loaded(model, adapter).parameters()) == 28
    copy = shutil.copytree(adapter, tmp_path / "copy")
    file = copy / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))
    with pytest.raises(QuotetuneError, match=r"copy: its weights do not fit the model's modules"):
        loaded(model, copy)
