"""`launch` and `processes`: what cannot work is refused before any work."""

from pathlib import Path
from typing import Any

import pytest

from quotetune.config import Config
from quotetune.pipeline.preflight.launch import launch_problems
from quotetune.runs.layout import Layout
from quotetune.stages.training import train

BATCH = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4}


def problems(content: dict[str, Any], **keys: Any) -> list[str]:
    return list(map(str, launch_problems(Config.model_validate({**content, **keys}))))


def test_ddp_and_fsdp2_are_no_files(content: dict[str, Any], tmp_path: Path) -> None:
    for kind in ("ddp", "fsdp2"):
        assert problems(content, launch=kind, processes=2, dpo=BATCH) == []
    [line] = problems(content, launch="fsdp3")
    assert line.startswith("launch: fsdp3 does not exist: write it with")
    file = tmp_path / "launch.yaml"
    file.write_text("num_processes: 2\n")
    assert problems(content, launch=str(file)) == []
    [line] = problems(content, launch=str(file), processes=2)
    assert line.startswith("processes: is also in ")


def test_processes_need_a_launch(content: dict[str, Any]) -> None:
    assert problems(content, processes=1) == []
    [line] = problems(content, processes=2)
    assert line.startswith("processes: needs launch: set it to ddp or fsdp2")


def test_there_are_no_more_processes_than_gpus(
    content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("quotetune.pipeline.preflight.launch", "quotetune.training.processes"):
        monkeypatch.setattr(f"{module}.gpu_count", lambda: 2)
    keys = {"launch": "ddp", "dpo": BATCH}
    assert problems(content, **keys, processes=2) == []
    [line] = problems(content, **keys, processes=4)
    assert line.startswith("processes: is 4, and the number of GPUs is 2: set it to that")
    # Without a number, each GPU has a process, and the batch must suit them.
    [line] = problems(content, launch="ddp", dpo={"per_device_train_batch_size": 3})
    assert "3 x 1 = 3 rows, which 2 processes cannot share evenly" in line


@pytest.mark.parametrize(
    ("batch", "processes", "remedy"),
    [
        ((2, 4), 8, None),
        ((2, 4), 16, "set dpo.gradient_accumulation_steps to a multiple of 16"),
        ((2, 4), 3, "to a multiple of 3, or processes to 1, 2 or 4"),
        ((4, 6), 8, None),  # 2 processes share the batches of a step, and 4 share each batch
    ],
)
def test_a_batch_that_cannot_be_shared_is_refused(
    content: dict[str, Any], batch: tuple[int, int], processes: int, remedy: str | None
) -> None:
    dpo = dict(zip(BATCH, batch, strict=True))
    found = problems(content, launch="fsdp2", processes=processes, dpo=dpo)
    assert len(found) == (remedy is not None)
    assert remedy is None or remedy in found[0]
    assert problems(content, dpo=dpo) == []


@pytest.mark.parametrize("value", ["x", "4", None, 0, -2, 2.5, True, [1]])
@pytest.mark.parametrize("key", BATCH)
def test_a_batch_that_is_no_number_is_refused(
    content: dict[str, Any], key: str, value: object
) -> None:
    [line] = problems(content, launch="ddp", processes=2, dpo={**BATCH, key: value})
    assert line == f"dpo.{key}: is {value!r}: set it to a whole number from 1"


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("ddp", "fsdp", "full_shard"),
        ("fsdp2", "fsdp", "full_shard"),
        ("ddp", "deepspeed", {"zero_optimization": {"stage": 2}}),
        ("fsdp2", "fsdp_config", {"version": 1}),
        ("fsdp2", "sync_ref_model", True),
        ("ddp", "auto_find_batch_size", True),
        ("ddp", "train_sampling_strategy", "batch_rebalance"),
        ("ddp", "average_tokens_across_devices", False),
    ],
)
def test_what_does_not_work_with_processes_of_ours_is_refused(
    content: dict[str, Any], kind: str, key: str, value: Any
) -> None:
    found = problems(content, launch=kind, processes=2, dpo={**BATCH, key: value})
    assert len(found) == 1
    assert found[0].startswith(f"dpo.{key}: ")


def test_weights_beside_an_adapter_are_not_sharded(content: dict[str, Any]) -> None:
    keys: dict[str, Any] = {"dpo": BATCH, "processes": 2, "lora": {"modules_to_save": ["lm_head"]}}
    [line] = problems(content, **keys, launch="fsdp2")
    assert line.startswith("lora.modules_to_save: does not work with launch: fsdp2")
    assert problems(content, **keys, launch="ddp") == []


def test_processes_do_not_change_what_a_stage_depends_on(
    content: dict[str, Any], tmp_path: Path
) -> None:
    def settings(**keys: Any) -> tuple[dict[str, Any], dict[str, Path]]:
        stage = train(Layout(Config.model_validate({**content, **keys})), 1)
        return dict(stage.settings), dict(stage.inputs)

    alone = settings()
    assert settings(launch="ddp", processes=2) == settings(launch="fsdp2", processes=8) == alone
    # A file may scale the batch.
    file = tmp_path / "launch.yaml"
    file.write_text("num_processes: 2\n")
    assert settings(launch=str(file))[1].keys() == {*alone[1], "launch"}
