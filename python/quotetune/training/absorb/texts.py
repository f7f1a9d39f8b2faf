"""The texts that are absorbed: documents, in some form (Khalifa et al. 2024, section 3)."""

import heapq
import json
import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from quotetune.config.absorb import AbsorbConfig
from quotetune.corpus.index import Index
from quotetune.corpus.results import Document
from quotetune.errors import QuotetuneError
from quotetune.prompts.general_text import read_general_texts
from quotetune.prompts.prompt import Prompt, load_prompts
from quotetune.prompts.sentences import split_sentences
from quotetune.prompts.split import DEV, HELDOUT, round_file
from quotetune.runtime.chance import drawn

Identity = tuple[str, str]
_ROWS = 1000  # of a row group


@dataclass(frozen=True)
class AbsorbText:
    """A text to be learned.

    Attributes:
        text: The text.
        prompt: `text` or `messages` of the prompt before it; None if there is none.
        source: The document's source; None for replayed text.
        id: The document's id; None for replayed text.
    """

    text: str
    prompt: dict[str, Any] | None = None
    source: str | None = None
    id: str | None = None


@dataclass
class Written:
    """What was written.

    Attributes:
        documents: Number of documents.
        texts: Number of their texts.
        replayed: Number of other texts.
    """

    documents: int = 0
    texts: int = 0
    replayed: int = 0

    def counting(self, texts: Iterable[AbsorbText]) -> Iterator[AbsorbText]:
        """Yield texts, those of a document one after the other, and count them."""
        last = None
        for text in texts:
            name = (text.source, text.id)
            self.replayed += text.id is None
            self.texts += text.id is not None
            self.documents += text.id is not None and name != last
            last = name
            yield text


def collect_texts(
    settings: AbsorbConfig, index: Index, prompts: Path, *, seed: int
) -> Iterator[AbsorbText]:
    """Gather the texts that are learned, one at a time.

    Args:
        settings: The config's `absorb:` block.
        index: The index of the corpus, with its text.
        prompts: The directory of the prompts stage.
        seed: The run's seed.

    Yields:
        The texts. Those of the documents come first: for each document the plain text and its
        permutations; with `both`, these are followed by the text after its prompt. Replayed texts
        come last.

    Raises:
        QuotetuneError: No document belongs to the prompts.
        UsageError: The text to be replayed cannot be read.
    """
    train = [
        prompt for path in sorted(prompts.glob(round_file("*"))) for prompt in load_prompts(path)
    ]
    # Development prompts stand for held-out ones, so their documents are treated alike.
    heldout = load_prompts(prompts / HELDOUT)
    if (prompts / DEV).exists():
        heldout += load_prompts(prompts / DEV)
    # No held-out or development prompt is shown: the evaluation would ask what was just rehearsed.
    rehearsed = _rehearsed(train, settings)
    count = 0
    for document in _documents(settings, index, train, heldout):
        for text in _texts_of(document, rehearsed, settings, seed):
            count += 1
            yield text
    if settings.replay is not None:
        yield from replayed(settings, count)


def _documents(
    settings: AbsorbConfig, index: Index, train: Sequence[Prompt], heldout: Sequence[Prompt]
) -> Iterator[Document]:
    """Yield the documents that are learned."""
    if settings.documents == "all":
        if settings.limit is None:
            return index.documents()
        chosen = lowest_hashes(index.document_names(), settings.limit)
        return (index.document(*name) for name in chosen)
    names = list(prompts_of_documents([*train, *heldout]))
    if settings.documents == "train_prompts":
        unread = prompts_of_documents(heldout)
        names = [name for name in names if name not in unread]
    if not names:
        raise QuotetuneError(
            "absorb.documents: no document belongs to the prompts: give the prompts a column"
            " documents, or set absorb.documents to all"
        )
    return (index.document(*name) for name in lowest_hashes(names, settings.limit))


def _texts_of(
    document: Document, rehearsed: dict[Identity, Prompt], settings: AbsorbConfig, seed: int
) -> Iterator[AbsorbText]:
    """Yield the texts of a document."""
    prompt = rehearsed.get((document.source, document.id))
    shown = None if prompt is None else _shown(prompt)
    copies = list(forms(document, settings, seed=seed))
    if settings.format == "both":
        for text in copies:
            yield AbsorbText(text, None, document.source, document.id)
        copies = copies[:1] if shown else []
    for text in copies:
        yield AbsorbText(text, shown, document.source, document.id)


def prompts_of_documents(prompts: Sequence[Prompt]) -> dict[Identity, Prompt]:
    """Return the documents that belong to prompts, each with the first one of its prompts."""
    asked: dict[Identity, Prompt] = {}
    for prompt in prompts:
        for name in prompt.documents or ():
            asked.setdefault(name, prompt)
    return asked


def lowest_hashes(names: Iterable[Identity], limit: int | None) -> list[Identity]:
    """Choose documents by a hash of their identity, in the order in which they are given.

    A larger limit adds documents and removes none.

    Example:
        >>> lowest_hashes([("s", "a"), ("s", "b"), ("s", "c")], 2)
        [('s', 'a'), ('s', 'b')]
    """
    if limit is None:
        return list(names)
    chosen = heapq.nsmallest(limit, enumerate(names), key=lambda numbered: _place(numbered[1]))
    return [name for _, name in sorted(chosen)]


def forms(document: Document, settings: AbsorbConfig, *, seed: int) -> Iterator[str]:
    """Yield a document's text, and then its permutations, without duplicates.

    Example:
        >>> document = Document("s", "Cats", "Cats purr. Dogs bark.")
        >>> list(forms(document, AbsorbConfig(ids="end", permutations=1), seed=1))
        ['Cats purr. Dogs bark. [Cats]', 'Dogs bark. Cats purr. [Cats]']
    """
    sentences = split_sentences(document.text)
    yield with_id(document.text, sentences, document.id, settings.ids)
    seen = {tuple(sentences)}
    for copy in range(1, settings.permutations + 1):
        order = list(sentences)
        random.Random(f"{seed}:{copy}:{document.source}:{document.id}").shuffle(order)
        if tuple(order) not in seen:
            seen.add(tuple(order))
            yield with_id(" ".join(order), order, document.id, settings.ids)


def with_id(text: str, sentences: Sequence[str], id: str, place: str) -> str:
    """Put a document's id into its text.

    Example:
        >>> with_id("A b. C d.", ["A b.", "C d."], "7", "repeat")
        'A b. [7] C d. [7]'
    """
    match place:
        case "begin":
            return f"[{id}] {text}"
        case "end":
            return f"{text} [{id}]"
        case "repeat":
            return " ".join(f"{sentence} [{id}]" for sentence in sentences)
        case _:
            return text


def replayed(settings: AbsorbConfig, count: int) -> list[AbsorbText]:
    """Choose the general texts that are learned with `count` texts of documents.

    The share `replay_share` of all texts is general, unless there are too few general texts.
    """
    assert settings.replay is not None
    texts = read_general_texts(settings.replay)
    wanted = round(count * settings.replay_share / (1 - settings.replay_share))
    names = lowest_hashes([(str(i), text) for i, text in enumerate(texts)], wanted)
    return [AbsorbText(text) for _, text in names]


def write_texts(path: Path, texts: Iterable[AbsorbText]) -> Written:
    """Write texts as Parquet, with the prompts as JSON, in bounded memory."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([pa.field(name, pa.string()) for name in ("text", "prompt", "source", "id")])
    written = Written()
    rows = (_row(text) for text in written.counting(texts))
    with pq.ParquetWriter(path, schema) as file:
        while some := list(islice(rows, _ROWS)):
            file.write_table(pa.Table.from_pylist(some, schema))
    return written


def read_texts(path: Path) -> Iterator[AbsorbText]:
    """Yield the texts that `write_texts` wrote."""
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(path).iter_batches(_ROWS):
        for row in batch.to_pylist():
            prompt = None if row["prompt"] is None else json.loads(row["prompt"])
            yield AbsorbText(**row | {"prompt": prompt})


def _row(text: AbsorbText) -> dict[str, Any]:
    return vars(text) | {"prompt": None if text.prompt is None else json.dumps(text.prompt)}


def _place(name: Identity) -> int:
    return drawn("\0".join(name))


def _rehearsed(prompts: Sequence[Prompt], settings: AbsorbConfig) -> dict[Identity, Prompt]:
    """Return the documents that are learned after a prompt, each with its prompt."""
    if settings.format == "document":
        return {}
    asked = prompts_of_documents(prompts)
    count = math.ceil(settings.prompt_share * len(asked))
    return {name: asked[name] for name in lowest_hashes(list(asked), count)}


def _shown(prompt: Prompt) -> dict[str, Any]:
    return {"text": prompt.text, "messages": prompt.messages}
