"""The machine and the installed packages, as JSON: `python -m benchmarks.gpu.probe`."""

import json
from importlib.util import find_spec
from typing import Any

from benchmarks.gpu.steps import STEPS
from benchmarks.report import machine


def probe() -> dict[str, Any]:
    """Return the GPU (None without one), the rest of the machine, and the missing packages."""
    packages = sorted({package for step in STEPS.values() for package in step.needs})
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
    print(json.dumps(probe()))
