"""The GPUs that replicas share are named as the variable names them."""

import pytest

from quotetune.runtime import accelerator


@pytest.mark.parametrize(
    ("given", "expected"), [(None, ["0", "1"]), ("GPU-5a,GPU-3b", ["GPU-5a", "GPU-3b"])]
)
def test_gpus_are_named_as_the_environment_names_them(
    given: str | None, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accelerator, "gpu_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if given is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert accelerator.visible_gpus() == expected
