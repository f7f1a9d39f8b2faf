"""A list of `dpo:` has a block for each round, and every check of one block applies to each."""

from typing import Any

import pytest

from quotetune.config import Config
from quotetune.config.file import apply_overrides
from quotetune.config.validation import validate
from quotetune.errors import UsageError
from quotetune.pipeline.estimate import estimate
from quotetune.pipeline.preflight.lengths import length_notices, length_problems
from quotetune.pipeline.preflight.training import training_problems
from quotetune.pipeline.run import stage_list
from quotetune.runs.layout import Layout
from quotetune.stages import training, tuned


def config_of(content: dict[str, Any], **keys: Any) -> Config:
    return Config.model_validate({**content, "rounds": 2, **keys})


def problems(content: dict[str, Any], dpo: Any, **keys: Any) -> list[str]:
    """All problems and notices about `dpo`, in the order of its blocks."""
    content = {**content, "rounds": 2, "dpo": dpo, **keys}
    config, found = validate(content)
    if config is None:
        return list(map(str, found))
    checked = training_problems(config) + length_problems(config)
    return [*map(str, checked), *length_notices(config)]


BAD = [
    {"betta": 0.1},
    {"beta": "much"},
    {"seed": 1},
    {"beta": -1},
    {"bf16": True, "fp16": True},
    {"loss_type": "exo_pair"},
    {"loss_type": ["sigmoid"], "loss_weights": [1, 2]},
    {"label_smoothing": 0.1},
    {"sync_ref_model": True, "precompute_ref_log_probs": True},
    {"pad_token": "no such token"},
    {"gradient_checkpointing_kwargs": {"selective": True}},
    {"dataloader_prefetch_factor": 2},
    {"lr_scheduler_type": "cosine_with_min_lr"},
    {"max_length": 5},
]


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_each_block_is_checked_as_one_for_all_rounds_is(
    content: dict[str, Any], bad: dict[str, Any]
) -> None:
    alone = problems(content, bad, lora=None)
    assert alone and all("dpo." in text for text in alone)
    second = problems(content, [{}, bad], lora=None)
    assert second == [text.replace("dpo.", "dpo.round-2.") for text in alone]
    both = problems(content, [bad, bad], lora=None)
    assert sorted(both) == sorted([*second, *(text.replace("d-2", "d-1") for text in second)])


def test_thoughts_that_fill_what_a_round_sees_of_a_pair_are_refused(
    content: dict[str, Any],
) -> None:
    model = {**content["model"], "reasoning": {"max_tokens": 200}}
    [line] = problems(content, [{"max_length": 200}, {"max_length": None}], model=model)
    assert line.startswith("dpo.round-1.max_length: is 200, but model.reasoning.max_tokens allows")


@pytest.mark.parametrize(
    ("dpo", "text"),
    [
        ([], "dpo: is a list of 0, but rounds is 2: give one block per round, or one for all"),
        ([{}], "dpo: is a list of 1, but rounds is 2: give one block per round, or one for all"),
        ([{}] * 3, "dpo: is a list of 3, but rounds is 2: give one block per round, or one for"),
        ([{}, 1], "dpo.round-2: should be a mapping of keys to values, and is 1"),
        (5, "dpo: should be a mapping of keys to values, and is 5"),
    ],
)
def test_a_list_that_is_no_block_per_round_is_refused(
    content: dict[str, Any], dpo: Any, text: str
) -> None:
    [line] = problems(content, dpo)
    assert line.startswith(text)


def test_a_key_of_one_round_is_not_set_from_the_command_line() -> None:
    with pytest.raises(UsageError, match=r"dpo is a list: set the whole of it, as in --set 'dpo="):
        apply_overrides({"dpo": [{}]}, ["dpo.beta=0.1"])
    assert apply_overrides({"dpo": [{}]}, ["dpo=[{beta: 1}]"]) == {"dpo": [{"beta": 1}]}


def settings_of(config: Config) -> list[dict[str, Any]]:
    return [dict(stage.settings) for stage in stage_list(config) if stage.name.endswith("/train")]


def test_each_round_depends_on_its_own_block_alone(content: dict[str, Any]) -> None:
    first, second = {"beta": 0.1, "learning_rate": 5e-5}, {"beta": 0.05, "learning_rate": 1e-5}
    as_before = settings_of(config_of(content, dpo=first))
    by_round = settings_of(config_of(content, dpo=[first, second]))
    # A run with one block for all rounds stays done, and so does the first round of this one.
    assert settings_of(config_of(content, dpo=[first, first])) == as_before
    assert by_round[0] == as_before[0]
    assert by_round[1] == settings_of(config_of(content, dpo=second))[1]
    assert by_round[1]["dpo.beta"] == 0.05


def test_a_round_trains_and_is_measured_with_its_own_block(
    content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import quotetune.training.run

    layout = Layout(config_of(content, dpo=[{"beta": 0.1}, {"beta": 0.05}]))
    given = []

    def train(*_: Any, dpo: dict[str, Any], **__: Any) -> None:
        given.append(dpo)

    monkeypatch.setattr(quotetune.training.run, "run_training", train)
    for number in (1, 2):
        stage = training.train(layout, number)
        stage.make(stage.directory)
        assert tuned.reward_accuracy(layout, number).settings["dpo.beta"] == given[-1]["beta"]
    assert given == [{"beta": 0.1}, {"beta": 0.05}]


def test_the_estimate_counts_what_each_round_trains(content: dict[str, Any]) -> None:
    def trained(*dpo: dict[str, Any]) -> int:
        found = estimate(config_of(content, dpo=[*dpo]))
        assert found is not None
        return found.trained_tokens

    once, twice = {"num_train_epochs": 1}, {"num_train_epochs": 2, "max_length": 10}
    assert trained(once, twice) == (trained(once, once) + trained(twice, twice)) / 2
    batches = [{"per_device_train_batch_size": size} for size in (1, 4096)]
    large, mixed = (
        estimate(config_of(content, dpo=blocks)) for blocks in ([batches[1]] * 2, batches)
    )
    assert large is not None and mixed is not None and large.memory == mixed.memory
