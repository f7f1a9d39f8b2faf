"""A quick start of transformers: most CPU time of one short response goes into imports."""

import os
from collections.abc import Mapping
from typing import Any

from quotetune.models.quick_imports import quick_imports


def quick_start(model: Mapping[str, Any]) -> None:
    """Prepare a process that does nothing but sample with transformers; call it before torch.

    Args:
        model: The model, as a mapping of `quotetune.config.ModelConfig`.
    """
    # A thread that waits for another in a loop takes the CPU from it: on two cores with other work
    # to do, a response of 64 tokens took 30 s of CPU instead of 6. OpenMP reads this with torch.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    quick_imports([model])
