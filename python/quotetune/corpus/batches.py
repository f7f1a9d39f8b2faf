"""Read the documents of a corpus in batches, each with the record that it was read from.

The documents are those that `build_index` would read: of the same files, with the same names and
the same errors. Only one batch is in memory.
"""

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quotetune import _core
from quotetune.corpus.files import corpus_files, default_names
from quotetune.corpus.formats import STDIN
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
class Batch:
    """Documents of one file, in its order.

    Attributes:
        file: The file.
        numbers: The place of each record: its line, its position in an array, or its row, from 1.
        sources: The source of each document.
        ids: The id of each document.
        texts: The text of each document.
        records: What each document was read from: bytes, with the line end if there is one, or for
            Parquet the rows of one record batch.
        is_array: Whether the records are the elements of one JSON array.
        group: The row group of the rows.
        bytes_read: Bytes of the file that are read so far.
    """

    file: InputFile
    numbers: list[int] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    records: Any = ()
    is_array: bool = False
    group: int = 0
    bytes_read: int = 0

    def __len__(self) -> int:
        return len(self.texts)


class Corpus:
    """The documents of files.

    Attributes:
        files: The files, in order.
        folders: The inputs that are folders.
        keys: The fields of their records.
        documents: Documents read so far.
        skipped: Records left out so far, for each reason with the first place.
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

    @property
    def bytes(self) -> int:
        """Bytes of the files; 0 if one of them is a pipe."""
        if any(not file.path.is_file() for file in self.files):
            return 0
        return sum(file.path.stat().st_size for file in self.files)

    def batches(self, report: Progress = silent) -> Iterator[Batch]:
        r"""Read the documents once.

        Args:
            report: Is told about the bytes that are read.

        Yields:
            Batches, in order; at least one for each file, though it may be empty.

        Raises:
            QuotetuneError: A record is bad and `errors` is not `skip`; all of the first 1,000 are,
                or there is no document at all.

        Example:
            >>> from tempfile import mkdtemp
            >>> folder = Path(mkdtemp())
            >>> _ = (folder / "a.jsonl").write_text('{"text": "Ice floats."}\n')
            >>> [batch] = Corpus([folder], Keys(), Reading()).batches()
            >>> batch.sources, batch.ids, batch.texts, batch.records
            (['a'], ['1'], ['Ice floats.'], [b'{"text": "Ice floats."}\n'])
        """
        total, before = self.bytes, 0
        for file in self.files:
            is_empty = True
            for batch in self._batches_of(file):
                self.documents += len(batch)
                report("read", before + batch.bytes_read, total)
                is_empty = False
                yield batch
            if is_empty:
                yield Batch(file)
            before += file.path.stat().st_size if total else 0
        if self.documents == 0:
            raise self._nothing_read()
        for reason, (count, place) in self.skipped.items():
            warnings.warn(
                f"{counted(count, 'record')} skipped: {reason} (the first is {place})",
                QuotetuneWarning,
                stacklevel=3,
            )

    def _batches_of(self, file: InputFile) -> Iterator[Batch]:
        return self._rows(file) if file.format == "parquet" else self._records(file)

    def _records(self, file: InputFile) -> Iterator[Batch]:
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
        )
        for numbers, records, sources, ids, texts, bad in documents:
            for place, reason, message in bad:
                self._skip(place, reason, QuotetuneError(message), len(texts))
            yield Batch(
                file,
                numbers,
                sources,
                ids,
                texts,
                records,
                documents.is_array,
                bytes_read=documents.bytes_read,
            )

    def _rows(self, file: InputFile) -> Iterator[Batch]:
        import pyarrow as pa

        source, id_prefix, _ = default_names(file, self.keys.source)
        size, count = file.path.stat().st_size, open_parquet(file.path).metadata.num_rows
        read = 0
        batches = parquet_row_batches(file.path, self.keys, source, id_prefix, all_columns=True)
        for batch in batches:
            good = [row for row in batch.rows if not isinstance(row, BadRecordError)]
            table = batch.table
            if len(good) < len(batch.rows):
                table = table.filter(
                    pa.array([not isinstance(row, BadRecordError) for row in batch.rows])
                )
            for row in batch.rows:
                if isinstance(row, BadRecordError):
                    self._skip(row.place, row.reason, row, len(good))
            read += len(batch.rows)
            sources, ids, texts, _, numbers = (
                map(list, zip(*good, strict=True)) if good else [[] for _ in range(5)]
            )
            yield Batch(
                file,
                numbers,
                sources,
                ids,
                texts,
                table,
                group=batch.group,
                bytes_read=size * read // count,
            )

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
