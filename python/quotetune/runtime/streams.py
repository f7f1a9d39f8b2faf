"""Standard output and standard error, whatever the terminal and whoever reads them."""

import errno
import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from quotetune.errors import QuotetuneError, UsageError
from quotetune.runtime.jsonl import is_unicode

# What a shell reports of a command that a closed pipe ended.
_CLOSED_PIPE = 128 + signal.SIGPIPE
_CANNOT_WRITE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def speak_utf8() -> None:
    """Let data leave as UTF-8, and messages as UTF-8 or with escapes.

    Another program often reads what is printed, so the locale must not change it. In messages, an
    escape stands for a character that is not ASCII if the terminal's encoding is not UTF-8, and for
    a byte of a file name that is not UTF-8.
    """
    if sys.stdout is None:
        sys.stdout = _Closed()
    elif isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    if isinstance(sys.stderr, io.TextIOWrapper):
        utf8 = sys.stderr.encoding.lower().replace("-", "") == "utf8"
        encoding = "utf-8" if utf8 else "ascii"
        sys.stderr.reconfigure(encoding=encoding, errors="backslashreplace")
    elif sys.stderr is None:
        # Closed by `2>&-`: `print` would write messages to standard output.
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - stays open


def utf8_environment(environment: dict[str, str]) -> dict[str, str]:
    """Return an environment in which Python prints and writes files as UTF-8 by default.

    The libraries that a child process runs print characters that the locale may not have.

    Args:
        environment: The environment to extend.

    Returns:
        A new one.

    Example:
        >>> utf8_environment({"LC_ALL": "C"})["PYTHONUTF8"]
        '1'
    """
    return environment | {"PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8:backslashreplace"}


def typed_text(argument: str) -> str:
    r"""Return a text of the command line, as UTF-8 if the locale could not decode it.

    Args:
        argument: The text as Python read it: in the C locale, each byte of a character that is not
            ASCII is a lone surrogate.

    Returns:
        The text.

    Raises:
        UsageError: It is not UTF-8 either.

    Example:
        >>> typed_text("na\udcc3\udcafve")
        'naïve'
    """
    if is_unicode(argument):
        return argument
    try:
        return argument.encode("utf-8", "surrogateescape").decode()
    except UnicodeError as error:
        shown = ascii(argument[:40])
        raise UsageError(f"the text {shown} is not UTF-8: type it in UTF-8") from error


@contextmanager
def standard_output() -> Iterator[TextIO]:
    """Give standard output to a command.

    Raises:
        QuotetuneError: It cannot be written.
        BrokenPipeError: Nobody reads it any more.
    """
    try:
        yield sys.stdout
        sys.stdout.flush()
    except OSError as error:
        if error.filename is not None or error.errno not in _CANNOT_WRITE:
            raise
        _give_up(sys.stdout)
        raise QuotetuneError(
            f"standard output: cannot be written ({error.strerror}): make room where it goes"
        ) from error


@contextmanager
def silent_on_closed_pipe() -> Iterator[None]:
    """End the process in silence if nobody reads its standard output any more, as `head` does.

    The exit status is that of a process that the signal SIGPIPE ended.
    """
    stdout = sys.stdout
    try:
        try:
            yield
        finally:
            stdout.flush()
    except BrokenPipeError:
        _give_up(stdout)
        sys.exit(_CLOSED_PIPE)
    except SystemExit:
        if sys.stdout is not stdout:  # Typer puts something silent in its place
            sys.exit(_CLOSED_PIPE)
        raise


class _Closed(io.TextIOBase):
    """Standard output that was closed by `>&-`. It is an error only if there is data."""

    encoding = "utf-8"
    errors = "strict"

    def write(self, text: str) -> int:
        if text:
            raise UsageError("standard output is closed: name a file with --output")
        return 0


def _give_up(stream: TextIO) -> None:
    """Let what is left in the buffer go nowhere: Python complains if it cannot write it at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
