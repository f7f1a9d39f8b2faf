"""Read the documents of a corpus in batches, each with the record that it was read from.

The documents are those that `build_index` would read: of the same files, with the same names and
the same errors. Only one batch is in memory.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from quotetune import _core
from quotetune.corpus.files import corpus_files, default_names
from quotetune.corpus.formats import STDIN
from quotetune.corpus.index import Index
from quotetune.corpus.ingest import Reading, check_reading
from quotetune.corpus.inputs import InputFile, expand_inputs, unicode_name
from quotetune.corpus.parquet_files import open_parquet
from quotetune.corpus.progress import Progress, silent
from quotetune.corpus.rows import BadRecordError, Keys
from quotetune.corpus.tables import parquet_row_batches
from quotetune.errors import QuotetuneError, QuotetuneWarning
from quotetune.runtime.plural import counted

# As the core does: if all of so many records are bad, the keys or the file must be wrong.
_ALL_BAD = 1000


@dataclass(frozen=True)
class CorpusDocument:
    """A document of a corpus.

    Attributes:
        number: The place of its record: its line, its position in an array, or its row, from 1.
        source: Its source.
        id: Its id.
        text: Its text.
    """

    number: int
    source: str
    id: str
    text: str


@dataclass(frozen=True)
class Rows:
    """Consecutive rows of a Parquet file, and their documents.

    Attributes:
        table: The record batch.
        group: The number of its row group.
        documents: The number, source, id and text of each row.
    """

    table: Any
    group: int
    documents: list[tuple[int, str, str, str]]

    def __len__(self) -> int:
        return len(self.documents)

    def document(self, position: int) -> tuple[int, str, str, str]:
        """Return the document of a row."""
        return self.documents[position]


class Batch:
    """Documents of one file, in its order: `batch[i]`, or all of them in a loop.

    Attributes:
        file: The file.
        is_array: Whether the records are the elements of one JSON array.
        bytes_read: Bytes of the file that are read so far.
        touched: The positions of the documents that have n-grams of the indexes that `batches` was
            given.
    """

    def __init__(
        self,
        file: InputFile,
        content: _core.DocumentBatch | Rows | None,
        touched: list[int],
        bytes_read: int,
        *,
        is_array: bool = False,
    ) -> None:
        self.file = file
        self.is_array = is_array
        self.bytes_read = bytes_read
        self.touched = touched
        self._content = content

    def __len__(self) -> int:
        return 0 if self._content is None else len(self._content)

    def __getitem__(self, position: int) -> CorpusDocument:
        """Return the document at a position."""
        if self._content is None or position >= len(self):
            raise IndexError(position)  # which also ends a loop over the batch
        return CorpusDocument(*self._content.document(position))

    @property
    def rows(self) -> Rows | None:
        """The rows of a Parquet file that the documents were read from; None for other files."""
        return self._content if isinstance(self._content, Rows) else None

    def records(self, start: int, end: int) -> bytes:
        """Return the bytes of the records from a position to before another one.

        Lines have their ends; the elements of an array have nothing between them.
        """
        assert not isinstance(self._content, Rows)
        return b"" if self._content is None else self._content.records(start, end)


class Corpus:
    """The documents of files.

    Attributes:
        files: The files, in order.
        folders: The inputs that are folders.
        keys: The fields of their records.
        documents: Documents of the last reading, so far.
        skipped: Records that it left out, for each reason with the first place.
    """

    def __init__(self, inputs: Iterable[Path], keys: Keys, reading: Reading) -> None:
        """Find the files of inputs.

        Args:
            inputs: Files, folders, globs, or `-`, as `build_index` takes them.
            keys: The fields of their records.
            reading: How they are read; `duplicates` has no effect.

        Raises:
            UsageError: An input or an option is invalid.
        """
        check_reading(keys, reading)
        given = list(inputs)
        self.folders = [path for path in given if path.is_dir()]
        self.files = corpus_files(expand_inputs(given, reading.format, reading.root), keys)
        self.keys = keys
        self.documents = 0
        self.skipped: dict[str, tuple[int, str]] = {}
        self._first_bad: QuotetuneError | None = None

    def copy_of(self, paths: Mapping[Path, Path]) -> "Corpus":
        """Return the corpus of the copies of this one's files, in the same order.

        Args:
            paths: The path of each file's copy. A file without documents may have none.
        """
        corpus = copy(self)
        corpus.folders = []
        corpus.files = [
            replace(file, path=path) for file in self.files if (path := paths[file.path]).exists()
        ]
        return corpus

    @property
    def bytes(self) -> int:
        """Bytes of the files; 0 if one of them is a pipe."""
        if any(not file.path.is_file() for file in self.files):
            return 0
        return sum(file.path.stat().st_size for file in self.files)

    def batches(self, report: Progress = silent, indexes: Sequence[Index] = ()) -> Iterator[Batch]:
        r"""Read the documents once.

        Args:
            report: Is told about the bytes that are read.
            indexes: Indexes whose n-grams are looked for in each text while it is read.

        Yields:
            Batches of at most about 8 MiB, in order.

        Raises:
            QuotetuneError: A record is bad and `errors` is not `skip`; all of the first 1,000 are,
                or there is no document at all.

        Example:
            >>> from tempfile import mkdtemp
            >>> folder = Path(mkdtemp())
            >>> _ = (folder / "a.jsonl").write_text('{"text": "Ice floats."}\n')
            >>> [batch] = Corpus([folder], Keys(), Reading()).batches()
            >>> batch[0]
            CorpusDocument(number=1, source='a', id='1', text='Ice floats.')
            >>> batch.records(0, 1)
            b'{"text": "Ice floats."}\n'
        """
        self.documents, self.skipped, self._first_bad = 0, {}, None
        total, before = self.bytes, 0
        for file in self.files:
            read = self._rows if file.format == "parquet" else self._records
            for batch in read(file, indexes):
                self.documents += len(batch)
                report("read", before + batch.bytes_read, total)
                yield batch
            before += file.path.stat().st_size if total else 0
        if self.documents == 0:
            raise self._nothing_read()
        for reason, (count, place) in self.skipped.items():
            warnings.warn(
                f"{counted(count, 'record')} skipped: {reason} (the first is {place})",
                QuotetuneWarning,
                stacklevel=3,
            )

    def _records(self, file: InputFile, indexes: Sequence[Index]) -> Iterator[Batch]:
        keys = self.keys
        source, id_prefix, text_id = default_names(file, keys.source)
        documents = _core.Documents(
            None if file.path == STDIN else file.path,
            format=file.format,
            default_source=source,
            id_prefix=id_prefix,
            text_id=text_id,
            record_keys=(keys.text, keys.id, keys.source_key, []),
            numbered=keys.numbered,
            source=keys.source,
            errors=keys.errors,
            indexes=[index._index for index in indexes],
        )
        if documents.is_array:  # perhaps an empty one, of which a copy is an array, too
            yield Batch(file, None, [], 0, is_array=True)
        for content, bad in documents:
            for place, reason, message in bad:
                self._skip(place, reason, QuotetuneError(message), len(content))
            is_array, bytes_read = documents.is_array, documents.bytes_read
            yield Batch(file, content, content.touched(), bytes_read, is_array=is_array)

    def _rows(self, file: InputFile, indexes: Sequence[Index]) -> Iterator[Batch]:
        import pyarrow as pa

        source, id_prefix, _ = default_names(file, self.keys.source)
        size, count = file.path.stat().st_size, open_parquet(file.path).metadata.num_rows
        read = 0
        batches = parquet_row_batches(file.path, self.keys, source, id_prefix, all_columns=True)
        for batch in batches:
            documents = [
                (row[4], *row[:3]) for row in batch.rows if not isinstance(row, BadRecordError)
            ]
            table = batch.table
            if len(documents) < len(batch.rows):
                is_good = [not isinstance(row, BadRecordError) for row in batch.rows]
                table = table.filter(pa.array(is_good))
            for row in batch.rows:
                if isinstance(row, BadRecordError):
                    self._skip(row.place, row.reason, row, len(documents))
            texts = [document[3] for document in documents]
            hits = sum(index.quip_counts(texts)[:, 0] for index in indexes)
            touched = np.flatnonzero(hits).tolist() if indexes and texts else []
            read += len(batch.rows)
            rows = Rows(table, batch.group, documents)
            yield Batch(file, rows, touched, size * read // max(count, 1))

    def _skip(self, place: str, reason: str, error: QuotetuneError, good: int) -> None:
        """Count a bad record; `good` are the documents of its batch."""
        if self.keys.errors != "skip":
            raise error
        self._first_bad = self._first_bad or error
        count, first = self.skipped.get(reason, (0, place))
        self.skipped[reason] = count + 1, first
        skipped = sum(count for count, _ in self.skipped.values())
        if self.documents + good == 0 and skipped >= _ALL_BAD:
            raise self._nothing_read()

    def _nothing_read(self) -> QuotetuneError:
        if self._first_bad is not None:
            return QuotetuneError(f"{self._first_bad} (none of the records can be read)")
        names = ", ".join(unicode_name(str(file.path)) for file in self.files[:3])
        return QuotetuneError(f"no document in {names}: give files with documents")
