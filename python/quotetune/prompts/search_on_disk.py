"""A search index on disk, for BM25 over a corpus that is larger than memory."""

from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quotetune.corpus.index import Index
from quotetune.corpus.results import Document
from quotetune.errors import QuotetuneError, UsageError
from quotetune.runtime.console import progress
from quotetune.runtime.whole_files import read_json, write_json, written_directory

if TYPE_CHECKING:
    import tantivy

_WORD = r"\w\w+"  # what bm25s takes for a word
_ANALYZER = "words"
_ABOUT = "about.json"
_FORM = 1
_WRITER_BYTES = 256 << 20
_DOCUMENTS_BETWEEN_REPORTS = 10_000


class SearchOnDisk:
    """The documents of an index, ranked by BM25 with tantivy's k1 = 1.2 and b = 0.75.

    The search index is the directory `INDEX.search` beside the index, or beside the `.json` list of
    indexes. It is built by the first search, which streams the corpus, and again after a change of
    the index.
    """

    def __init__(self, index: Index) -> None:
        """Open the search index, or build it.

        Raises:
            UsageError: The package tantivy is not installed.
            QuotetuneError: It cannot be written.
        """
        try:
            import tantivy
        except ImportError as error:
            raise UsageError(
                f"{index.path}: a corpus of this size is searched with tantivy: install"
                " quotetune[train]"
            ) from error
        self._index = index
        self._schema = _schema()
        self._analyzer = _analyzer()
        place = directory_of(index.path)
        manifests = [read_json(member / "manifest.json") for member in index.members]
        checksums = [manifest["checksum"] for manifest in manifests]
        about = {
            "form": _FORM,
            "tantivy": version("tantivy"),
            "index": checksums[0] if len(checksums) == 1 else checksums,
        }
        if not _is_about(place, about):
            with written_directory(place, replace=True) as made:
                self._build(made)
                write_json(made / _ABOUT, about)
        opened = tantivy.Index.open(str(place))
        opened.register_tokenizer(_ANALYZER, self._analyzer)
        self._searcher = opened.searcher()

    def best(self, queries: Sequence[str], count: int) -> list[list[Document]]:
        """Return the best documents for each query, best first.

        Args:
            queries: The queries.
            count: Documents per query; all documents if there are fewer.
        """
        fill = list(islice(self._index.documents(), count))
        return [list(islice(self._ranked(query, count, fill), count)) for query in queries]

    def _ranked(self, query: str, count: int, fill: Iterable[Document]) -> Iterator[Document]:
        """Yield the documents that have a word of the query, then others until there are enough."""
        import tantivy

        valid = query.encode(errors="replace").decode()  # a prompt can have half a character
        words = [
            (
                tantivy.Occur.Should,
                tantivy.Query.term_query(self._schema, "text", word, index_option="freq"),
            )
            for word in self._analyzer.analyze(valid)
        ]
        hits = self._searcher.search(tantivy.Query.boolean_query(words), count, count=False).hits
        found = [self._searcher.doc(address) for _, address in hits]
        names = [(one["source"][0], one["id"][0]) for one in found]
        others = (one for one in fill if (one.source, one.id) not in names)
        return chain((self._index.document(*name) for name in names), others)

    def _build(self, place: Path) -> None:
        import tantivy

        made = tantivy.Index(self._schema, path=str(place))
        made.register_tokenizer(_ANALYZER, self._analyzer)
        writer = made.writer(heap_size=_WRITER_BYTES, num_threads=1)
        with progress(f"search index of {self._index.path}", "documents") as report:
            for number, document in enumerate(self._index.documents(), start=1):
                writer.add_document(
                    tantivy.Document(text=document.text, source=document.source, id=document.id)
                )
                if number % _DOCUMENTS_BETWEEN_REPORTS == 0:
                    report(number, len(self._index))
            writer.commit()
            writer.wait_merging_threads()


def directory_of(index: Path) -> Path:
    """Return the directory of an index's search index."""
    path = index.resolve()
    return path.with_name(f"{path.name}.search")


def _is_about(place: Path, about: dict[str, Any]) -> bool:
    try:
        return bool(read_json(place / _ABOUT) == about)
    except (OSError, ValueError, QuotetuneError):
        return False


def _schema() -> "tantivy.Schema":
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_text_field("text", tokenizer_name=_ANALYZER, index_option="freq")
    for key in ("source", "id"):
        builder.add_text_field(key, stored=True, tokenizer_name="raw", index_option="basic")
    return builder.build()


def _analyzer() -> "tantivy.TextAnalyzer":
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    words = TextAnalyzerBuilder(Tokenizer.regex(_WORD)).filter(Filter.lowercase())
    return words.filter(Filter.stopword("english")).build()
