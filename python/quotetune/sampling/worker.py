"""The child process that samples: `python -m quotetune.sampling.worker job.json`.

It reports the fields of `run.Progress`, except `parts`. It makes all parts that are missing, or as
a replica those that its parent hands out (`runtime/hand_out.py`).
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from quotetune.config import ModelConfig, SamplingConfig
from quotetune.models.quick_imports import rare_collections
from quotetune.models.tokenizer import load_tokenizer
from quotetune.runtime.child import Ask, child_main
from quotetune.runtime.cpu import apply_in_child
from quotetune.runtime.hand_out import MADE
from quotetune.sampling.backend import Request, Sampler, prompt_seed
from quotetune.sampling.constraint import CONSTRAINT_NAME
from quotetune.sampling.guided import GuideSource, by_strength, joined
from quotetune.sampling.job import read_job
from quotetune.sampling.parts import count_parts, missing_parts, write_part
from quotetune.sampling.quick_start import quick_start
from quotetune.sampling.requests import Requests
from quotetune.sampling.thoughts import Thoughts, with_room_for_thoughts
from quotetune.sampling.wanted import AskedParts, ListedParts, PartsInTurn

_SECONDS_BETWEEN_REPORTS = 0.5


Report = Callable[[dict[str, Any]], None]


class _Reporter:
    """Reports the progress, rarely enough to cost nothing."""

    def __init__(self, report: Report, done: int) -> None:
        self._report = report
        self._done = done
        self._tokens = 0
        self._start = self._last = time.monotonic()

    def loaded(self) -> None:
        """Say that the model is loaded and generates from now on."""
        self._write()

    def generated(self, tokens: int) -> None:
        """Count the tokens of responses that were finished."""
        self._tokens += tokens
        if time.monotonic() - self._last > _SECONDS_BETWEEN_REPORTS:
            self._write()

    def part_done(self) -> None:
        """Count a part that was written."""
        self._done += 1
        self._write()

    def _write(self) -> None:
        self._last = time.monotonic()
        seconds = self._last - self._start
        self._report({"done": self._done, "tokens": self._tokens, "seconds": seconds})


def run(job: dict[str, Any], output: Path, report: Report, ask: Ask | None = None) -> None:
    """Sample the missing parts of a job.

    Args:
        job: The job that `run_sampling` wrote.
        output: The directory of parts.
        report: Called with the progress.
        ask: Asks the parent for parts; None makes all that are missing.
    """
    apply_in_child()
    model = ModelConfig(**job["model"])
    answers = SamplingConfig(**job["sampling"])
    adapter = None if job["adapter"] is None else Path(job["adapter"])
    constraint = output / CONSTRAINT_NAME if "constraint_hash" in job else None
    thinks = model.reasoning is not None and constraint is None
    sampling = with_room_for_thoughts(answers, model) if thinks else answers
    tokenizer = load_tokenizer(model)
    thought_tokens = model.thought_tokens if thinks else 0
    requests = Requests(job, model, sampling, tokenizer, thought_tokens)
    parts = count_parts(len(requests), sampling.chunk_prompts)
    missing = missing_parts(output, parts)
    wanted = ListedParts(missing) if ask is None else AskedParts(ask)
    first = wanted.next()
    if first is None:
        return
    source = GuideSource.of_job(job["guide"]) if "guide" in job else None
    # Another seed where a call goes on, and for each replica, so that an engine without seeds per
    # request never draws the stream of another one whose parts are kept.
    seed = prompt_seed(job["seed"], job["round"], str(first))
    sampler = _load(model, sampling, adapter, requests, constraint, source, tokenizer, seed)
    thoughts = Thoughts(model, answers, tokenizer) if thinks else None
    reporter = _Reporter(report, done=parts - len(missing))
    reporter.loaded()
    in_turn = PartsInTurn(first, wanted, requests.part)

    def drawn_of(own: dict[str, Request]) -> list[list[Request]]:
        return [by_strength(name, request, sampling, source) for name, request in own.items()]

    for part, own in in_turn:
        names, part_requests = list(own), list(own.values())
        drawn = drawn_of(own)
        part_responses = sampler.sample(
            [one for some in drawn for one in some],
            reporter.generated,
            lambda: [one for some in drawn_of(in_turn.ahead()) for one in some],
        )
        responses = joined(drawn, part_responses)
        if thoughts is not None:
            responses = [
                [thoughts.bounded(response, request.prompt_token_ids) for response in found]
                for request, found in zip(part_requests, responses, strict=True)
            ]
        write_part(
            output,
            part,
            names,
            part_requests,
            responses,
            thinks=thinks,
            strengths=None if sampling.guide is None else sampling.guide.strengths,
            seeded=sampling.seeded or sampling.backend != "vllm",
        )
        reporter.part_done()
        if ask is not None:
            report({MADE: part})


def _load(
    model: ModelConfig,
    sampling: SamplingConfig,
    adapter: Path | None,
    requests: Requests,
    constraint: Path | None,
    source: GuideSource | None,
    tokenizer: Any,
    seed: int,
) -> Sampler:
    index = None if source is None else source.index
    if sampling.backend == "vllm":
        from quotetune.sampling.vllm import VllmSampler

        return VllmSampler(
            model,
            sampling,
            adapter,
            config=requests.config,
            longest_prompt=requests.longest,
            tokenizer=tokenizer,
            constraint=constraint,
            index=index,
            seed=seed,
        )
    from quotetune.sampling.transformers import TransformersSampler

    return TransformersSampler(model, sampling, adapter, constraint, index)


def _run_alone(job: dict[str, Any], output: Path, report: Report, ask: Ask | None = None) -> None:
    """Do `run` in a process that does nothing else."""
    if job["sampling"]["backend"] == "transformers":
        quick_start(job["model"])
    else:
        rare_collections()
    run(job, output, report, ask)


if __name__ == "__main__":
    child_main("sampling", _run_alone, read=read_job)
