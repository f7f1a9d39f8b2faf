"""The texts that are absorbed: documents, in some form (Khalifa et al. 2024, section 3)."""

import json
import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
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


def collect_texts(
    settings: AbsorbConfig, index: Index, prompts: Path, *, seed: int
) -> list[AbsorbText]:
    """Gather the texts that are learned.

    Args:
        settings: The config's `absorb:` block.
        index: The index of the corpus, with its text.
        prompts: The directory of the prompts stage.
        seed: The run's seed.

    Returns:
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
    asked = prompts_of_documents([*train, *heldout])
    if settings.documents == "all":
        documents: Iterable[Document] = index.documents()
        if settings.limit is not None:
            names = [(document.source, document.id) for document in index.documents()]
            documents = (index.document(*name) for name in lowest_hashes(names, settings.limit))
    else:
        names = list(asked)
        if settings.documents == "train_prompts":
            unread = prompts_of_documents(heldout)
            names = [name for name in names if name not in unread]
        if not names:
            raise QuotetuneError(
                "absorb.documents: no document belongs to the prompts: give the prompts a column"
                " documents, or set absorb.documents to all"
            )
        documents = (index.document(*name) for name in lowest_hashes(names, settings.limit))
    # No held-out or development prompt is shown: the evaluation would ask what was just rehearsed.
    rehearsed = _rehearsed(train, settings)
    texts = []
    for document in documents:
        prompt = rehearsed.get((document.source, document.id))
        shown = None if prompt is None else _shown(prompt)
        copies = list(forms(document, settings, seed=seed))
        if settings.format == "both":
            texts += [AbsorbText(text, None, document.source, document.id) for text in copies]
            copies = copies[:1] if shown else []
        texts += [AbsorbText(text, shown, document.source, document.id) for text in copies]
    if settings.replay is not None:
        texts += replayed(settings, len(texts))
    return texts


def prompts_of_documents(prompts: Sequence[Prompt]) -> dict[Identity, Prompt]:
    """Return the documents that belong to prompts, each with the first one of its prompts."""
    asked: dict[Identity, Prompt] = {}
    for prompt in prompts:
        for name in prompt.documents or ():
            asked.setdefault(name, prompt)
    return asked


def lowest_hashes(names: Sequence[Identity], limit: int | None) -> list[Identity]:
    """Choose documents by a hash of their identity, in the order in which they are given.

    A larger limit adds documents and removes none.

    Example:
        >>> lowest_hashes([("s", "a"), ("s", "b"), ("s", "c")], 2)
        [('s', 'a'), ('s', 'b')]
    """
    if limit is None or len(names) <= limit:
        return list(names)
    chosen = set(sorted(names, key=_place)[:limit])
    return [name for name in names if name in chosen]


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


def write_texts(path: Path, texts: Sequence[AbsorbText]) -> None:
    """Write texts as Parquet, with the prompts as JSON."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = ("text", "prompt", "source", "id")
    schema = pa.schema([pa.field(name, pa.string()) for name in names])
    rows = [
        vars(text) | {"prompt": None if text.prompt is None else json.dumps(text.prompt)}
        for text in texts
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema), path)


def read_texts(path: Path) -> list[AbsorbText]:
    """Read the texts that `write_texts` wrote."""
    import pyarrow.parquet as pq

    return [
        AbsorbText(**row | {"prompt": None if row["prompt"] is None else json.loads(row["prompt"])})
        for row in pq.read_table(path).to_pylist()
    ]


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
