"""The judge stage: a model compares two candidates of a prompt, in both orders.

The replies are sampled like responses, in parts, so that an interrupted stage resumes. The order of
the answers sways a judge (Zheng et al. 2023, section 3.3). The mean of both orders removes that.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from quotetune.config.preference import JudgeConfig
from quotetune.pairing.candidates import VERDICTS, Candidate, CandidateFiles, candidates_by_prompt
from quotetune.pairing.comparisons import compared
from quotetune.pairing.preference import Matrix
from quotetune.prompts.prompt import Prompt
from quotetune.sampling import Progress, run_sampling

_MARKED = re.compile(r"\[\[([AB])\]\]")
_BARE = re.compile(r"\W*([AB])\W*")
# A prompt's id and two of its candidates.
_Comparison = tuple[str, Candidate, Candidate]


def run_judge(
    files: CandidateFiles,
    prompts: Mapping[str, Prompt],
    output: Path,
    judge: JudgeConfig,
    *,
    seed: int,
    progress: Callable[[Progress], None] | None = None,
) -> None:
    """Let a judge compare the candidates that are long enough to score.

    Args:
        files: The candidates.
        prompts: The prompts by id.
        output: Directory that gets the replies, `part-*.parquet`, and `verdicts.parquet`: for every
            comparison `prompt_id`, `sample`, `other`, `preference` (P(sample > other)) and
            `undecided` (how many replies named neither). Equal texts are not compared.
        judge: The judge.
        seed: The run's seed.
        progress: Called with the progress of the replies.

    Raises:
        UsageError: The model does not exist, or a question is too long for it.
    """
    comparisons = list(_comparisons(files, judge.comparisons, seed))
    questions = [
        question
        for prompt_id, first, second in comparisons
        for question in (
            _question(judge, prompts[prompt_id], first, second),
            _question(judge, prompts[prompt_id], second, first),
        )
    ]
    run_sampling(
        questions,
        output,
        model=judge.model,
        sampling=judge.all_sampling,
        seed=seed,
        round=0,
        progress=progress,
    )
    _write_verdicts(output, comparisons)


def _comparisons(files: CandidateFiles, most: int | None, seed: int) -> Iterator[_Comparison]:
    for prompt_id, candidates in candidates_by_prompt(files):
        ranked = [candidate for candidate in candidates if candidate.quip is not None]
        texts = [candidate.text for candidate in ranked]
        for first, second in compared(texts, most, f"{seed}:{prompt_id}"):
            yield prompt_id, ranked[first], ranked[second]


def _question(judge: JudgeConfig, prompt: Prompt, first: Candidate, second: Candidate) -> Prompt:
    parts = {"{prompt}": shown_prompt(prompt), "{first}": first.text, "{second}": second.text}
    # All at once, because a response may contain the name of a place.
    text = re.sub(r"\{(?:prompt|first|second)\}", lambda place: parts[place[0]], judge.template)
    name = f"{prompt.id}/{first.sample}/{second.sample}"
    if judge.format == "text":
        return Prompt(id=name, text=text)
    return Prompt(id=name, messages=[{"role": "user", "content": text}])


def shown_prompt(prompt: Prompt) -> str:
    """Return a prompt as the judge sees it, without the system message.

    Example:
        >>> shown_prompt(Prompt("a", messages=[{"role": "user", "content": "What is Rust?"}]))
        'What is Rust?'
    """
    if prompt.messages is None:
        return prompt.text or ""
    turns = [message for message in prompt.messages if message["role"] != "system"]
    if len(turns) == 1:
        return turns[0]["content"]
    return "\n".join(f"{turn['role']}: {turn['content']}" for turn in turns)


def verdict(reply: str) -> float | None:
    """Return which answer a judge prefers.

    Args:
        reply: The judge's reply.

    Returns:
        1 for the first answer, 0 for the second; None if it named neither.

    Example:
        >>> [verdict(reply) for reply in ("[[A]]", "It is clear: [[B]].", " B. ", "A or B?", "")]
        [1.0, 0.0, 0.0, None, None]
    """
    marked = _MARKED.findall(reply)
    if marked:
        return float(marked[-1] == "A")
    bare = _BARE.fullmatch(reply)
    return None if bare is None else float(bare[1] == "A")


def preference_of(replies: Sequence[str], turned: Sequence[str]) -> tuple[float, int]:
    """Return P(y > y') from the replies about (y, y') and those about (y', y).

    Args:
        replies: Replies with y as the first answer.
        turned: Replies with y as the second one.

    Returns:
        The mean over both orders of the share of votes, where an undecided reply is half a vote;
        and the number of undecided replies.

    Example:
        >>> preference_of(["[[A]]", "[[A]]"], ["[[A]]", "hm"])
        (0.625, 1)
    """
    votes = [verdict(reply) for reply in replies]
    others = [verdict(reply) for reply in turned]
    first = float(np.mean([0.5 if vote is None else vote for vote in votes]))
    second = float(np.mean([0.5 if vote is None else vote for vote in others]))
    return (first + 1 - second) / 2, sum(vote is None for vote in [*votes, *others])


def _write_verdicts(output: Path, comparisons: Sequence[_Comparison]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from quotetune.sampling.parts import answers, read_samples

    replies: dict[str, list[str]] = {}
    for row in answers(read_samples(output), ["prompt_id", "response"]):
        replies.setdefault(row["prompt_id"], []).append(row["response"])
    rows = []
    for prompt_id, first, second in comparisons:
        one, other = first.sample, second.sample
        preference, undecided = preference_of(
            replies[f"{prompt_id}/{one}/{other}"], replies[f"{prompt_id}/{other}/{one}"]
        )
        rows.append((prompt_id, one, other, preference, undecided))
    kinds = {
        "prompt_id": pa.string(),
        "sample": pa.int32(),
        "other": pa.int32(),
        "preference": pa.float64(),
        "undecided": pa.int32(),
    }
    schema = pa.schema([pa.field(name, kind, nullable=False) for name, kind in kinds.items()])
    table = pa.Table.from_pylist([dict(zip(kinds, row, strict=True)) for row in rows], schema)
    pq.write_table(table, output / VERDICTS)


class Verdicts:
    """The judge's preferences of a round, by prompt."""

    def __init__(self, path: Path) -> None:
        """Read them.

        Args:
            path: `verdicts.parquet`.
        """
        import pyarrow.parquet as pq

        self.comparisons = self.undecided = 0
        self._found: dict[str, dict[tuple[int, int], float]] = {}
        for row in pq.read_table(path).to_pylist():
            known = self._found.setdefault(row["prompt_id"], {})
            known[row["sample"], row["other"]] = row["preference"]
            known[row["other"], row["sample"]] = 1 - row["preference"]
            self.comparisons += 1
            self.undecided += row["undecided"]

    def matrix(self, prompt_id: str, candidates: Sequence[Candidate]) -> Matrix:
        """Return P(i > j) of a prompt's candidates: 1/2 for equal texts, NaN if not compared."""
        known = self._found.get(prompt_id, {})

        def preference(one: Candidate, other: Candidate) -> float:
            unasked = 0.5 if one.text == other.text else np.nan
            return known.get((one.sample, other.sample), unasked)

        return np.array([[preference(one, other) for other in candidates] for one in candidates])
