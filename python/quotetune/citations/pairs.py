"""Put ids at the ends of the responses of pairs, true ones on the chosen side only.

The chosen side gets the ids of the documents that contain its quotes, and the rejected side gets as
many wrong ones. If the rejected side had no ids, the model would only learn to give some id. If it
had its own true ids, nothing would distinguish a true id from another. The wrong ids are true ids
of other pairs, so that no id occurs on one side alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from quotetune.citations.form import with_citations
from quotetune.citations.ids import Documents, documents_by_id, is_citable
from quotetune.citations.tokens import citation_tokens
from quotetune.config import ModelConfig
from quotetune.corpus.results import Quote
from quotetune.models.tokenizer import load_tokenizer
from quotetune.rendering.footnotes import cited_documents
from quotetune.runtime.chance import from_drawn_place
from quotetune.runtime.plural import counted
from quotetune.runtime.row_groups import ROWS_TOGETHER, write_tables
from quotetune.runtime.whole_files import write_json
from quotetune.sampling.parts import ANSWER_CHAR, ANSWER_TOKEN

if TYPE_CHECKING:
    from quotetune.corpus.index import Index
    from quotetune.prompts.prompt import Prompt

PairRow = dict[str, Any]  # of `pairs.parquet`
Lack = Literal["cut", "nothing_quoted", "no_wrong_id"]
_LACKS: dict[Lack, str] = {
    "cut": "with a side cut at max_tokens",
    "nothing_quoted": "without a quote on the chosen side",
    "no_wrong_id": "without a wrong id",
}


def write_cited_pairs(
    pairs: Path,
    output: Path,
    *,
    index: "Index",
    model: ModelConfig,
    prompts: Mapping[str, "Prompt"],
    most: int,
    seed: int,
) -> dict[str, int]:
    """Put ids after the responses of pairs.

    A pair is left as it is if a side was cut and so has no end to put ids after, if the chosen side
    quotes nothing, or if there is no wrong id for the rejected side.

    Args:
        pairs: The `pairs.parquet` of a round, of responses without ids.
        output: Directory that gets `pairs.parquet`, with `chosen_citations` and
            `rejected_citations`, and `citations.json`.
        index: The index of the corpus, with a suffix index.
        model: The model, for its tokenizer.
        prompts: The prompts by id; their own documents are never wrong.
        most: The largest number of ids per response.
        seed: The run's seed.

    Returns:
        The number of pairs, the number that are cited, and the numbers of the others by the reason,
        as in `citations.json`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = pa.list_(pa.string())
    schema = pq.read_schema(pairs)
    for side in ("chosen", "rejected"):
        schema = schema.append(pa.field(f"{side}_citations", names, nullable=False))
    rows = PairRows(pairs)
    tokenizer = load_tokenizer(model)
    counts = {"pairs": len(rows), "cited": 0, **{str(lack): 0 for lack in _LACKS}}

    def cited() -> Iterator[PairRow]:
        chosen = choose_ids(rows, index, prompts, most, seed)
        for pair, found in zip(rows, chosen, strict=True):
            counts["cited" if isinstance(found, tuple) else found] += 1
            true, wrong = found if isinstance(found, tuple) else ([], [])
            row = _with_ids(pair, "chosen", true, tokenizer)
            yield _with_ids(row, "rejected", wrong, tokenizer)

    output.mkdir(parents=True, exist_ok=True)
    every = cited()
    some = iter(lambda: list(islice(every, ROWS_TOGETHER)), [])
    tables = (pa.Table.from_pylist(one, schema) for one in some)
    write_tables(output / pairs.name, schema, tables)
    write_json(output / "citations.json", counts)
    return counts


class PairRows:
    """The rows of a file of pairs, of which some are in memory at a time.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow.parquet as pq

        self._path = path
        self._count: int = pq.read_metadata(path).num_rows

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[PairRow]:
        import pyarrow.parquet as pq

        for batch in pq.ParquetFile(self._path).iter_batches(ROWS_TOGETHER):
            yield from batch.to_pylist()


def counts_line(counts: Mapping[str, int]) -> str:
    """Say how many pairs carry ids, and why the others do not.

    Example:
        >>> counts_line({"pairs": 5, "cited": 3, "cut": 2, "nothing_quoted": 0, "no_wrong_id": 0})
        '3 of 5 pairs carry ids (others: 2 with a side cut at max_tokens)'
    """
    lacks = [f"{counts[name]} {text}" for name, text in _LACKS.items() if counts[name]]
    others = f" (others: {', '.join(lacks)})" if lacks else ""
    carry = "carries" if counts["cited"] == 1 else "carry"
    return f"{counts['cited']} of {counted(counts['pairs'], 'pair')} {carry} ids{others}"


def choose_ids(
    rows: Iterable[PairRow],
    index: "Index",
    prompts: Mapping[str, "Prompt"],
    most: int,
    seed: int,
) -> Iterator[tuple[list[str], list[str]] | Lack]:
    """Choose the ids of pairs.

    Args:
        rows: The pairs, which are iterated over twice.
        index: The index of the corpus.
        prompts: The prompts by id.
        most: The largest number of ids per response.
        seed: The run's seed, which decides the wrong ids.

    Yields:
        For each pair the true ids for the chosen side and as many wrong ones for the rejected side,
        or the reason why it has none.
    """
    # Only the ids of all pairs are in memory, because the wrong ones are drawn from them.
    true: list[list[str]] = []
    left = iter(rows)
    while some := list(islice(left, ROWS_TOGETHER)):
        chosen = [_answer(row, "chosen") for row in some]
        true += [
            [] if _is_cut(row) else _true(text, found, most)
            for row, text, found in zip(some, chosen, index.trace(chosen), strict=True)
        ]
    documents = documents_by_id(index, {id for ids in true for id in ids})
    for position, row in enumerate(rows):
        if _is_cut(row):
            yield "cut"
        elif not true[position]:
            yield "nothing_quoted"
        else:
            own = prompts[row["prompt_id"]].documents or []
            right = {*true[position], *(id for _, id in own)}
            wrong: list[str] = []
            key = f"{seed}:{row['prompt_id']}:{position}:citations"
            for id in _others(true, position, key):
                if len(wrong) == len(true[position]):
                    break
                if id not in right and not _quotes(_answer(row, "rejected"), documents[id], index):
                    wrong.append(id)
                right.add(id)
            yield (true[position][: len(wrong)], wrong) if wrong else "no_wrong_id"


def _is_cut(row: PairRow) -> bool:
    """Tell whether a side has no end-of-text token."""
    sides = ("chosen", "rejected")
    return any(
        row[f"{side}_length"] + _thought_tokens(row, side) == len(row[f"{side}_token_ids"])
        for side in sides
    )


def _thought_tokens(row: PairRow, side: str) -> int:
    """Return the number of tokens before the answer, which a side's length does not count."""
    return row.get(f"{side}_{ANSWER_TOKEN}") or 0


def _answer(row: PairRow, side: str) -> str:
    """Return a side without the thoughts of a model that thinks."""
    return str(row[side][row.get(f"{side}_{ANSWER_CHAR}") or 0 :])


def _true(text: str, quotes: Sequence[Quote], most: int) -> list[str]:
    """Return the ids of the documents that contain the quotes of a text."""
    ids = (found.id for found in cited_documents(text, quotes) if is_citable(found.id))
    return list(dict.fromkeys(ids))[:most]


def _others(true: Sequence[list[str]], position: int, key: str) -> Iterator[str]:
    """Yield the true ids of all other pairs, starting at a drawn place."""
    for other in from_drawn_place(range(len(true)), key):
        if other != position:
            yield from true[other]


def _quotes(text: str, documents: Documents, index: "Index") -> bool:
    """Tell whether a text has an n-gram of documents; a text that is too short has none."""
    return bool(index.quip([text], documents=[documents])[0] > 0)


def _with_ids(row: PairRow, side: str, ids: list[str], tokenizer: Any) -> PairRow:
    """Put ids after one side of a pair, before its end-of-text token."""
    row = row | {f"{side}_citations": ids}
    if not ids:
        return row
    *own, end = row[f"{side}_token_ids"]
    tokens = [*own, *(token for one in citation_tokens(ids, tokenizer) for token in one)]
    return row | {
        side: with_citations(row[side], ids),
        f"{side}_token_ids": [*tokens, end],
        f"{side}_length": len(tokens) - _thought_tokens(row, side),
    }
