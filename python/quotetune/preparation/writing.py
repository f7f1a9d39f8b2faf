"""Write `prompts.jsonl` and `corpus.jsonl` from the examples of a data set."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from heapq import heappush, heappushpop
from pathlib import Path
from typing import Any, TextIO

from quotetune.errors import QuotetuneError, UsageError
from quotetune.preparation.example import Example, Passage
from quotetune.preparation.sources import Part
from quotetune.runtime.chance import drawn
from quotetune.runtime.jsonl import is_unicode
from quotetune.runtime.plural import counted
from quotetune.runtime.whole_files import written

PROMPTS, CORPUS = "prompts.jsonl", "corpus.jsonl"
# Answers that no passage need contain.
_VERDICTS = ("yes", "no")
Form = Callable[[Part], Iterator[Example]]


@dataclass
class Prepared:
    """What was written, and what a user should know about it.

    Attributes:
        prompts: Number of prompts.
        documents: Number of documents.
        unanswered: Prompts without a gold answer, of a form that has answers.
        elsewhere: Gold answers but "yes" and "no" that occur in no passage of their prompt. They
            are kept.
        first_elsewhere: The place of the first of them.
        skipped: Records that have no prompt, by reason.
    """

    prompts: int = 0
    documents: int = 0
    unanswered: int = 0
    elsewhere: int = 0
    first_elsewhere: str | None = None
    skipped: Counter[str] = field(default_factory=Counter)

    def lines(self) -> list[str]:
        """Return one line per fact, the numbers of prompts and documents first."""
        lines = [f"{counted(self.prompts, 'prompt')}, {counted(self.documents, 'document')}"]
        if self.unanswered:
            lines.append(f"without an answer: {counted(self.unanswered, 'prompt')}")
        if self.elsewhere:
            lines.append(
                f"not in their passages: {counted(self.elsewhere, 'answer')}"
                f" (the first is that of {self.first_elsewhere})"
            )
        for reason, count in sorted(self.skipped.items()):
            lines.append(f"left out as prompts ({reason}): {count:,}")
        return lines


def prepare(
    parts: Iterable[Part],
    form: Form,
    output: Path,
    *,
    source: str,
    max_prompts: int | None = None,
    overwrite: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Prepared:
    """Write the prompts and the corpus of a data set.

    Neither file appears before both are complete. Passages of the same title and text are one
    document.

    Args:
        parts: The parts of the data set.
        form: Reads the examples of a part.
        output: Directory for `prompts.jsonl` and `corpus.jsonl`; created if it does not exist.
        source: Source of all documents.
        max_prompts: Number of prompts at most; a hash of each id decides which.
        overwrite: Whether to replace files that exist.
        tell: Called with each new work in words.

    Returns:
        The numbers of prompts and documents, and what else there is to say.

    Raises:
        UsageError: A file exists, and is not to be replaced.
        QuotetuneError: A record is of another form, two have the same id, or there are no prompts.
    """
    prompts, corpus = output / PROMPTS, output / CORPUS
    for path in (prompts, corpus):
        if path.exists() and not overwrite:
            raise UsageError(f"{path}: exists already: give --overwrite, or choose another output")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise QuotetuneError(
            f"{output}: cannot be made ({error.strerror}): choose another output"
        ) from error
    prepared = Prepared()
    with written(prompts) as prompt_file, written(corpus) as corpus_file:
        documents = _Documents(corpus_file, source)
        rows = _Prompts(prompt_file, max_prompts)
        for part in parts:
            tell(f"reading {part.name}")
            for example in form(part):
                _add(example, part.split, documents, rows, prepared)
        rows.finish()
        prepared.prompts, prepared.documents = rows.count, documents.count
        if prepared.prompts == 0:
            raise QuotetuneError(f"{source}: no prompts: give a data set with questions")
        # A kill between the two renames must not leave old prompts beside the new corpus. A link
        # stays, because the rename goes to what it names.
        prompts.resolve().unlink(missing_ok=True)
    return prepared


def _add(
    example: Example,
    split: str | None,
    documents: "_Documents",
    prompts: "_Prompts",
    prepared: Prepared,
) -> None:
    if example.skipped is not None:
        prepared.skipped[example.skipped] += 1
    names = [documents.add(passage, example.where) for passage in example.passages]
    if example.prompt is None:
        return
    if not example.prompt.strip():
        raise QuotetuneError(f"{example.where}: the question is empty: leave the record out")
    row: dict[str, Any] = {"prompt": example.prompt}
    if example.answers is not None:
        row["answers"] = list(example.answers)
        prepared.unanswered += not example.answers
        _count_elsewhere(example, prepared)
    row["documents"] = [{"source": documents.source, "id": name} for name in dict.fromkeys(names)]
    row |= {key: value for key, value in example.more.items() if key not in row}
    if split is not None:
        row["split"] = split
    prompts.add(example.id, row, example.where)


def _count_elsewhere(example: Example, prepared: Prepared) -> None:
    for answer in example.answers or ():
        found = any(answer in passage.text for passage in example.passages)
        if not found and answer not in _VERDICTS:
            prepared.elsewhere += 1
            prepared.first_elsewhere = prepared.first_elsewhere or example.where


class _Documents:
    """Writes each document once, and gives names to those that have none."""

    def __init__(self, file: TextIO, source: str) -> None:
        self.source = source
        self.count = 0
        self._file = file
        self._of_title: Counter[str] = Counter()
        self._unnamed: dict[bytes, str] = {}
        self._named: dict[bytes, bytes] = {}

    def add(self, passage: Passage, where: str) -> str:
        """Write a document unless it is written; return its id."""
        content = _digest(passage.title or "", passage.text)
        if passage.id is None and content in self._unnamed:
            return self._unnamed[content]
        name = passage.id
        if name is None:
            title = passage.title or ""
            self._of_title[title] += 1
            name = self._unnamed[content] = f"{title}#{self._of_title[title]}"
        key = _digest(name)
        known = self._named.get(key)
        if known == content:
            return name
        if known is not None:
            raise QuotetuneError(
                f"{where}: the document {name} occurred before with another text or title: give"
                " every document its own id"
            )
        self._named[key] = content
        self.count += 1
        row = {"id": name, "source": self.source, "text": passage.text}
        if passage.title is not None:
            row["title"] = passage.title
        row |= {key: value for key, value in passage.more.items() if key not in row}
        self._file.write(_line(row, where))
        return name


class _Prompts:
    """Writes the prompts, each under an id of its own.

    Without a limit, each is written at once. With one, those of the lowest hashes of their ids are
    kept, whatever the order of the records, and `finish` writes them.
    """

    def __init__(self, file: TextIO, most: int | None) -> None:
        self.count = 0
        self._file = file
        self._most = most
        self._seen: set[bytes] = set()
        self._kept: list[tuple[int, int, str]] = []

    def add(self, id: str | None, row: Mapping[str, Any], where: str) -> None:
        """Take a prompt: its id, which is its number if it has none, and its other columns."""
        number = len(self._seen) + 1
        id = str(number) if id is None else id
        if (digest := _digest(id)) in self._seen:
            raise QuotetuneError(
                f"{where}: the id {id} occurred before: give every prompt its own, or prepare"
                " translations of one data set separately"
            )
        self._seen.add(digest)
        line = _line({"id": id, **row}, where)
        if self._most is None:
            self._write(line)
            return
        item = (-drawn(id), number, line)  # the highest hash is the first to go
        if len(self._kept) < self._most:
            heappush(self._kept, item)
        else:
            heappushpop(self._kept, item)

    def finish(self) -> None:
        """Write the prompts that are kept, in the order of the records."""
        for _, _, line in sorted(self._kept, key=lambda item: item[1]):
            self._write(line)

    def _write(self, line: str) -> None:
        self._file.write(line)
        self.count += 1


def _line(row: Mapping[str, Any], where: str) -> str:
    line = json.dumps(row, ensure_ascii=False, default=str)
    if not is_unicode(line):
        raise QuotetuneError(f"{where}: a lone surrogate, which is not valid Unicode: fix it")
    return line + "\n"


def _digest(*texts: str) -> bytes:
    """Return 16 bytes that stand for texts, since a corpus may have millions of long ones."""
    whole = b"".join(f"{len(text)}:{text}".encode("utf-8", "surrogatepass") for text in texts)
    return blake2b(whole, digest_size=16).digest()
