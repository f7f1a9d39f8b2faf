"""Copy a corpus with documents left out or spans of them cut.

    with copied(corpus, folder) as copy:
        for batch in corpus.batches():
            copy.write(batch, {3: LEFT_OUT, 7: [(10, 25)]})

The folder then contains a file for each file of the corpus, of the same name, format and
compression, except for text files that are left out: each is one document, and has no copy then. A
record that is not changed is the same bytes as before (in Parquet, the same row).
The records of JSON arrays stand one per line; blank lines, byte order marks and records that
`errors="skip"` passes over are left out, and UTF-16 becomes UTF-8.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import Final, TypeAlias

from quotetune.corpus.batches import Batch, Corpus
from quotetune.corpus.formats import STDIN, stem
from quotetune.corpus.inputs import InputFile
from quotetune.datawork.compression import compressed_file, compression_of
from quotetune.datawork.cutting import Span, cut
from quotetune.datawork.json_value import with_string
from quotetune.datawork.parquet_copy import ParquetCopy
from quotetune.errors import UsageError

# What a command that copies a corpus writes into its directory, and what it may ignore.
REPORT, CORPUS = "report.json", "corpus"
NORMALIZATIONS = ("squash", "fold", "fold-case")
_ENDINGS = {"jsonl": ".jsonl", "text": ".txt"}


class _LeftOut(Enum):
    LEFT_OUT = 0


class _Same(Enum):
    SAME = 0


LEFT_OUT: Final = _LeftOut.LEFT_OUT
_SAME: Final = _Same.SAME
# What happens to a document: it is left out, these spans of its text are cut, or it gets this text.
Change: TypeAlias = _LeftOut | Sequence[Span] | str


def copy_names(corpus: Corpus) -> dict[Path, PurePosixPath]:
    """Return where the copy of each file is, relative to the copy's folder.

    Raises:
        UsageError: Two files would have one name.
    """
    names: dict[Path, PurePosixPath] = {}
    first: dict[PurePosixPath, Path] = {}
    for file in corpus.files:
        name = _name(file)
        if name in first:
            raise UsageError(
                f"{file.path}: its copy would have the name of that of {first[name]}: name a "
                "folder above both, or give --root"
            )
        names[file.path], first[name] = name, file.path
    return names


def check_apart(corpus: Corpus, output: Path) -> None:
    """Refuse an output that is an input, or is inside one, before anything is read.

    Raises:
        UsageError: It is.
    """
    files = [file.path for file in corpus.files if file.path != STDIN]
    check_not_inside([*corpus.folders, *files], output)


def check_not_inside(inputs: Iterable[Path], output: Path) -> None:
    """Refuse an output that is one of some files and folders, or inside one.

    Raises:
        UsageError: It is.
    """
    place = output.resolve()
    for path in inputs:
        if path.resolve() in (place, *place.parents):
            raise UsageError(f"-o {output}: is the input {path}, or inside it: choose another")


@contextmanager
def copied(corpus: Corpus, folder: Path) -> Iterator["CorpusCopy"]:
    """Open a copy of a corpus.

    Args:
        corpus: The corpus.
        folder: Where the files go; it need not exist. Use a folder that appears by rename
            (`runtime.whole_files.written_directory`): a copy that fails is not complete.

    Yields:
        The copy.

    Raises:
        UsageError: Two files of the corpus would have one name.
    """
    copy = CorpusCopy(corpus, folder)
    try:
        yield copy
    except BaseException:
        copy.close(is_complete=False)
        raise
    copy.close(is_complete=True)


class CorpusCopy:
    """A copy of a corpus that is being written (see `copied`).

    Attributes:
        documents_left_out: Documents that are not in the copy.
        documents_cut: Documents in the copy of which spans were cut.
        characters_cut: Characters of the texts that are not in the copy.
    """

    def __init__(self, corpus: Corpus, folder: Path) -> None:
        self._names = copy_names(corpus)
        self._files = iter(corpus.files)
        self._folder = folder
        self._key = corpus.keys.text
        self._file: InputFile | None = None
        self._writer: _RecordsCopy | _TextCopy | ParquetCopy | None = None
        self.documents_left_out = self.documents_cut = self.characters_cut = 0

    def write(self, batch: Batch, changes: Mapping[int, Change]) -> dict[int, bool]:
        """Write the documents of the next batch.

        A document of which nothing but white space is left is left out, too.

        Args:
            batch: The batch; all batches of the corpus must come, in its order.
            changes: What happens to documents, by their positions in the batch. Spans are in
                characters of the documents' texts; `datawork.cutting.cut` defines what remains.

        Returns:
            The positions of the documents that are not the same any more, with whether something
            of them is left.
        """
        if batch.file != self._file:
            self._finish(is_complete=True)
            self._start_up_to(batch.file)
        changed = {place: self._changed(batch[place].text, changes[place]) for place in changes}
        texts = {place: text for place, text in changed.items() if text is not _SAME}
        assert self._writer is not None
        self._writer.write(batch, texts)
        return {place: text is not None for place, text in texts.items()}

    def _changed(self, text: str, change: Change) -> "str | _Same | None":
        """Return the new text of a document, None if it is left out."""
        match change:
            case _LeftOut():
                rest = None
            case str():
                rest = change
            case _:
                rest = cut(text, change)
        if rest == text:
            return _SAME
        if rest is not None and rest.strip():
            self.documents_cut += 1
            self.characters_cut += len(text) - len(rest)
            return rest
        self.documents_left_out += 1
        self.characters_cut += len(text)
        return None

    def _start_up_to(self, last: InputFile | None) -> None:
        """Start the next files up to one of them; those before it have no documents."""
        for file in self._files:
            self._finish(is_complete=True)
            path = self._folder / self._names[file.path]
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file, self._writer = file, _writer(file, path, self._key)
            if file == last:
                return

    def _finish(self, *, is_complete: bool) -> None:
        if self._writer is not None:
            self._writer.close(is_complete=is_complete)
            self._writer = None

    def close(self, *, is_complete: bool) -> None:
        """End the copy."""
        self._finish(is_complete=is_complete)
        if is_complete:
            self._start_up_to(None)
            self._finish(is_complete=True)


def _writer(file: InputFile, path: Path, key: str) -> "_RecordsCopy | _TextCopy | ParquetCopy":
    match file.format:
        case "parquet":
            return ParquetCopy(file.path, path, key)
        case "text":
            return _TextCopy(path, compression_of(file.path))
    return _RecordsCopy(path, compression_of(file.path), key)


class _RecordsCopy:
    """A copy of a file of JSONL, or of a JSON array."""

    def __init__(self, path: Path, compression: str | None, key: str) -> None:
        self._key = key
        self._is_array = False
        self._is_first = True
        self._stack = ExitStack()
        self._file = self._stack.enter_context(compressed_file(path, compression))

    def write(self, batch: Batch, texts: Mapping[int, str | None]) -> None:
        """Write records, some of them with other texts or (None) not at all."""
        self._is_array |= batch.is_array
        at = 0
        for place in sorted(texts):
            self._write_unchanged(batch, at, place)
            text, at = texts[place], place + 1
            if text is not None:
                self._write(with_string(batch.records(place, at), self._key, text))
        self._write_unchanged(batch, at, len(batch))

    def _write_unchanged(self, batch: Batch, start: int, end: int) -> None:
        if not self._is_array and start < end:
            self._write(batch.records(start, end))
        for place in range(start, end) if self._is_array else ():
            self._write(batch.records(place, place + 1))

    def _write(self, records: bytes) -> None:
        if self._is_array:
            self._file.write(b"[\n" if self._is_first else b",\n")
        self._file.write(records)
        self._is_first = False

    def close(self, *, is_complete: bool) -> None:
        """End the array, if the copy is complete, and close the file."""
        with self._stack:
            if is_complete and self._is_array:
                self._file.write(b"[]\n" if self._is_first else b"\n]\n")


class _TextCopy:
    """A copy of a text file, which is one document. If it is left out, there is no file."""

    def __init__(self, path: Path, compression: str | None) -> None:
        self._path = path
        self._compression = compression

    def write(self, batch: Batch, texts: Mapping[int, str | None]) -> None:
        """Write the text, or another one."""
        for place in range(len(batch)):
            text = texts.get(place, "")
            if text is not None:
                with compressed_file(self._path, self._compression) as file:
                    file.write(text.encode() if place in texts else batch.records(place, place + 1))

    def close(self, *, is_complete: bool) -> None:
        """Do nothing: the file is closed already."""


def _name(file: InputFile) -> PurePosixPath:
    if not file.path.is_file():  # a pipe, which may have any name
        name = "stdin" if file.path == STDIN else stem(file.path.name)
        return PurePosixPath(name + _ENDINGS[file.format])
    return PurePosixPath(file.name).with_name(file.path.name)
