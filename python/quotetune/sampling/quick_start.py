"""A quick start of transformers: imports are most of the CPU time of one short response."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick_start() -> Iterator[None]:
    """Import transformers, and load a model with it, in two thirds of the CPU time.

    Enter it before torch is imported.
    """
    # Threads that wait for each other in a loop take the CPU from the one that they wait for: on
    # two busy cores, a response took 30 s of CPU instead of 6. OpenMP reads this with torch.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # transformers imports scikit-learn if it is installed, for a kind of decoding that is not used
    # here. With pandas and scipy, that is a fifth of its imports.
    hidden = {"sklearn": None} if "sklearn" not in sys.modules else {}
    sys.modules.update(hidden)  # type: ignore[arg-type]
    # Modules are not garbage, and looking for some among them is another sixth.
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
        for name in hidden:
            del sys.modules[name]
