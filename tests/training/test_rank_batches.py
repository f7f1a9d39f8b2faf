"""The batches of several ranks together are those of one process."""

import random
from statistics import mean

from hypothesis import given
from hypothesis import strategies as st

from quotetune.training.processes import share
from quotetune.training.rank_batches import RankBatches

sizes = st.integers(1, 6)


def batches_of(rows: list[int], size: int) -> list[list[int]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


@given(st.integers(1, 60), sizes, sizes, sizes, st.booleans(), st.randoms(use_true_random=False))
def test_ranks_learn_the_rows_and_the_loss_of_each_step_of_one_process(
    length: int, size: int, accumulated: int, ranks: int, drop_last: bool, rng: random.Random
) -> None:
    mine = share(size, accumulated, ranks)
    if mine is None:
        assert not any(
            a * b == ranks and accumulated % a == 0 and size % b == 0
            for a in range(1, 7)
            for b in range(1, 7)
        )
        return
    part, each_step = mine
    assert part * each_step * ranks == size * accumulated
    order = rng.sample(range(length), length)
    losses = [rng.random() for _ in order]
    kept = [b for b in batches_of(order, size) if not drop_last or len(b) == size]
    steps = [kept[i : i + accumulated] for i in range(0, len(kept), accumulated)]

    loaders = [
        RankBatches(
            order,
            length,
            size=size,
            accumulated=accumulated,
            part=part,
            ranks=ranks,
            rank=rank,
            drop_last=drop_last,
        )
        for rank in range(ranks)
    ]
    found = [list(loader) for loader in loaders]
    # A process that has fewer batches than another would leave it waiting.
    assert {len(batches) for batches in found} == {len(loader) for loader in loaders}
    assert len({len(batches) for batches in found}) == 1
    shared = [[b[i : i + each_step] for i in range(0, len(b), each_step)] for b in found]
    assert all(len(of_rank) == len(steps) for of_rank in shared)
    for number, step in enumerate(steps):
        now = [of_rank[number] for of_rank in shared]
        learned = [row for b in now for batch in b for row, part in batch if not part.filling]
        assert sorted(learned) == sorted(row for batch in step for row in batch)
        # Trainers take the mean over a rank's batches, and then over the ranks.
        together = mean(
            mean(mean(losses[row] for row, _ in batch) * batch[0][1].weight for batch in of_rank)
            for of_rank in now
        )
        alone = mean(mean(losses[row] for row in batch) for batch in step)
        assert abs(together - alone) < 1e-9
