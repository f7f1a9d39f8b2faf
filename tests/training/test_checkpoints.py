"""The checkpoint from which a training resumes."""

import json

import pytest

from quotetune.training.checkpoints import newest_checkpoint
from quotetune.training.processes import Processes


def checkpoint(work, step, state='{"global_step": 1}'):
    directory = work / f"checkpoint-{step}"
    directory.mkdir()
    (directory / "adapter_model.safetensors").write_bytes(b"weights")
    if state is not None:
        (directory / "trainer_state.json").write_text(state)
    return directory


def test_without_checkpoints_there_is_none(tmp_path):
    assert newest_checkpoint(tmp_path) is None


def test_the_newest_is_the_one_of_the_most_steps_and_the_others_go(tmp_path):
    for step in (9, 100, 20):
        checkpoint(tmp_path, step)
    assert newest_checkpoint(tmp_path) == tmp_path / "checkpoint-100"
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-100"]


def test_one_that_was_being_written_is_passed_over_and_removed(tmp_path):
    whole = checkpoint(tmp_path, 4)
    checkpoint(tmp_path, 5, json.dumps({"global_step": 5})[:-4])
    checkpoint(tmp_path, 6, None)
    assert newest_checkpoint(tmp_path) == whole
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-4"]


def test_only_incomplete_ones_are_none(tmp_path):
    checkpoint(tmp_path, 1, "")
    assert newest_checkpoint(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_the_frozen_copy_of_the_adapter_is_removed(tmp_path):
    directory = checkpoint(tmp_path, 3)
    (directory / "ref").mkdir()
    (directory / "ref" / "adapter_model.safetensors").write_bytes(b"frozen")
    assert newest_checkpoint(tmp_path) == directory
    assert not (directory / "ref").exists()
    assert (directory / "adapter_model.safetensors").exists()


def made_by(directory, launch, count):
    content = json.dumps({"launch": launch, "processes": count})
    (directory / "processes.json").write_text(content)
    return directory


@pytest.mark.parametrize(
    ("made", "now", "said"),
    [
        (None, ("ddp", 1), None),
        (None, ("ddp", 2), "checkpoint-3 was made by 1 process, and 2 processes continue it"),
        (("ddp", 2), ("ddp", 1), "checkpoint-3 was made by 2 processes, and 1 process continues"),
        (("fsdp2", 4), ("fsdp2", 2), "made by 4 processes with fsdp2, and 2 processes with fsdp2"),
        (("fsdp2", 2), ("fsdp2", 2), None),
    ],
)
def test_other_processes_continue_and_say_so(tmp_path, made, now, said):
    directory = checkpoint(tmp_path, 3)
    if made:
        made_by(directory, *made)
    notices = []
    assert newest_checkpoint(tmp_path, notices.append, Processes(*now)) == directory
    assert len(notices) == (said is not None)
    assert said is None or said in notices[0]


@pytest.mark.parametrize(
    ("made", "now"), [(("fsdp2", 2), ("ddp", 2)), (("ddp", 2), ("fsdp2", 2)), (None, ("fsdp2", 2))]
)
def test_a_sharded_state_and_a_whole_one_are_not_mistaken_for_each_other(tmp_path, made, now):
    directory = checkpoint(tmp_path, 3)
    if made:
        made_by(directory, *made)
    notices = []
    assert newest_checkpoint(tmp_path, notices.append, Processes(*now)) is None
    assert list(tmp_path.iterdir()) == []
    assert len(notices) == 1 and notices[0].endswith("so the training starts over")
