"""The results of all calls, in one JSON file that is replaced as a whole."""

import json
import os
from pathlib import Path
from typing import Any

DONE, FAILED, UNFINISHED, LEFT_OUT = "done", "failed", "unfinished", "left out"
# In a step's directory: what it has measured, a list of rows per part.
MEASURED = "measured.json"


class Results:
    """The file `results.json` and the directories of the steps.

    Args:
        output: The directory of all of them.
    """

    def __init__(self, output: Path) -> None:
        self._output = output
        self._file = output / "results.json"
        self._steps: dict[str, dict[str, Any]] = {}
        if self._file.exists():
            self._steps = read_json(self._file)["steps"]

    @property
    def steps(self) -> dict[str, dict[str, Any]]:
        """By name, what is known of each step."""
        return self._steps

    def work(self, step: str) -> Path:
        """Return the directory of a step's files."""
        return self._output / "steps" / step

    def state(self, step: str) -> str | None:
        """Return the state of a step; None if it never ran."""
        state: str | None = self._steps.get(step, {}).get("state")
        return state

    def parts(self, step: str) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of each part that a step has measured."""
        return read_json(self.work(step) / MEASURED) or {}

    def put(
        self,
        step: str,
        state: str,
        *,
        seconds: float = 0.0,
        reason: str = "",
        machine: dict[str, Any] | None = None,
    ) -> None:
        """Record how a call of a step ended, and write the file.

        Args:
            step: Its name.
            state: One of the states above.
            seconds: Time of this call; those of the earlier ones are added.
            reason: Why it was left out, or what failed.
            machine: Where it ran; None if it did not.
        """
        former = self._steps.get(step, {})
        ran = machine is not None
        self._steps[step] = {
            "state": state,
            "reason": reason,
            "calls": former.get("calls", 0) + ran,
            "seconds": round(former.get("seconds", 0.0) + seconds, 1),
            "machine": machine if ran else former.get("machine"),
            "rows": [row for rows in self.parts(step).values() for row in rows],
        }
        self._write()

    def forget(self, step: str) -> None:
        """Forget a step, so that it is measured anew."""
        self._steps.pop(step, None)
        self._write()

    def _write(self) -> None:
        write_json(self._file, {"steps": self._steps})


def read_json(path: Path) -> Any:
    """Return the object in a JSON file of ours; None if there is none.

    Raises:
        SystemExit: The file is damaged.
    """
    if not path.exists():
        return None
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (ValueError, TypeError) as error:
        raise SystemExit(
            f"error: {path}: damaged ({error}): remove it, and repeat the call"
        ) from error


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file, which appears by rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(content, ensure_ascii=False, indent=1), "utf-8")
    unfinished.replace(path)
