"""A quick start of transformers: most CPU time of one short response goes into imports."""

import gc
import os
import sys


def quick_start(any_code: bool) -> None:
    """Prepare a process that does nothing but sample with transformers; call it before torch.

    Args:
        any_code: Whether the model has code of its own, which may import anything.
    """
    # A thread that waits for another in a loop takes the CPU from it: on two cores with other work
    # to do, a response of 64 tokens took 30 s of CPU instead of 6. OpenMP reads this with torch.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # An import makes hundreds of thousands of objects, and collecting none of them takes 2 s.
    gc.set_threshold(100_000, 20, 20)
    if not any_code:
        # transformers and pyarrow import these if they are installed, which takes 4 s, for kinds of
        # decoding, losses and tables that are not used here. To Python, None is not installed.
        sys.modules.update(dict.fromkeys(("pandas", "scipy", "sklearn")))  # type: ignore[arg-type]
