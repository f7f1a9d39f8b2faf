"""A model that cannot take the prompts is refused before any work."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

import tiny_run
from quotetune.config import Config
from quotetune.models.files import model_problem
from quotetune.pipeline.preflight import check_inputs, read_inputs
from tiny_model import save_tiny_adapter

NO_SYSTEM = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}{{ messages[0].content }}"
)


@pytest.fixture
def content(tmp_path: Path) -> dict[str, Any]:
    return tiny_run.write_inputs(tmp_path)


def problems(content: dict[str, Any], **blocks: dict[str, Any]) -> list[str]:
    merged = {name: {**content.get(name, {}), **block} for name, block in blocks.items()}
    return list(map(str, check_inputs(Config.model_validate({**content, **merged}))))


def with_template(content: dict[str, Any], template: str | None) -> Path:
    model = Path(content["model"]["path"])
    (model / "chat_template.jinja").unlink(missing_ok=True)
    file = model / "tokenizer_config.json"
    settings = json.loads(file.read_text())
    settings.pop("chat_template", None)
    file.write_text(json.dumps(settings))
    if template is not None:
        (model / "chat_template.jinja").write_text(template)
    return model


def test_a_template_that_refuses_system_messages_is_found(content: dict[str, Any]) -> None:
    assert not problems(content)
    with_template(content, NO_SYSTEM)
    assert not problems(content)
    [line] = problems(content, prompts={"system": "Be brief."})
    assert line.startswith("prompts.path: ") and "(System role not supported)" in line
    [line] = problems(content, evaluation={"baselines": ["according_to"]})
    assert line.startswith("evaluation.baselines: ") and "remove according_to" in line


def test_a_chat_needs_a_template_and_a_text_does_not(content: dict[str, Any]) -> None:
    with_template(content, None)
    [line] = problems(content)
    assert line.startswith("prompts.format: is chat, but ") and "set it to text" in line
    assert not problems(content, prompts={"format": "text"})


def test_a_tokenizer_larger_than_the_embeddings_is_found(content: dict[str, Any]) -> None:
    file = Path(content["model"]["path"]) / "tokenizer.json"
    tokenizer = json.loads(file.read_text())
    rows = json.loads((file.parent / "config.json").read_text())["vocab_size"]
    token = {**tokenizer["added_tokens"][0], "id": rows, "content": "<|new|>"}
    file.write_text(json.dumps({**tokenizer, "added_tokens": [*tokenizer["added_tokens"], token]}))
    [line] = problems(content)
    assert line.startswith(f"model.path: the tokenizer has ids up to {rows}, ")


def test_a_directory_that_is_no_model_is_named(content: dict[str, Any], tmp_path: Path) -> None:
    model = Path(content["model"]["path"])
    adapter = save_tiny_adapter(model, tmp_path / "adapter")
    config = Config.model_validate(content)
    assert "a LoRA adapter, not a model" in str(
        model_problem(config.model.model_copy(update={"path": str(adapter)}))
    )
    bare = tmp_path / "bare"
    shutil.copytree(model, bare, ignore=shutil.ignore_patterns("*.safetensors"))
    [line] = problems(content, model={"path": str(bare)})
    assert line.startswith("model.path: ") and "no weights in safetensors" in line


def test_a_template_that_reads_the_clock_is_named_in_the_plan(content: dict[str, Any]) -> None:
    model = with_template(content, "{{ date or strftime_now('%d %b') }}{{ messages[0].content }}")

    def notices(**blocks: Any) -> tuple[str, ...]:
        return read_inputs(Config.model_validate({**content, **blocks})).notices

    [line] = notices()
    assert line.startswith("model.path: its chat template reads the clock (%d %b): ")
    fixed = {"path": str(model), "chat_template_kwargs": {"date": "1 May"}}
    assert notices(model=fixed) == ()
    with_template(content, "{{ messages[0].content }}")
    assert notices() == ()


def test_a_variable_that_the_program_sets_is_refused(content: dict[str, Any]) -> None:
    block = {**content["model"], "chat_template_kwargs": {"messages": []}}
    with pytest.raises(
        ValueError, match="messages is not a variable of the template, or is set by the"
    ):
        Config.model_validate({**content, "model": block})


def test_the_template_of_the_judge_is_checked(content: dict[str, Any], tmp_path: Path) -> None:
    judge = Path(shutil.copytree(content["model"]["path"], tmp_path / "judge"))
    block = {"quip": {}, "judge": {"model": {"path": str(judge)}}}
    assert not problems(content, preference=block)
    refusing = "{{ raise_exception('no') }}"
    (judge / "chat_template.jinja").write_text(refusing)
    [line] = problems(content, preference=block)
    assert line.startswith("preference.judge.format: the model's chat template refuses the roles")
    assert line.endswith("(no): set it to text, or choose another judge")
    (judge / "chat_template.jinja").unlink()
    [line] = problems(content, preference=block)
    assert line.startswith(f"preference.judge.format: is chat, but {judge} has no chat template")
    block["judge"]["format"] = "text"
    assert not problems(content, preference=block)


def test_problems_are_in_the_order_of_the_keys(content: dict[str, Any], tmp_path: Path) -> None:
    with_template(content, None)
    found = problems(
        content,
        drift={"outside": str(tmp_path / "none.txt")},
        evaluation={"perplexity": {"path": "./nowhere"}},
    )
    keys = [line.partition(":")[0] for line in found]
    assert keys == ["prompts.format", "evaluation.perplexity.path", "drift.outside"]


def notices(content: dict[str, Any], **blocks: dict[str, Any]) -> tuple[str, ...]:
    merged = {name: {**content.get(name, {}), **block} for name, block in blocks.items()}
    return read_inputs(Config.model_validate({**content, **merged})).notices


def test_a_variable_that_the_template_does_not_read_is_mentioned(content: dict[str, Any]) -> None:
    template = "{% if enable_thinking is defined %}{% set x = 1 %}{% endif %}{{ messages }}"
    with_template(content, template)
    assert notices(content, model={"chat_template_kwargs": {"enable_thinking": False}}) == ()
    [line] = notices(content, model={"chat_template_kwargs": {"enable_thinkin": False}})
    assert line == (
        "model.chat_template_kwargs.enable_thinkin: the chat template does not read enable_thinkin:"
        " did you mean enable_thinking?"
    )
    [line] = notices(content, model={"chat_template_kwargs": {"zzz": 1}})
    assert line.endswith("does not read zzz: it has no effect")
    judge = {"model": {**content["model"], "chat_template_kwargs": {"enable_thinkin": False}}}
    [line] = notices(content, preference={"judge": judge})
    assert line.startswith("preference.judge.model.chat_template_kwargs.enable_thinkin: ")


def test_a_judge_that_thinks_is_mentioned_as_the_policy_is(
    content: dict[str, Any], tmp_path: Path
) -> None:
    judge = Path(shutil.copytree(content["model"]["path"], tmp_path / "judge"))
    block: dict[str, Any] = {"model": {"path": str(judge)}}
    assert notices(content, preference={"judge": block}) == ()
    (judge / "chat_template.jinja").write_text("{{ messages[0].content }}{# </think> #}")
    [line] = notices(content, preference={"judge": block})
    assert line.startswith(
        "preference.judge.model.reasoning: the model's chat template has </think"
    )
    assert "set preference.judge.model.reasoning to {} to read its verdicts alone" in line
    assert notices(content, preference={"judge": {**block, "format": "text"}}) == ()
    block["model"]["reasoning"] = {"max_tokens": 8}
    assert notices(content, preference={"judge": block}) == ()


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("1 / 0", "division by zero"),
        ("10.0 ** 1000", "(34, 'Numerical result out of range')"),
        ("messages[9].content.x", "has no element"),
        ("messages[0].content.no()", "has no attribute 'no'"),
        ("range(10 ** 9)", "Range too big"),
    ],
)
def test_any_error_of_a_template_is_a_problem(
    content: dict[str, Any], expression: str, reason: str
) -> None:
    with_template(content, "{{ " + expression + " }}")
    [line] = problems(content)
    assert line.startswith("prompts.path: the model's chat template refuses the roles user of")
    assert reason in line


DAMAGED = ("config.json", "generation_config.json", "tokenizer_config.json")


@pytest.mark.parametrize("name", [*DAMAGED, "special_tokens_map.json", "tokenizer.json"])
@pytest.mark.parametrize("text", ["[]", "3", "{", '"text"'])
def test_a_damaged_file_of_a_model_is_named(
    content: dict[str, Any], tmp_path: Path, name: str, text: str
) -> None:
    damaged = Path(shutil.copytree(content["model"]["path"], tmp_path / "damaged"))
    (damaged / name).write_text(text)
    [line] = problems(content, model={"path": str(damaged)})
    assert line.startswith(f"model.path: {damaged / name}: not ") and "copy the file again" in line
    adapter = save_tiny_adapter(Path(content["model"]["path"]), tmp_path / "adapter")
    found = problems(content, model={"path": str(damaged), "adapter": str(adapter)})
    assert found == [line]
    if name != "tokenizer.json":  # whose content only loading it tells
        judge = {"judge": {"model": {"path": str(damaged)}}}
        [line] = problems(content, preference=judge)
        assert line.startswith(f"preference.judge.model.path: {damaged / name}: not ")


@pytest.mark.parametrize(
    "templates", [b"\xff", [{"x": 1}], ["a"], [{"name": [], "template": ""}]], ids=str
)
def test_a_template_that_cannot_be_read_is_not_taken_for_none(
    content: dict[str, Any], tmp_path: Path, templates: Any
) -> None:
    model = with_template(content, None)
    file = model / "tokenizer_config.json"
    if isinstance(templates, bytes):
        (model / "chat_template.jinja").write_bytes(templates)
    else:
        file.write_text(json.dumps({**json.loads(file.read_text()), "chat_template": templates}))
    with pytest.raises((ValueError, KeyError, TypeError)):
        AutoTokenizer.from_pretrained(model)
    judge = Path(shutil.copytree(model, tmp_path / "judge"))
    found = problems(content, preference={"judge": {"model": {"path": str(judge)}}})
    for key, line in zip(("model.path", "preference.judge.model.path"), found, strict=True):
        path = model if key == "model.path" else judge
        assert line.startswith(f"{key}: {path}: its chat template cannot be read (")
        assert line.endswith(": copy the tokenizer's files again from where the model is from")


def test_a_special_token_that_is_not_a_token_is_named(content: dict[str, Any]) -> None:
    file = Path(content["model"]["path"]) / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "bos_token": 5}))
    [line] = problems(content)
    assert "bos_token of the tokenizer is 5, which is not a token" in line
