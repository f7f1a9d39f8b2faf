"""Rust programs for measurements that Python cannot make: the examples of rust/core."""

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run_example(name: str, *arguments: object) -> dict[str, float]:
    """Run an example of the core in its release build; the first run builds it.

    Args:
        name: The file in `rust/core/examples`, without `.rs`.
        arguments: The program's arguments.

    Returns:
        The JSON object that it prints.
    """
    command = ["cargo", "run", "--release", "--quiet", "--package", "quotetune-core"]
    command += ["--example", name, "--", *map(str, arguments)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise SystemExit("error: cargo is not installed; install stable Rust first") from None
    if done.returncode:
        raise SystemExit(f"error: the example {name} failed:\n{done.stderr}")
    measured: dict[str, float] = json.loads(done.stdout)
    return measured
