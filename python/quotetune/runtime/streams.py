"""Standard output and standard error, whatever the terminal's encoding."""

import io
import os
import sys


def speak_utf8() -> None:
    """Let data leave as UTF-8, and messages in an encoding that the terminal can show.

    What is printed is often read by another program, so the locale must not change it. Messages
    keep the terminal's encoding; a character that it does not have is shown as an escape. So is a
    byte of a file name that is not UTF-8.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")
    elif sys.stderr is None:
        # Closed by `2>&-`. Without this, `print` would write messages into the data.
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - not a path


def utf8_environment(environment: dict[str, str]) -> dict[str, str]:
    """Return an environment in which a Python process prints and writes files in UTF-8.

    Args:
        environment: The environment to extend.

    Returns:
        A new one. Libraries that a child runs print what the locale may not be able to encode.

    Example:
        >>> utf8_environment({"LC_ALL": "C"})["PYTHONUTF8"]
        '1'
    """
    return environment | {"PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8:backslashreplace"}
