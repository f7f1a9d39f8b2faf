"""The Rust core: files, filters, suffix arrays. Only `quotetune.corpus` imports it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import Field
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from quotetune.corpus.results import ReportTuple

# Fields of the text, the id and the source, and those of the metadata.
RecordKeyTuple: TypeAlias = tuple[str, str | None, str | None, list[str]]

@final
class QuoteSource:
    """A document that contains a quote."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    __match_args__ = ("source", "id", "metadata", "offset")
    def __new__(
        cls, source: str, id: str, metadata: dict[str, Any], offset: int
    ) -> QuoteSource: ...
    @property
    def source(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def metadata(self) -> dict[str, Any]: ...
    @property
    def offset(self) -> int: ...

@final
class Quote:
    """A maximal verbatim match: it occurs in a document, and no longer match contains it."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    __match_args__ = ("start", "end", "text", "count", "documents")
    def __new__(
        cls, start: int, end: int, text: str, count: int, documents: list[QuoteSource]
    ) -> Quote: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def text(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def documents(self) -> list[QuoteSource]: ...
    def to_dict(self) -> dict[str, Any]: ...

@final
class Duplicates:
    """The copies of texts that come after the first one."""

    @property
    def is_empty(self) -> bool: ...
    def spans(self, position: int) -> list[tuple[int, int]]: ...
    def left_out(self) -> list[int]: ...

@final
class Index:
    """An open index."""

    def __new__(
        cls, name: str | PathLike[str], members: Sequence[str | PathLike[str]]
    ) -> Index: ...
    def __len__(self) -> int: ...
    @property
    def n(self) -> int: ...
    @property
    def normalization(self) -> str: ...
    @property
    def structures(self) -> list[str]: ...
    @property
    def has_suffix_index(self) -> bool: ...
    @property
    def fpr(self) -> float: ...
    @property
    def ngrams(self) -> int: ...
    @property
    def record_keys(self) -> RecordKeyTuple: ...
    @property
    def numbered(self) -> bool: ...
    def check_identities(self) -> None: ...
    @property
    def identity(self) -> str | None: ...
    def quip(self, texts: Iterable[str], exact: bool) -> NDArray[np.float64]: ...
    def quip_counts(self, texts: Iterable[str], exact: bool) -> NDArray[np.int64]: ...
    def windows(self, texts: Iterable[str], exact: bool) -> list[tuple[str, NDArray[np.bool_]]]: ...
    def topic_quip(
        self, texts: Iterable[str], documents: Sequence[Sequence[tuple[str, str]]]
    ) -> NDArray[np.float64]: ...
    def count(self, texts: Iterable[str], whole_words: bool) -> NDArray[np.int64]: ...
    def contains(self, texts: Iterable[str]) -> NDArray[np.bool_]: ...
    def repeats(
        self, min_chars: int, times: int, max_texts: int, max_documents: int
    ) -> tuple[int, int, int, list[tuple[str, int, int, list[QuoteSource]]]]: ...
    def duplicates(self, min_chars: int, documents: bool) -> Duplicates: ...
    def containing(
        self, clauses: Sequence[Sequence[str]], max_documents: int
    ) -> tuple[int, list[tuple[str, str, str, str]]]: ...
    def trace(
        self, texts: Iterable[str], min_chars: int, max_documents: int
    ) -> list[list[Quote]]: ...
    def report(
        self, texts: Iterable[str], max_documents: int, exact: bool
    ) -> list[ReportTuple]: ...
    def find(self, source: str, id: str, quote: str) -> tuple[int, int] | None: ...
    def document(self, source: str, id: str) -> tuple[str, str, str, str]: ...
    def names(self, position: int, most: int) -> list[tuple[str, str]]: ...
    def has_document(self, source: str, id: str) -> bool: ...
    def document_at(self, position: int) -> tuple[str, str, str, str] | None: ...

@final
class Vocabulary:
    """The bytes of a model's tokens."""

    def __new__(cls, tokens: list[bytes | None]) -> Vocabulary: ...
    def __len__(self) -> int: ...

@final
class Texts:
    """A few texts with a suffix array in memory."""

    def __new__(cls, texts: Iterable[str], normalization: str) -> Texts: ...
    @staticmethod
    def of_documents(index: Index, documents: list[tuple[str, str]]) -> Texts: ...

@final
class Guide:
    """A corpus, a vocabulary, and the lengths of matches."""

    def __new__(
        cls, source: Index | Texts, vocabulary: Vocabulary, min_chars: int, max_chars: int
    ) -> Guide: ...
    def state(self) -> GuideState: ...

@final
class GuideState:
    """A response so far."""

    def advance(self, tokens: Sequence[int]) -> None: ...
    def follow(self, tokens: Sequence[int]) -> None: ...
    def push(self, bytes: bytes) -> None: ...
    @property
    def chars(self) -> tuple[int, int]: ...
    def copy(self) -> GuideState: ...
    @property
    def tokens(self) -> list[int]: ...

def guide_matches(states: list[GuideState], candidates: NDArray[np.int64]) -> NDArray[np.int32]: ...
def guide_completes(
    states: list[GuideState], candidates: NDArray[np.int64]
) -> NDArray[np.bool_]: ...
def guide_continues(
    state: GuideState, pieces: list[bytes], least: int, avoid: list[str]
) -> list[bool]: ...
def guide_follow_ups(
    state: GuideState, max_occurrences: int, max_bytes: int
) -> list[bytes] | None: ...
def guide_ends(states: list[GuideState]) -> tuple[NDArray[np.int32], NDArray[np.int32]]: ...
def largest(rows: NDArray[np.float32], count: int) -> NDArray[np.int64]: ...

@final
class TokenTrie:
    """Sequences of tokens that a response is made of."""

    def __new__(
        cls, sequences: Iterable[Sequence[int]], most: int, ends: Sequence[int]
    ) -> TokenTrie: ...
    def __len__(self) -> int: ...
    # The state of each response, the number of tokens of each state, and these tokens.
    def allowed(
        self, responses: Sequence[Sequence[int]]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]: ...

@final
class Builder:
    """A build: documents stream in, `finish` publishes the index, `close` abandons the build."""

    def __new__(
        cls,
        output: str | PathLike[str],
        *,
        n: int,
        normalization: str,
        filter: tuple[float, int | None] | Literal["fuse"] | None,
        suffixes: str | None,
        threads: int,
        segment_bytes: int,
        memory_limit: int | None,
        overwrite: bool,
        record_keys: RecordKeyTuple,
        numbered: bool,
        duplicates: str,
        identity: str | None,
    ) -> Builder: ...
    @staticmethod
    def adding(
        path: str | PathLike[str],
        *,
        threads: int,
        segment_bytes: int,
        memory_limit: int | None,
        record_keys: RecordKeyTuple,
        numbered: bool,
        duplicates: str,
    ) -> Builder: ...
    def input(self, name: str) -> int: ...
    def add(self, input: int, rows: list[tuple[str, str, str, str, int]]) -> None: ...
    def skip(self, reason: str, place: str, remedy: str) -> None: ...
    def skipped(self) -> list[tuple[str, int, str]]: ...
    def add_file(
        self,
        path: str | PathLike[str] | None,
        *,
        format: str,
        default_source: str,
        id_prefix: str,
        text_id: str,
        text_key: str,
        id_key: str | None,
        numbered: bool,
        source: str | None,
        source_key: str | None,
        metadata_keys: list[str],
        errors: str,
        lines: tuple[int, int] | None,
        progress: Callable[[int, int], None],
    ) -> None: ...
    def counts(self) -> tuple[int, int, int, int]: ...
    def unseen_keys(self) -> list[str]: ...
    def finish(self, progress: Callable[[int, int], None]) -> None: ...
    def close(self) -> None: ...

@final
class TextFile:
    """An open text file: decompressed, and without its byte order mark."""

    def read(self, size: int = -1) -> bytes: ...
    @property
    def bytes_read(self) -> int: ...

@final
class Records:
    """The lines of JSONL that are not blank, or the elements of a JSON array."""

    def __iter__(self) -> Records: ...
    def __next__(self) -> tuple[int, bytes]: ...
    def place(self, number: int) -> str: ...
    @property
    def bytes_read(self) -> int: ...

@final
class Documents:
    """The documents of a file in batches, each with the bytes that it was read from."""

    def __new__(
        cls,
        path: str | PathLike[str] | None,
        *,
        format: str,
        default_source: str,
        id_prefix: str,
        text_id: str,
        record_keys: RecordKeyTuple,
        numbered: bool,
        source: str | None,
        errors: str,
        indexes: list[Index],
        part: tuple[int, int] | None = None,
    ) -> Documents: ...
    def __iter__(self) -> Documents: ...
    # Also the records that are no documents: place, reason and message.
    def __next__(self) -> tuple[DocumentBatch, list[tuple[str, str, str]]]: ...
    @property
    def is_array(self) -> bool: ...
    @property
    def is_cuttable(self) -> bool: ...
    @property
    def bytes_read(self) -> int: ...

@final
class DocumentBatch:
    """Documents in the order of their file."""

    def __len__(self) -> int: ...
    def document(self, position: int) -> tuple[int, str, str, str]: ...
    def touched(self) -> list[int]: ...
    def records(self, start: int, end: int) -> bytes: ...

# Documents, characters, bytes, distinct n-grams, bytes of records, anchors, and different bytes.
AmountTuple: TypeAlias = tuple[int, int, int, int, int, int, int]

@final
class Sampler:
    """Counts the documents of a sample."""

    def __new__(cls, n: int, normalization: str, keeps_text: bool) -> Sampler: ...
    def add(self, batch: DocumentBatch) -> None: ...
    def add_rows(self, rows: list[tuple[str, str, str, str, int]]) -> None: ...
    def end_part(self, scale: float) -> None: ...
    def amount(self) -> AmountTuple: ...

def ascii_amount(characters: int, distinct_ngrams: int, n: int) -> AmountTuple: ...

# Bytes of filter, text, documents and suffixes, then segments, passes, threads, bytes of memory.
def estimate_build(
    amount: AmountTuple,
    *,
    n: int,
    normalization: str,
    filter: tuple[float, int | None] | Literal["fuse"] | None,
    suffixes: str | None,
    threads: int,
    segment_bytes: int,
    memory_limit: int | None,
) -> tuple[int, int, int, int, int, int, int, int]: ...
def check_output(output: str | PathLike[str], overwrite: bool) -> None: ...

DEFAULT_BITS_PER_NGRAM: float
MAX_EXPECTED_NGRAMS: int
DEFAULT_N: int
MAX_N: int
MIN_MEMORY_LIMIT: int
DEFAULT_SEGMENT_BYTES: int
MAX_SEGMENT_BYTES: int

@final
class DividedFilter:
    def __new__(cls, bits_per_ngram: float, expected_ngrams: int, most: int) -> DividedFilter: ...
    def __len__(self) -> int: ...
    def write_hashes(
        self,
        index: str | PathLike[str],
        output: str | PathLike[str],
        *,
        threads: int,
        progress: Callable[[int, int], None],
    ) -> None: ...
    def fill(
        self,
        stretch: int,
        files: Sequence[Path],
        output: str | PathLike[str],
        *,
        threads: int,
        progress: Callable[[int, int], None],
    ) -> None: ...

def import_bloom(
    header: str | PathLike[str],
    output: str | PathLike[str],
    *,
    parts: Sequence[str | PathLike[str]],
    n: int | None,
    normalization: str,
    overwrite: bool,
    progress: Callable[[int, int], None],
) -> None: ...
def open_text(path: str | PathLike[str] | None, memory_limit: int | None = None) -> TextFile: ...
def open_records(path: str | PathLike[str] | None, memory_limit: int | None = None) -> Records: ...
def aligned(text: str, normalization: str) -> tuple[str, NDArray[np.int64]]: ...
def set_threads(threads: int) -> None: ...
def bits_for_fpr(fpr: float) -> float: ...
def bytes_of_files(path: str | PathLike[str]) -> int: ...
def read_manifest(path: str | PathLike[str]) -> str: ...
def check_files(
    path: str | PathLike[str], progress: Callable[[int], None]
) -> list[tuple[str, str]]: ...
def remove(
    path: str | PathLike[str],
    source: str,
    ids: list[str] | None,
    *,
    threads: int,
    segment_bytes: int,
    memory_limit: int | None,
    progress: Callable[[int, int], None],
) -> int: ...
def compact(
    path: str | PathLike[str],
    *,
    threads: int,
    segment_bytes: int,
    memory_limit: int | None,
    progress: Callable[[int, int], None],
) -> None: ...
def merge(
    paths: list[Path],
    output: str | PathLike[str],
    *,
    threads: int,
    segment_bytes: int,
    memory_limit: int | None,
    overwrite: bool,
    divided: tuple[DividedFilter, list[Path]] | None,
    progress: Callable[[int, int], None],
) -> None: ...
