"""Whether there is a GPU, found without loading torch, which takes seconds."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

_COUNT = "import torch; print(torch.accelerator.device_count())"
_DEVICES = ("nvidia[0-9]*", "kfd", "dxg", "accel*", "xpu*", "davinci[0-9]*")


def has_accelerator() -> bool:
    """Tell whether this machine shows a GPU or another accelerator; torch may lack its driver."""
    return sys.platform == "darwin" or any(any(Path("/dev").glob(name)) for name in _DEVICES)


@cache
def gpu_count() -> int:
    """Return the number of GPUs that torch can use.

    A child counts them, because torch takes seconds to load and much memory.
    """
    if not has_accelerator():
        return 0
    counted = subprocess.run([sys.executable, "-c", _COUNT], capture_output=True, check=False)
    return int(counted.stdout) if counted.returncode == 0 else 0


def visible_gpus() -> list[str]:
    """Return the GPUs that torch can use, as `CUDA_VISIBLE_DEVICES` names them."""
    count = gpu_count()
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [str(number) for number in range(count)] if given is None else given.split(",")
    return names[:count]
