"""Write a corpus without the texts that it contains a second time.

A text of `min_chars` characters is a copy if it occurs earlier in the corpus. The spans that copies
cover are cut. Or the documents that share a text with an earlier one that stays are left out, and
only what a document repeats itself is cut. What is joined at a cut may be a copy of something else,
so the result is looked at again until it has none.
"""

import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from quotetune.corpus.batches import Batch, Corpus
from quotetune.corpus.build import build_index
from quotetune.corpus.formats import STDIN
from quotetune.corpus.normalizing import aligned, given_span, with_threads
from quotetune.corpus.progress import Progress, silent
from quotetune.corpus.results import Document, Duplicates
from quotetune.datawork.copying import (
    CORPUS,
    LEFT_OUT,
    NORMALIZATIONS,
    REPORT,
    Change,
    check_apart,
    copied,
    copy_names,
)
from quotetune.datawork.cutting import Span
from quotetune.errors import QuotetuneWarning, UsageError
from quotetune.runtime.whole_files import write_json, written_directory

Remove: TypeAlias = Literal["spans", "documents"]


@dataclass(frozen=True)
class Settings:
    """What counts as a copy, and what becomes of it.

    Attributes:
        min_chars: Characters of the shortest text that may occur only once.
        remove: What to remove: the `spans` that copies cover, or the `documents` that share a text
            with an earlier one.
        normalization: Differences that do not count: `squash`, `fold` or `fold-case`.
        memory_limit: Bytes of memory that the index is built within; None for no limit.

    Raises:
        UsageError: A value is out of range.
    """

    min_chars: int = 100
    remove: Remove = "spans"
    normalization: str = "squash"
    memory_limit: int | None = None

    def __post_init__(self) -> None:
        if self.min_chars < 2:
            # One character may be the space that a cut leaves.
            raise UsageError(f"min_chars is {self.min_chars}: choose 2 or more")
        if self.normalization not in NORMALIZATIONS:
            raise UsageError(
                f"normalization is {self.normalization!r}: choose squash, fold or fold-case"
            )
        if self.remove not in ("spans", "documents"):
            raise UsageError(f"remove is {self.remove!r}: choose spans or documents")


def deduplicate(
    corpus: Corpus,
    output: Path,
    settings: Settings = Settings(),
    *,
    threads: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Copy a corpus without what it contains a second time.

    Args:
        corpus: The corpus, of files that can be read several times.
        output: The directory to create. It appears when it is complete, with `report.json` and the
            folder `corpus`.
        settings: What counts as a copy, and what becomes of it.
        threads: Threads to work with; one per core by default.
        progress: Is told about the bytes of the corpus that are read.

    Returns:
        The report.

    Raises:
        UsageError: An option or input is invalid, the output exists, or is inside an input.
        QuotetuneError: A record of the corpus is bad.
    """
    check_apart(corpus, output)
    copy_names(corpus)
    if any(file.path == STDIN or not file.path.is_file() for file in corpus.files):
        raise UsageError("the corpus is read several times, so it cannot be a pipe: name files")
    fates, characters = _Fates(), 0
    with with_threads(threads), written_directory(output) as work:
        current, passes, documents, skipped = corpus, 0, 0, {}
        # A corpus of which nothing is left cannot be indexed.
        while not passes or fates.left:
            copies = _copies(current, work / "index", settings, threads)
            if passes and copies.none:
                break
            folder = work / f"{CORPUS}-{passes}"
            with copied(current, folder) as copy:
                for batch in current.batches(progress):
                    fates.add(len(batch), copy.write(batch, copies.changes(batch)))
            fates.end_pass()
            characters += copy.characters_cut
            if passes:
                shutil.rmtree(work / f"{CORPUS}-{passes - 1}")
            else:
                documents, skipped = corpus.documents, corpus.skipped
            passes += 1
            current = corpus.copy_of(
                {file: folder / name for file, name in copy_names(corpus).items()}
            )
        shutil.rmtree(work / "index")
        (work / f"{CORPUS}-{passes - 1}").rename(work / CORPUS)
        content = {
            "settings": asdict(settings),
            "documents": documents,
            "skipped": {reason: count for reason, (count, _) in skipped.items()},
            "removed": {
                "documents": fates.left_out,
                "documents_cut": fates.cut,
                "characters": characters,
            },
            "passes": passes,
        }
        write_json(work / REPORT, content)
    return content


def _copies(corpus: Corpus, index: Path, settings: Settings, threads: int | None) -> "_Copies":
    """Index a corpus, and find the copies in it."""
    with warnings.catch_warnings():
        # The reading that copies the corpus warns of records that are skipped.
        warnings.simplefilter("ignore", QuotetuneWarning)
        built = build_index(
            _documents(corpus),
            index,
            normalization=settings.normalization,
            structures="suffix",
            threads=threads,
            memory_limit=settings.memory_limit,
            overwrite=True,
        )
    return _Copies(built.duplicates(settings.min_chars, settings.remove), settings)


def _documents(corpus: Corpus) -> Iterator[Document]:
    """Yield the documents, named by their places in the corpus."""
    texts = (batch[at].text for batch in corpus.batches() for at in range(len(batch)))
    for number, text in enumerate(texts):
        yield Document("corpus", str(number), text)


class _Copies:
    """The copies in a corpus. Its batches must come in order."""

    def __init__(self, found: Duplicates, settings: Settings) -> None:
        self._found = found
        self._settings = settings
        self._before = 0
        self._left_out = set(found.left_out())

    @property
    def none(self) -> bool:
        """Whether the corpus contains nothing twice."""
        return self._found.is_empty

    def changes(self, batch: Batch) -> dict[int, Change]:
        """Return what becomes of the documents of the next batch."""
        first, self._before = self._before, self._before + len(batch)
        if self._left_out:
            # Until they are gone, a span may be a copy of what is in one of them alone.
            return {at: LEFT_OUT for at in range(len(batch)) if first + at in self._left_out}
        changes: dict[int, Change] = {}
        for at in range(len(batch)):
            if spans := self._found.spans(first + at):
                changes[at] = _given(batch[at].text, spans, self._settings.normalization)
        return changes


class _Fates:
    """Which documents of the corpus are left, and which of these were cut in any pass."""

    def __init__(self) -> None:
        # Whether each document was cut: those before this pass, and those left in its batches.
        self._was_cut: NDArray[np.bool_] | None = None
        self._after: list[NDArray[np.bool_]] = []
        self._at = 0
        self.left_out = 0

    @property
    def cut(self) -> int:
        """Documents that were cut and are left."""
        return 0 if self._was_cut is None else int(self._was_cut.sum())

    @property
    def left(self) -> int:
        """Documents that the last pass left."""
        return 0 if self._was_cut is None else len(self._was_cut)

    def add(self, documents: int, changes: Mapping[int, bool]) -> None:
        """Note what became of the next documents of the corpus as the last pass left it."""
        if self._was_cut is None:
            was_cut = np.zeros(documents, dtype=bool)
        else:
            was_cut = self._was_cut[self._at : self._at + documents].copy()
        self._at += documents
        gone = [place for place, is_left in changes.items() if not is_left]
        was_cut[list(changes)] = True
        self._after.append(np.delete(was_cut, gone))
        self.left_out += len(gone)

    def end_pass(self) -> None:
        """Note that all documents came."""
        self._was_cut = np.concatenate(self._after)
        self._after, self._at = [], 0


def _given(text: str, spans: Sequence[Span], normalization: str) -> list[Span]:
    """Return where spans of the normalised text are in the text itself."""
    _, origins = aligned(text, normalization)
    return [given_span(origins, start, end) for start, end in spans]
