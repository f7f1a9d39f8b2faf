"""The machine and the installed packages, as JSON: `python -m benchmarks.gpu.probe PACKAGE...`."""

import json
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from benchmarks.report import machine


def probe(packages: Sequence[str]) -> dict[str, Any]:
    """Return the GPU (None without one), the rest of the machine, and the missing packages."""
    missing = [package for package in packages if find_spec(package) is None]
    return {"gpu": _gpu(), "rest": machine(), "missing": missing}


def _gpu() -> str | None:
    if find_spec("torch") is None:
        return None
    import torch

    if not torch.cuda.is_available():
        return None
    found = torch.cuda.get_device_properties(0)
    return f"{found.name}, {found.total_memory / 1e9:.0f} GB, CUDA {torch.version.cuda}"


if __name__ == "__main__":
    print(json.dumps(probe(sys.argv[1:])))
