"""The judge stage: a model compares two candidates of a prompt, in both orders.

The replies are sampled like responses, in parts, so that an interrupted stage resumes. The order of
the answers sways a judge (Zheng et al. 2023, section 3.3). The mean of both orders removes that.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from quotetune.config.preference import JudgeConfig
from quotetune.pairing.candidates import VERDICTS, Candidate, CandidateFiles, candidates_by_prompt
from quotetune.pairing.comparisons import compared
from quotetune.pairing.verdicts import Verdict, write_verdicts
from quotetune.prompts.prompt import Prompt
from quotetune.sampling import Progress, run_sampling
from quotetune.sampling.parts import answers, part_paths, with_answers

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
    places: Mapping[str, Any] = MappingProxyType({}),
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
        places: Where the run samples, and the judge, too, unless it says where.
        seed: The run's seed.
        progress: Called with the progress of the replies.

    Raises:
        UsageError: The model does not exist, or a question is too long for it.
    """
    run_sampling(
        _questions(files, prompts, judge, seed),
        output,
        model=judge.model,
        sampling=judge.sampling_beside(places),
        seed=seed,
        round=0,
        progress=progress,
    )
    # The comparisons are made again rather than kept, because their texts may not fit into memory.
    write_verdicts(output / VERDICTS, _judged(output, _comparisons(files, judge.comparisons, seed)))


def _questions(
    files: CandidateFiles, prompts: Mapping[str, Prompt], judge: JudgeConfig, seed: int
) -> Iterator[Prompt]:
    for prompt_id, first, second in _comparisons(files, judge.comparisons, seed):
        yield _question(judge, prompts[prompt_id], first, second)
        yield _question(judge, prompts[prompt_id], second, first)


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


def _judged(output: Path, comparisons: Iterator[_Comparison]) -> Iterator[Verdict]:
    """Read the replies about comparisons, which are in the order of the comparisons."""
    replies = _replies(output)
    for prompt_id, first, second in comparisons:
        one, other = first.sample, second.sample
        (asked, own), (turned, others) = next(replies), next(replies)
        assert asked == f"{prompt_id}/{one}/{other}" and turned == f"{prompt_id}/{other}/{one}"
        yield Verdict(prompt_id, one, other, *preference_of(own, others))


def _replies(output: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the id of each question and the replies to it, of which a part is in memory."""
    import pyarrow.parquet as pq

    wanted = ["prompt_id", "response"]
    for path in part_paths(output):
        columns = with_answers(wanted, pq.read_schema(path).names)
        rows = answers(pq.read_table(path, columns=columns), wanted)
        for question, own in groupby(rows, key=lambda row: str(row["prompt_id"])):
            yield question, [row["response"] for row in own]
