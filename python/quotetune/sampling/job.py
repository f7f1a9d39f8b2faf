"""The job of a sampling, `job.json`: what the child process samples.

A job can have millions of prompts, such as all questions to a judge. They are written and read one
at a time. The file has the bytes of `json.dumps` of the whole job.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from quotetune.errors import QuotetuneError
from quotetune.runtime.whole_files import RESUME, written_file
from quotetune.sampling.parts import JOB_NAME, part_paths

# The key of the prompts.
PROMPTS = "prompts"
_AFTER_VALUE = (":", ",", "]", "}")
_PIECE = 1 << 20  # characters that are read at a time


def write_job(output: Path, job: Mapping[str, Any], prompts: Iterable[Any]) -> tuple[Path, int]:
    """Write `job.json`, and remove the parts of any other job.

    Args:
        output: The directory of the parts.
        job: The job. Its value of `prompts` only says where the prompts are.
        prompts: The prompts as JSON values.

    Returns:
        The file, and the number of prompts.
    """
    path = output / JOB_NAME
    count = 0

    def counted() -> Iterator[Any]:
        nonlocal count
        for prompt in prompts:
            count += 1
            yield prompt

    with written_file(path, remedy=RESUME) as target:
        with target.open("w", encoding="utf-8") as file:
            file.writelines(_text(job, counted()))
        if not path.exists() or not _are_equal(path, target):
            for part in part_paths(output):
                part.unlink()
    return path, count


def _are_equal(one: Path, other: Path) -> bool:
    # `filecmp` remembers answers by size and time, and a job may be written twice in a tick.
    with one.open("rb") as first, other.open("rb") as second:
        while piece := first.read(_PIECE):
            if second.read(_PIECE) != piece:
                return False
        return not second.read(1)


def _text(job: Mapping[str, Any], prompts: Iterable[Any]) -> Iterator[str]:
    """Yield the text of a job in pieces."""
    before = "{"
    for key, value in job.items():
        yield f"{before}{_json(key)}: "
        before = ", "
        if key != PROMPTS:
            yield _json(value)
            continue
        yield "["
        for number, prompt in enumerate(prompts):
            yield f"{', ' if number else ''}{_json(prompt)}"
        yield "]"
    yield "}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


class JobPrompts:
    """The prompts of a job, read from its file whenever they are iterated over.

    Args:
        path: The file.
        count: Number of the prompts.
    """

    def __init__(self, path: Path, count: int) -> None:
        self._path = path
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Any]:
        with self._path.open(encoding="utf-8") as file:
            reader = _Reader(file, self._path)
            for key in reader.names():
                if key == PROMPTS:
                    yield from reader.items()
                    return
                reader.value()


def read_job(path: Path) -> dict[str, Any]:
    """Read a job; its `prompts` are `JobPrompts`.

    Raises:
        QuotetuneError: The file is not as `write_job` writes it.
    """
    job: dict[str, Any] = {}
    with path.open(encoding="utf-8") as file:
        reader = _Reader(file, path)
        for key in reader.names():
            if key == PROMPTS:
                job[key] = JobPrompts(path, sum(1 for _ in reader.items()))
            else:
                job[key] = reader.value()
    return job


class _Reader:
    """Reader of a JSON object without line breaks, in pieces."""

    def __init__(self, file: TextIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._text = ""
        self._place = 0
        self._decode = json.JSONDecoder().raw_decode

    def names(self) -> Iterator[str]:
        """Yield the keys; the value of each is read before the next one."""
        before = "{"
        while self._takes(before):
            key = self.value()
            self._expect(": ")
            yield key
            before = ", "
        self._expect("}")

    def items(self) -> Iterator[Any]:
        """Yield the elements of an array."""
        self._expect("[")
        if self._takes("]"):
            return
        yield self.value()
        while self._takes(", "):
            yield self.value()
        self._expect("]")

    def value(self) -> Any:
        """Read a value as a whole."""
        while True:
            try:
                value, end = self._decode(self._text, self._place)
            except json.JSONDecodeError:
                end = len(self._text)
            # The start of a number is a number, too, so what follows must be there.
            if self._text[end : end + 1] in _AFTER_VALUE:
                self._place = end
                return value
            if not self._read():
                raise self._damaged()

    def _takes(self, text: str) -> bool:
        while len(self._text) - self._place < len(text) and self._read():
            pass
        found = self._text.startswith(text, self._place)
        self._place += len(text) if found else 0
        return found

    def _expect(self, text: str) -> None:
        if not self._takes(text):
            raise self._damaged()

    def _read(self) -> bool:
        """Read a further piece, which is as long as what is left of the one before."""
        rest = self._text[self._place :]
        piece = self._file.read(max(_PIECE, len(rest)))
        self._text, self._place = rest + piece, 0
        return bool(piece)

    def _damaged(self) -> QuotetuneError:
        return QuotetuneError(f"{self._path}: damaged: remove it, and sample again")
