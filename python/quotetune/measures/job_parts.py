"""The parts of the jobs of `quotetune.measures.neural`, and the results put together again."""

from collections.abc import Sequence
from typing import Any

from quotetune.sampling.parts import count_parts

ROWS_OF_PART = 128
Job = dict[str, Any]
# The key of the rows of each measure; None for a measure of all rows at once.
_ROWS = {
    "perplexity": "texts",
    "log_likelihood": "texts",
    "bart_score": "responses",
    "log_probs": "responses",
    "mauve": None,
}
# A part: the number of the job, the number of the policy (0 in jobs without policies), the number
# of the share of its rows, and how many shares there are.
_Part = tuple[int, int, int, int]


class JobResults:
    """The results of jobs, from those of their parts.

    Args:
        jobs: The jobs.
        rows_of_part: About how many rows a part has; None makes one part of all.

    Example:
        >>> results = JobResults([{"measure": "perplexity", "texts": ["a", "b"]}], 1)
        >>> results.parts
        [(0, 0, 0, 2), (0, 0, 1, 2)]
        >>> results.heard({"part": 1, "rows": [0], "values": [7.5]})
        >>> results.heard({"part": 0, "rows": [1], "values": [2.5]})
        >>> results.values()
        [[7.5, 2.5]]
    """

    def __init__(self, jobs: Sequence[Job], rows_of_part: int | None) -> None:
        self._jobs = jobs
        self._found: dict[tuple[int, int], dict[int, Any]] = {}
        self.parts: list[_Part] = []
        for number, job in enumerate(jobs):
            shares = 1
            if rows_of_part is not None:
                shares = max(1, count_parts(_rows(job), rows_of_part))
            for policy in range(len(job.get("policies", [None]))):
                self._found[number, policy] = {}
                self.parts += [(number, policy, share, shares) for share in range(shares)]

    def heard(self, event: dict[str, Any]) -> None:
        """Take what a child reports."""
        if "part" in event:
            number, policy, *_ = self.parts[event["part"]]
            self._found[number, policy].update(zip(event["rows"], event["values"], strict=True))

    def values(self) -> list[Any]:
        """Return the result of each job: a value per row, for each policy if it has policies."""
        return [self._result(number, job) for number, job in enumerate(self._jobs)]

    def _result(self, number: int, job: Job) -> Any:
        if _ROWS[job["measure"]] is None:
            return self._found[number, 0][0]
        lists = [
            [self._found[number, policy][row] for row in range(_rows(job))]
            for policy in range(len(job.get("policies", [None])))
        ]
        return lists if "policies" in job else lists[0]


def _rows(job: Job) -> int:
    key = _ROWS[job["measure"]]
    return 1 if key is None else len(job[key])
