"""A process that runs models imports bitsandbytes wherever a model or an option may need it."""

import gc
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import transformers.utils

from quotetune.models.quick_imports import quick_imports


@pytest.fixture(autouse=True)
def _put_back(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = gc.get_threshold()
    for name in ("is_sklearn_available", "is_scipy_available"):
        monkeypatch.setattr(transformers.utils, name, getattr(transformers.utils, name))
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    del sys.modules["bitsandbytes"]
    yield
    gc.set_threshold(*before)


def is_hidden(models: list[dict[str, Any]], options: dict[str, Any] | None = None) -> bool:
    quick_imports(models, options)
    return "bitsandbytes" in sys.modules


def test_no_bitsandbytes_is_imported_for_plain_weights(model: Path) -> None:
    options = {"dpo": {"optim": "adamw_torch"}, "lora": {"r": 4}, "sft": None}
    assert is_hidden([{"path": str(model)}, {"path": str(model), "quantization": None}], options)
    with pytest.raises(ImportError):
        import bitsandbytes  # noqa: F401


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        ({"quantization": "nf4"}, {}),
        ({"path": "some/model-of-a-hub"}, {}),
        ({}, {"dpo": {"optim": "paged_adamw_32bit"}}),
        ({}, {"dpo": {"optim": "rmsprop_bnb"}}),
        ({}, {"sft": {"optim": "adamw_8bit"}}),
        ({}, {"lora": {"init_lora_weights": "loftq"}}),
    ],
    ids=str,
)
def test_it_stays_where_a_model_or_an_option_may_need_it(
    model: Path, settings: dict[str, Any], options: dict[str, Any]
) -> None:
    plain = {"path": str(model)}
    assert not is_hidden([plain, plain | settings], options)


def test_it_stays_for_weights_that_are_stored_quantised(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "model")
    config = tmp_path / "model" / "config.json"
    stored = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    config.write_text(json.dumps(json.loads(config.read_text()) | {"quantization_config": stored}))
    assert not is_hidden([{"path": str(tmp_path / "model")}])
