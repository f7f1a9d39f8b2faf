"""The child process that samples: `python -m quotetune.sampling.worker job.json`.

It reports the fields of `run.Progress`, except `parts`.
"""

import time
from collections.abc import Callable
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

from quotetune.config import ModelConfig, SamplingConfig
from quotetune.models.tokenizer import load_tokenizer
from quotetune.runtime.child import child_main
from quotetune.runtime.cpu import apply_in_child
from quotetune.sampling.backend import Sampler, prompt_seed
from quotetune.sampling.constraint import CONSTRAINT_NAME
from quotetune.sampling.guided import GuideSource, by_strength, joined
from quotetune.sampling.job import read_job
from quotetune.sampling.parts import count_parts, missing_parts, write_part
from quotetune.sampling.quick_start import quick_start
from quotetune.sampling.requests import Requests
from quotetune.sampling.thoughts import Thoughts, with_room_for_thoughts

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


def run(job: dict[str, Any], output: Path, report: Report) -> None:
    """Sample the missing parts of a job.

    Args:
        job: The job that `run_sampling` wrote.
        output: The directory of parts.
        report: Called with the progress.
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
    source = GuideSource.of_job(job["guide"]) if "guide" in job else None
    # Another seed where a call goes on, so that an engine without seeds per request goes on, too.
    seed = prompt_seed(job["seed"], job["round"], str(missing[0]))
    sampler = _load(model, sampling, adapter, requests, constraint, source, tokenizer, seed)
    thoughts = Thoughts(model, answers, tokenizer) if thinks else None
    reporter = _Reporter(report, done=parts - len(missing))
    reporter.loaded()
    wanted = chain(requests.parts(missing), [(parts, {})])
    for (part, own), (_, following) in pairwise(wanted):
        names, part_requests = list(own), list(own.values())
        drawn = [by_strength(name, request, sampling, source) for name, request in own.items()]
        part_responses = sampler.sample(
            [one for some in drawn for one in some],
            reporter.generated,
            [
                one
                for name, request in following.items()
                for one in by_strength(name, request, sampling, source)
            ],
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


def _run_alone(job: dict[str, Any], output: Path, report: Report) -> None:
    """Do `run` in a process that does nothing else."""
    if job["sampling"]["backend"] == "transformers":
        quick_start()
    run(job, output, report)


if __name__ == "__main__":
    child_main("sampling", _run_alone, read=read_job)
