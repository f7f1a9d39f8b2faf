"""The kept fields of TRL and PEFT, against the classes themselves."""

import json
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quotetune.config import library_fields
from quotetune.config.library_fields import Block, config_class, declared, encode
from quotetune.config.open_blocks import lora_problems

BLOCKS: tuple[Block, ...] = typing.get_args(Block)
VALUES: list[Any] = [True, 1, -1, 1.5, "x", "2e-4", None, [], ["a"], [1], {}, {"a": 1}, {"a": True}]


def accepts(hint: Any, value: Any) -> bool:
    try:
        adapter = pydantic.TypeAdapter(hint, config={"arbitrary_types_allowed": True})
        adapter.validate_python(value)
    except pydantic.PydanticUserError:
        return True
    except pydantic.ValidationError:
        return False
    return True


@pytest.mark.parametrize("block", BLOCKS)
def test_kept_types_take_what_the_library_s_types_take(block: Block) -> None:
    hints = typing.get_type_hints(config_class(block))
    found = declared(block)
    assert found.name.endswith(config_class(block).__name__)
    assert set(found.fields) <= set(hints)
    for name, field in found.fields.items():
        if "any" in json.dumps(encode(config_class(block))["fields"][name][0]):
            continue  # a class of the library, which the library itself checks
        for value in VALUES:
            assert accepts(field.hint, value) == accepts(hints[name], value), (name, value)


def test_fields_are_read_from_the_file_once_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    declared.cache_clear()
    first = declared("lora")
    [file] = (tmp_path / "quotetune").iterdir()
    declared.cache_clear()
    monkeypatch.setattr(library_fields, "config_class", lambda block: pytest.fail(block))
    assert declared("lora") == first
    for damage in ("{", "{}", '{"name": "x", "fields": {"a": 1}}'):
        file.write_text(damage)
        declared.cache_clear()
        monkeypatch.undo()
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert declared("lora") == first
    declared.cache_clear()


def test_a_cache_that_cannot_be_written_only_costs_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    declared.cache_clear()
    assert "r" in declared("lora").fields
    declared.cache_clear()


@settings(max_examples=200, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "target_modules": st.sampled_from(["x.*", ["q_proj"]]),
            "layers_to_transform": st.sampled_from([1, [1, 2]]),
            "layers_pattern": st.sampled_from(["layers", ["layers"]]),
            "use_dora": st.booleans(),
            "megatron_config": st.just({"a": 1}),
            # Not loftq, which preflight/lora.py refuses whatever is beside it.
            "init_lora_weights": st.sampled_from([True, False, "gaussian", "eva"]),
            "lora_bias": st.booleans(),
        },
    )
)
@pytest.mark.filterwarnings("ignore")
def test_keys_contradict_each_other_exactly_if_peft_says_so(options: dict[str, Any]) -> None:
    from peft import LoraConfig

    try:
        LoraConfig(**options)
    except (ValueError, TypeError, ImportError):
        assert lora_problems(options)
    else:
        assert not lora_problems(options)


def test_a_config_is_checked_without_the_libraries() -> None:
    for block in BLOCKS:
        declared(block)  # so that the files are there
    code = (
        "import sys; from quotetune.config.validation import validate;"
        "validate({'lora': {'r': 8}, 'dpo': {'beta': 0.1}, 'absorb': {'sft': {'max_steps': 1}}});"
        "print(sorted({'trl', 'peft', 'transformers', 'torch'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
