"""Responses that do not fit the model, or that a training would not see, are refused."""

import dataclasses
import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from quotetune.config import Config
from quotetune.errors import UsageError
from quotetune.pipeline.preflight import read_inputs
from quotetune.pipeline.preflight.lengths import length_notices, length_problems
from quotetune.sampling.backend import check_lengths
from quotetune.sampling.engine_keys import engine_keys

CONTEXT = 256


def merged(content: dict[str, Any], **blocks: Any) -> Config:
    changed = {name: {**content.get(name, {}), **block} for name, block in blocks.items()}
    return Config.model_validate({**content, **changed})


def problems(content: dict[str, Any], **blocks: Any) -> list[str]:
    return list(map(str, length_problems(merged(content, **blocks))))


def thinking(content: dict[str, Any], tokens: int) -> dict[str, Any]:
    return {**content["model"], "reasoning": {"max_tokens": tokens}}


def test_a_response_needs_room_for_a_prompt_in_the_context(content: dict[str, Any]) -> None:
    assert not problems(content, sampling={"max_tokens": CONTEXT - 1})
    [line] = problems(content, sampling={"max_tokens": CONTEXT})
    assert line == (
        "sampling.max_tokens: is 256, which leaves no room for a prompt in the model's context of"
        " 256: lower it"
    )
    [line] = problems(content, evaluation={"sampling": {"max_tokens": CONTEXT}})
    assert line.startswith("evaluation.sampling.max_tokens: is 256, which leaves no room")


def test_thoughts_that_do_not_fit_are_named_by_their_key(content: dict[str, Any]) -> None:
    dpo = {"max_length": None}
    [line] = problems(content, model=thinking(content, 250), dpo=dpo)
    assert line.startswith(
        "model.reasoning.max_tokens: is 250, which, with sampling.max_tokens 24, leaves no room"
    )
    assert line.endswith("lower one of them")
    assert not problems(content, model=thinking(content, CONTEXT - 25), dpo=dpo)
    with pytest.raises(UsageError) as refused:
        check_lengths([("a", 1)], 24, CONTEXT, thoughts=250)
    assert "max_tokens 24 and model.reasoning.max_tokens 250 is more than" in str(refused.value)
    assert "lower model.reasoning.max_tokens or sampling.max_tokens" in str(refused.value)
    check_lengths([("a", 1)], 24, CONTEXT, thoughts=CONTEXT - 25)


def test_the_context_that_the_engine_has_counts(content: dict[str, Any]) -> None:
    [line] = problems(content, sampling={"engine": {"max_model_len": 24}})
    assert "leaves no room for a prompt in sampling.engine.max_model_len of 24" in line
    assert not problems(content, sampling={"engine": {"max_model_len": 25}})
    assert not problems(content, sampling={"engine": {"max_model_len": -1}})
    [line] = problems(content, sampling={"max_tokens": CONTEXT, "engine": {"max_model_len": -1}})
    assert "leaves no room for a prompt in the model's context of 256" in line
    for value in (0, -2, "64", True):
        [line] = problems(content, sampling={"engine": {"max_model_len": value}})
        assert line.startswith(f"sampling.engine.max_model_len: is {value!r}: set it to a whole")


def test_the_replies_of_a_judge_need_room_in_its_own_context(content: dict[str, Any]) -> None:
    judge = {"model": content["model"], "sampling": {"max_tokens": CONTEXT}}
    [line] = problems(content, preference={"judge": judge})
    assert line.startswith("preference.judge.sampling.max_tokens: is 256")
    judge = {"model": thinking(content, CONTEXT)}
    [line] = problems(content, preference={"judge": judge})
    assert line.startswith("preference.judge.model.reasoning.max_tokens: is 256")
    assert not problems(content, preference={"judge": {"model": content["model"]}})


def test_unknown_keys_of_the_engine_are_refused(content: dict[str, Any]) -> None:
    [line] = problems(content, sampling={"engine": {"tensor_paralel_size": 2}})
    assert line.startswith("sampling.engine.tensor_paralel_size: vllm.LLM has no such key: did you")
    assert "did you mean tensor_parallel_size?" in line
    [line] = problems(content, evaluation={"sampling": {"engine": {"max_len": 2}}})
    assert line.startswith("evaluation.sampling.engine.max_len: ")
    judge = {"model": content["model"], "sampling": {"engine": {"foo": 1}}}
    [line] = problems(content, preference={"judge": judge})
    assert line.startswith("preference.judge.sampling.engine.foo: ")
    [line] = problems(content, sampling={"engine": {"model": "another"}})
    assert line.endswith("since model describes the model: remove it")
    engine = {"tensor_parallel_size": 2, "enforce_eager": True, "max_num_seqs": 8}
    assert not problems(content, sampling={"engine": engine})


def test_the_keys_of_the_engine_are_those_of_vllm_which_is_not_imported() -> None:
    code = (
        "import sys; from quotetune.sampling.engine_keys import engine_keys; engine_keys();"
        "print(sorted({'vllm', 'torch'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

    from vllm import LLM, EngineArgs

    declared = {field.name for field in dataclasses.fields(EngineArgs)}
    declared |= set(inspect.signature(LLM.__init__).parameters) - {"self", "kwargs"}
    assert engine_keys() == declared


def test_thoughts_must_leave_room_for_answers_in_what_is_trained(content: dict[str, Any]) -> None:
    model = thinking(content, 200)
    [line] = problems(content, model=model, dpo={"max_length": 200})
    assert line.startswith(
        "dpo.max_length: is 200, but model.reasoning.max_tokens allows 200 tokens of thoughts"
    )
    assert "set it above 224 or to null" in line
    assert not problems(content, model=model, dpo={"max_length": 201})
    assert not problems(content, model=model, dpo={"max_length": None})
    wide = {**thinking(content, 2048), "path": "owner/name"}
    [line] = problems(content, model=wide)
    assert line.startswith("dpo.max_length: is 1024 by default, but")


def test_pairs_that_may_be_truncated_are_mentioned(content: dict[str, Any]) -> None:
    from trl import DPOConfig

    assert DPOConfig.max_length == 1024
    assert not length_notices(merged(content, dpo={"max_length": 24}))
    [line] = length_notices(merged(content, dpo={"max_length": 23}))
    assert line.startswith(
        "dpo.max_length: is 23, and a response has up to 24 tokens: longer pairs"
    )
    short = merged(content, dpo={"max_length": 23})
    assert line in read_inputs(short).notices and not read_inputs(short).problems
    thoughtful = merged(content, model=thinking(content, 20), dpo={"max_length": 30})
    [line] = length_notices(thoughtful)
    assert "a response with its thoughts has up to 44 tokens" in line


def test_a_context_under_another_name_counts(content: dict[str, Any], tmp_path: Path) -> None:
    for settings in ({"n_positions": 24}, {"text_config": {"max_position_embeddings": 24}}):
        (tmp_path / "config.json").write_text(json.dumps(settings))
        [line] = problems(content, model={"path": str(tmp_path)})
        assert "the model's context of 24" in line
