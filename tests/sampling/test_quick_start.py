"""The process that samples with transformers: what it imports, and how its threads wait."""

import subprocess
import sys
from pathlib import Path

_LOADED = """
import os, sys
from quotetune.sampling.quick_start import quick_start
quick_start({"path": sys.argv[1]})
import peft, quotetune.sampling.transformers, transformers.models.llama.modeling_llama
print(os.environ["OMP_WAIT_POLICY"], "torch" in sys.modules)
unused = ("pandas", "scipy", "sklearn", "torch._inductor.compile_fx")
print([name for name in unused if name in sys.modules])
"""


def test_it_does_not_import_packages_that_sampling_does_not_use(model: Path) -> None:
    arguments = [sys.executable, "-c", _LOADED, str(model)]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "PASSIVE True\n[]\n"
