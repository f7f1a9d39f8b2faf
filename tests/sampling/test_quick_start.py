"""The process that samples with transformers: what it imports, and how its threads wait."""

import subprocess
import sys

_LOADED = """
import os, sys
from quotetune.sampling.quick_start import quick_start
quick_start()
import peft, quotetune.sampling.transformers, transformers.models.llama.modeling_llama
print(os.environ["OMP_WAIT_POLICY"], "torch" in sys.modules)
print([name for name in ("pandas", "scipy", "sklearn") if name in sys.modules])
"""


def test_it_does_not_import_packages_that_sampling_does_not_use() -> None:
    arguments = [sys.executable, "-c", _LOADED]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "PASSIVE True\n[]\n"
