"""The keys and values that the open blocks `dpo:` and `lora:` accept."""

import re

import pytest

from quotetune.config.library_fields import declared
from quotetune.config.open_blocks import (
    dpo_options,
    dpo_problems,
    lora_options,
    lora_problems,
)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"learning_rate": "abc"}, "dpo.learning_rate: 'abc' is not valid"),
        ({"beta": [0.1]}, "dpo.beta: [0.1] is not valid"),
        ({"num_train_epoch": 1}, "did you mean num_train_epochs"),
        ({"warmup_ratio": 0.1}, "did you mean warmup_steps"),
        ({"loss_type": "sigmod"}, "dpo.loss_type: 'sigmod' is not one of sigmoid, hinge"),
        ({"loss_type": ["sigmoid", "sft2"]}, "'sft2' is not one of"),
        ({"lr_scheduler_type": "cosin"}, "'cosin' is not one of linear, cosine"),
        ({"train_sampling_strategy": "sorted"}, "is not one of random"),
        ({"output_dir": "x"}, "dpo.output_dir: cannot be set here"),
        ({"seed": 1}, "dpo.seed: cannot be set here"),
        ({"eval_strategy": "steps"}, "dpo.eval_strategy: cannot be set here"),
    ],
)
def test_each_bad_dpo_option_is_named_with_its_reason(options, reason):
    (problem,) = map(str, dpo_problems(options))
    assert reason in problem


def test_all_problems_are_reported_together():
    assert len(dpo_problems({"betta": 1, "learning_rate": "x", "seed": 0})) == 3


def test_options_of_both_kinds_that_trl_accepts_are_accepted():
    options = {
        "learning_rate": "2e-4",
        "loss_type": "ipo",
        "num_train_epochs": 3,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.1,
        "max_length": None,
        "report_to": ["tensorboard"],
        "gradient_checkpointing_kwargs": {"use_reentrant": False},
        "bf16": True,
        "optim": "adamw_torch",
        "save_steps": 0.5,
    }
    assert dpo_problems(options) == []


def test_a_number_that_yaml_reads_as_text_becomes_a_number():
    assert dpo_options({"learning_rate": "2e-4"}) == {"learning_rate": 2e-4}
    assert lora_options({"r": "8"}) == {"r": 8}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"r": "many"}, "lora.r: 'many' is not valid"),
        ({"lora_aplha": 16}, "did you mean lora_alpha"),
        ({"bias": "some"}, "lora.bias: 'some' is not valid"),
        ({"layers_to_transform": [1], "target_modules": "x.*"}, "lora: "),
    ],
)
def test_each_bad_lora_option_is_named_with_its_reason(options, reason):
    (problem,) = map(str, lora_problems(options))
    assert reason in problem


def test_lora_options_that_peft_accepts_are_accepted():
    assert lora_problems({"r": 8, "target_modules": ["q_proj"], "use_dora": True}) == []


def test_a_problem_has_the_key_of_the_block_as_the_config_has_it():
    options = {"rank": 8, "odd: name": 1, "r": "many"}
    problems = lora_problems(options, "absorb.lora")
    assert [problem.key for problem in problems] == [f"absorb.lora.{name}" for name in options]
    contradicting = {"layers_to_transform": [1], "target_modules": "x.*"}
    assert [problem.key for problem in lora_problems(contradicting, "absorb.lora")] == [
        "absorb.lora"
    ]


def test_a_key_is_recognised_by_another_word_for_it():
    for options, meant in ({"rank": 8}, "r"), ({"alpha": 8}, "lora_alpha"):
        (problem,) = lora_problems(options)
        assert problem.text.endswith(f"did you mean {meant}?")
    (problem,) = dpo_problems({"epochs": 3})
    assert problem.text.endswith("did you mean num_train_epochs?")


@pytest.mark.parametrize("block", ["dpo", "lora"])
def test_no_message_has_the_words_of_pydantic(block):
    problems_of = {"dpo": dpo_problems, "lora": lora_problems}[block]
    for name in declared(block).fields:
        for value in ("?", 1.5, [None], {"a": None}, {1: 2}):
            for problem in problems_of({name: value}):
                assert not re.search("[Ii]nput|valid (str|bool|int|dict|list)|pars", problem.text)


def test_the_number_of_iterations_of_pissa_is_part_of_its_name():
    assert lora_problems({"init_lora_weights": "pissa_niter_16"}) == []
    assert lora_options({"init_lora_weights": "pissa_niter_16"})
    (problem,) = map(str, lora_problems({"init_lora_weights": "pissa_niter_many"}))
    assert "is not valid: give true or false or 'gaussian', " in problem
