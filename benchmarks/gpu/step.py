"""The child process that does a step: `python -m benchmarks.gpu.step MODULE WORK --demo DIR`."""

import argparse
import importlib
import os
import signal
import threading
from pathlib import Path

from benchmarks.gpu.kit import Kit


def end_with_parent() -> None:
    """End this process, and all that it started, when standard input is closed."""

    def wait() -> None:
        while os.read(0, 1):
            pass
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module")
    parser.add_argument("work", type=Path)
    parser.add_argument("--demo", type=Path, required=True)
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--shape")
    options = parser.parse_args()
    end_with_parent()
    kit = Kit(options.work, options.demo, options.gpu, options.shape)
    importlib.import_module(options.module).measure(kit)


if __name__ == "__main__":
    main()
