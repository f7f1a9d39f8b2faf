"""A quick start of transformers: most CPU time of one short response goes into imports."""

import gc
import os


def quick_start() -> None:
    """Prepare a process that does nothing but sample with transformers; call it before torch."""
    # A thread that waits for another in a loop takes the CPU from it: on two cores with other work
    # to do, a response of 64 tokens took 30 s of CPU instead of 6. OpenMP reads this with torch.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # An import makes hundreds of thousands of objects, of which none is garbage. To look for some
    # takes 2 s.
    gc.set_threshold(100_000, 20, 20)
    # transformers imports scikit-learn and scipy if they are installed, which takes 2 s. They serve
    # assisted decoding and the detection of objects.
    import transformers.utils

    transformers.utils.is_sklearn_available = lambda: False
    transformers.utils.is_scipy_available = lambda: False
