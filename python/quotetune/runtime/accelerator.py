"""Whether there is a GPU, found without loading torch, which takes seconds."""

import sys
from pathlib import Path

_DEVICES = ("nvidia[0-9]*", "kfd", "dxg", "accel*", "xpu*", "davinci[0-9]*")


def has_accelerator() -> bool:
    """Tell whether this machine shows a GPU or another accelerator; torch may lack its driver."""
    return sys.platform == "darwin" or any(any(Path("/dev").glob(name)) for name in _DEVICES)
