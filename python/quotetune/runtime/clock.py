"""The time that chat templates read: one for all prompts of a run, however long the run takes."""

import json
from datetime import datetime
from pathlib import Path

from quotetune.errors import QuotetuneError
from quotetune.runtime.whole_files import write_json

CLOCK_NAME = "clock.json"


def kept_time(path: Path) -> datetime:
    """Return the time in a file. If there is no such file, it gets the present time.

    Args:
        path: A JSON file: `{"now": "2026-11-27T15:30:00+00:00"}`.

    Raises:
        QuotetuneError: The file is not of this form, or cannot be written.
    """
    if not path.exists():
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"now": now})
    try:
        return datetime.fromisoformat(json.loads(path.read_text(encoding="utf-8"))["now"])
    except (ValueError, KeyError, TypeError) as error:
        raise QuotetuneError(
            f'{path}: not {{"now": "YYYY-MM-DDTHH:MM:SS+00:00"}} ({error}): correct the file'
        ) from error
