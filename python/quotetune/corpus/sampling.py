"""Count the documents of files, or of a sample of them where the files are large."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from quotetune import _core
from quotetune.corpus.files import default_names
from quotetune.corpus.formats import STDIN
from quotetune.corpus.inputs import InputFile
from quotetune.corpus.parquet_files import open_parquet
from quotetune.corpus.rows import BadRecordError, Keys
from quotetune.corpus.shards import Portion
from quotetune.corpus.tables import parquet_row_batches
from quotetune.errors import QuotetuneError, UsageError

# Bytes of the files to read; up to so many, they are read whole.
SAMPLE_BYTES = 32 << 20
# Places of plain JSONL that are read, at equal distances, and other files that are.
_STRETCHES = 64
_FILES = 16


class Sample:
    """Documents of a corpus, counted.

    Attributes:
        is_whole: Whether every document was counted.
    """

    def __init__(
        self, sampler: _core.Sampler, keys: Keys, sample_bytes: int = SAMPLE_BYTES
    ) -> None:
        """Count with a sampler; `keys` are the fields of the records."""
        self.is_whole = True
        self._sampler = sampler
        self._keys = keys
        self._sample_bytes = sample_bytes
        self._first_bad: str | None = None

    def count(self, portions: list[Portion]) -> "_core.AmountTuple":
        """Count the documents of files, each in the bytes that are its portion.

        Returns:
            The amount of text in all of them.

        Raises:
            UsageError: One of the files is a pipe.
            QuotetuneError: A file cannot be read, a record is bad in a file that is read whole or
                at the start of one, or all that were read are.
        """
        self._read(portions)
        amount = self._sampler.amount()
        if amount[0] == 0 and self._first_bad is not None:
            raise QuotetuneError(self._first_bad)
        return amount

    def _read(self, portions: list[Portion]) -> None:
        for portion in portions:
            if portion.file.path == STDIN or not portion.file.path.is_file():
                name = "stdin" if portion.file.path == STDIN else portion.file.path
                raise UsageError(
                    f"{name}: a pipe, which could be read only once: give files, or the number of "
                    "characters with --chars"
                )
        total = _bytes_of(portions)
        if total <= self._sample_bytes:
            for portion in portions:
                self._whole(portion)
            return
        self.is_whole = False
        groups: dict[tuple[str, bool], list[Portion]] = {}
        for portion in portions:
            key = portion.file.format, self._can_be_cut(portion.file)
            groups.setdefault(key, []).append(portion)
        for (_, can_be_cut), group in groups.items():
            budget = max(self._sample_bytes * _bytes_of(group) // total, 1)
            read = self._stretches(group, budget) if can_be_cut else self._starts(group, budget)
            self._sampler.end_part(_bytes_of(group) / max(read, 1))

    def _can_be_cut(self, file: InputFile) -> bool:
        return file.can_be_cut and self._open(file, self._keys).is_cuttable

    def _whole(self, portion: Portion) -> None:
        """Count all documents of a portion."""
        if portion.whole or not self._can_be_cut(portion.file):
            self._start(portion.file)
        else:
            self._lines(portion.file, portion.start, portion.end)
        self._sampler.end_part(1.0)

    def _stretches(self, group: list[Portion], budget: int) -> int:
        """Count the lines that start in stretches at equal distances. Return their bytes."""
        total = _bytes_of(group)
        step, length = total / _STRETCHES, budget // _STRETCHES
        wanted = [int(number * step) for number in range(_STRETCHES)]
        before = read = 0
        for portion in group:
            size = portion.end - portion.start
            while wanted and wanted[0] < before + size:
                start = portion.start + wanted.pop(0) - before
                end = min(start + length, portion.end)
                self._lines(portion.file, start, end)
                read += end - start
            before += size
        return read

    def _starts(self, group: list[Portion], budget: int) -> int:
        """Count the first documents of files at equal distances. Return the bytes read."""
        count = min(_FILES, len(group))
        chosen = [group[number * len(group) // count].file for number in range(count)]
        return sum(self._start(file, max(budget // count, 1)) for file in chosen)

    def _start(self, file: InputFile, most: int | None = None) -> int:
        """Count the first documents of a file, or all. Return the bytes read, `most` or more."""
        if file.format == "parquet":
            return self._rows(file, most)
        size = file.path.stat().st_size
        documents = self._open(file, self._keys)
        for batch, bad in documents:
            self._add(batch, bad)
            # What was read ahead of the last document may be all that is left.
            if most is not None and most <= documents.bytes_read < size:
                break
        return documents.bytes_read

    def _lines(self, file: InputFile, start: int, end: int) -> None:
        """Count the documents of lines that start in some bytes of a file."""
        keys = self._keys
        if start > 0:
            # Nobody has counted the lines before, so an error could not name the place.
            keys = replace(keys, errors="skip")
            start = _line_from(file.path, start)
        if start < end:
            for batch, bad in self._open(file, keys, (start, end)):
                self._add(batch, () if start > 0 else bad)

    def _add(self, batch: _core.DocumentBatch, bad: Iterable[tuple[str, str, str]]) -> None:
        for place, reason, message in bad:
            if self._keys.errors != "skip":
                raise QuotetuneError(message)
            self._note(place, reason, message)
        self._sampler.add(batch)

    def _note(self, place: str, reason: str, message: str) -> None:
        """Keep the message for the case that all records are bad."""
        fault = f"{place}: {reason}"
        rest = message.removeprefix(fault)
        if self._first_bad is None:
            self._first_bad = f"{fault}, and none of the records can be read{rest}"

    def _rows(self, file: InputFile, most: int | None) -> int:
        size, count = file.path.stat().st_size, open_parquet(file.path).metadata.num_rows
        source, id_prefix, _ = default_names(file, self._keys.source)
        read = 0
        for batch in parquet_row_batches(file.path, self._keys, source, id_prefix):
            rows = []
            for row in batch.rows:
                if isinstance(row, BadRecordError):
                    self._note(row.place, row.reason, str(row))
                else:
                    rows.append(row)
            self._sampler.add_rows(rows)
            read += len(batch.rows)
            if most is not None and size * read >= most * count:
                break
        return size if read >= count else size * read // count

    def _open(
        self, file: InputFile, keys: Keys, part: tuple[int, int] | None = None
    ) -> _core.Documents:
        source, id_prefix, text_id = default_names(file, keys.source)
        return _core.Documents(
            file.path,
            format=file.format,
            default_source=source,
            id_prefix=id_prefix,
            text_id=text_id,
            record_keys=(keys.text, keys.id, keys.source_key, list(keys.metadata)),
            numbered=keys.numbered,
            source=keys.source,
            errors=keys.errors,
            indexes=[],
            part=part,
        )


def _bytes_of(portions: Iterable[Portion]) -> int:
    return sum(portion.end - portion.start for portion in portions)


def _line_from(path: Path, position: int) -> int:
    """Return where the first line starts that starts at a position or later."""
    with path.open("rb") as file:
        file.seek(position - 1)
        while not file.readline(1 << 20).endswith(b"\n"):
            if not file.peek(1):
                break
        return file.tell()
