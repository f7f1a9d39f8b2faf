"""The packages that are carried to a machine without a network."""

import json
import shutil
import sys
from pathlib import Path

from benchmarks.gpu.call import call, last_line

# In the directory of the packages: the wheels that they are from, and the size of each.
_INSTALLED = "wheels.json"


def install(wheels: Path, output: Path, limit: float, environment: dict[str, str]) -> Path:
    """Install all wheels of a folder beside the packages of this Python; return their directory.

    Their requirements are not installed: the folder has what the machine lacks, and no other
    version of what fits the GPU, such as torch.

    Args:
        wheels: The folder.
        output: The directory of the kit's output, which keeps them for the next call.
        limit: Seconds that it may take.
        environment: The environment of the installer.

    Raises:
        SystemExit: They cannot be installed. It names the log.
    """
    site = output / "site"
    files = sorted(wheels.glob("*.whl"))
    if not files:
        raise SystemExit(f"error: {wheels}: there is no wheel: name the folder that has them")
    wanted = json.dumps({file.name: file.stat().st_size for file in files})
    installed = site / _INSTALLED
    if installed.exists() and installed.read_text("utf-8") == wanted:
        return site
    unfinished, log = output / ".site", output / "wheels.log"
    shutil.rmtree(unfinished, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    command += ["--no-compile", "--target", str(unfinished)]
    status = call([*command, *map(str, files)], log, limit, environment)
    if status is None:
        raise SystemExit(f"error: {wheels}: not installed within {limit:.0f} s: raise --limit")
    if status:
        raise SystemExit(f"error: {wheels}: {last_line(log)} (its log is {log})")
    (unfinished / _INSTALLED).write_text(wanted, "utf-8")
    shutil.rmtree(site, ignore_errors=True)
    unfinished.rename(site)
    return site
