"""The batches of each of several processes, which together are those of one process.

accelerate divides batches among processes, too. At the end of an epoch it repeats rows until all
processes have equally many, and the last step is another one for each number of processes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

FILLING = "quotetune_filling"
WEIGHT = "quotetune_weight"


@dataclass(frozen=True)
class Part:
    """A part of a batch of one process, which one rank learns.

    Attributes:
        rows: The numbers of its rows.
        weight: Factor of the mean loss of the part.
        filling: Whether it only fills a place. Then nothing is learned from it, and its weight
            is 0.
    """

    rows: tuple[int, ...]
    weight: float
    filling: bool = False


def parts_of_step(batches: Sequence[Sequence[int]], size: int, ranks: int) -> list[list[Part]]:
    """Divide the batches of one step among ranks.

    The loss of a step is the mean over its batches of the mean over a batch. Each rank computes the
    mean over its parts, and the mean over the ranks is taken of that, so the weight of a part
    corrects for batches and parts that are shorter than others.

    Args:
        batches: The rows of each batch of one process.
        size: Rows per part.
        ranks: Number of ranks.

    Returns:
        The parts of each rank, equally many for all.

    Example:
        >>> first, second = parts_of_step([[4, 1], [3, 0], [2]], 2, 2)
        >>> [part.rows for part in first], [part.rows for part in second]
        ([(4, 1), (2,)], [(3, 0), (4,)])
        >>> [round(part.weight, 2) for part in first], [part.weight for part in second][1]
        ([1.33, 1.33], 0.0)
    """
    cut = [
        (tuple(rows[start : start + size]), len(rows))
        for rows in batches
        for start in range(0, len(rows), size)
    ]
    each = -(-len(cut) // ranks)
    places = each * ranks
    parts = [Part(rows, places * len(rows) / (of * len(batches))) for rows, of in cut]
    parts += [Part((batches[0][0],), 0.0, filling=True)] * (places - len(parts))
    return [parts[rank::ranks] for rank in range(ranks)]


class RankBatches:
    """The batches of one rank, in the order of one process: an iterable for a `DataLoader`.

    Args:
        order: The rows of an epoch, in the order of one process.
        length: Number of rows of an epoch.
        size: Rows per batch of one process.
        accumulated: Batches per step of one process.
        part: Rows per part.
        ranks: Number of ranks.
        rank: The rank.
        drop_last: Whether a last batch that is short is left out.
    """

    def __init__(
        self,
        order: Any,
        length: int,
        *,
        size: int,
        accumulated: int,
        part: int,
        ranks: int,
        rank: int,
        drop_last: bool,
    ) -> None:
        self._order = order
        self._length = length - length % size if drop_last else length
        self._size = size
        self._step = size * accumulated
        self._part = part
        self._ranks = ranks
        self._rank = rank

    def __len__(self) -> int:
        lengths = (
            min(self._step, self._length - start) for start in range(0, self._length, self._step)
        )
        return sum(len(self._parts(range(length))) for length in lengths)

    def __iter__(self) -> Iterator[list[tuple[int, Part]]]:
        rows = list(self._order)[: self._length]
        for start in range(0, len(rows), self._step):
            for part in self._parts(rows[start : start + self._step]):
                yield [(row, part) for row in part.rows]

    def _parts(self, rows: Sequence[int]) -> list[Part]:
        batches = [rows[i : i + self._size] for i in range(0, len(rows), self._size)]
        return parts_of_step(batches, self._part, self._ranks)[self._rank]


class RowsOfParts:
    """A data set whose rows are asked for with their part.

    Args:
        dataset: The data set.
    """

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, asked: tuple[int, Part]) -> tuple[Any, Part]:
        row, part = asked
        return self._dataset[row], part


class PartCollator:
    """Collates rows with their part, and adds the weight of the part to the batch.

    It is a class, because workers of a `DataLoader` may have to pickle it.

    Args:
        collate: Collates rows alone.
    """

    def __init__(self, collate: Callable[[list[Any]], dict[str, Any]]) -> None:
        self._collate = collate

    def __call__(self, rows: list[tuple[Any, Part]]) -> dict[str, Any]:
        """Return the batch of the rows, all of one part."""
        batch = self._collate([row for row, _ in rows])
        part = rows[0][1]
        if part.filling and "labels" in batch:
            # A loss per token is divided by the number of labels, so there must be none.
            batch["labels"] = batch["labels"].new_full(batch["labels"].shape, -100)
        return {**batch, WEIGHT: part.weight, FILLING: part.filling}
