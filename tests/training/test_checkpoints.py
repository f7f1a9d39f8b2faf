"""The checkpoint from which a training resumes."""

import json

from quotetune.training.checkpoints import newest_checkpoint


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
