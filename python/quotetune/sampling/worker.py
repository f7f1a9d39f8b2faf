"""The child process that samples: `python -m quotetune.sampling.worker job.json`.

It reports the fields of `run.Progress`, except `parts`.
"""

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from quotetune.config import ModelConfig, SamplingConfig
from quotetune.models.chat_template import template_variables
from quotetune.models.context import context_length
from quotetune.models.tokenizer import load_tokenizer
from quotetune.prompts.chat import prompt_token_ids
from quotetune.prompts.prompt import Prompt
from quotetune.runtime.child import child_main
from quotetune.runtime.cpu import apply_in_child
from quotetune.sampling.backend import (
    Request,
    Sampler,
    check_lengths,
    prompt_seed,
)
from quotetune.sampling.constraint import Constraint
from quotetune.sampling.engine_keys import AUTOMATIC
from quotetune.sampling.guided import GuideSource, by_strength, joined
from quotetune.sampling.parts import count_parts, missing_parts, write_part
from quotetune.sampling.quick_start import quick_start
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
    constraint = Constraint(**job["constraint"]) if "constraint" in job else None
    thinks = model.reasoning is not None and constraint is None
    sampling = with_room_for_thoughts(answers, model) if thinks else answers
    tokenizer = load_tokenizer(model)
    thought_tokens = model.thought_tokens if thinks else 0
    requests, config = _requests(job, model, sampling, tokenizer, thought_tokens)
    names = list(requests)
    parts = count_parts(len(names), sampling.chunk_prompts)
    missing = missing_parts(output, parts)
    source = GuideSource.of_job(job["guide"]) if "guide" in job else None
    first = requests[_chunk(names, missing[0], sampling)[0]]
    sampler = _load(
        model, sampling, adapter, config, requests, constraint, source, tokenizer, first.seed
    )
    thoughts = Thoughts(model, answers, tokenizer) if thinks else None
    reporter = _Reporter(report, done=parts - len(missing))
    reporter.loaded()
    for part, next_part in zip(missing, [*missing[1:], None], strict=True):
        chunk = _chunk(names, part, sampling)
        part_requests = [requests[name] for name in chunk]
        drawn = [by_strength(name, requests[name], sampling, source) for name in chunk]
        following = [
            one
            for name in _chunk(names, next_part, sampling)
            for one in by_strength(name, requests[name], sampling, source)
        ]
        part_responses = sampler.sample(
            [one for own in drawn for one in own], reporter.generated, following
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
            chunk,
            part_requests,
            responses,
            thinks=thinks,
            strengths=None if sampling.guide is None else sampling.guide.strengths,
            seeded=sampling.seeded or sampling.backend != "vllm",
        )
        reporter.part_done()


def _chunk(names: list[str], part: int | None, sampling: SamplingConfig) -> list[str]:
    """Return the ids of the prompts of a part; none without a part."""
    if part is None:
        return []
    return names[part * sampling.chunk_prompts : (part + 1) * sampling.chunk_prompts]


def _requests(
    job: dict[str, Any],
    model: ModelConfig,
    sampling: SamplingConfig,
    tokenizer: Any,
    thought_tokens: int,
) -> tuple[dict[str, Request], Any]:
    """Tokenise all prompts, and reject those that do not fit, before the model is loaded.

    Returns:
        The requests by prompt id, and the model's `transformers` config.
    """
    from transformers import AutoConfig

    source = {"revision": model.revision, "trust_remote_code": model.trust_remote_code}
    now = datetime.fromisoformat(job["now"]) if "now" in job else None
    variables = template_variables(model, now)
    config = AutoConfig.from_pretrained(model.path, **source)
    context = sampling.engine.get("max_model_len")
    if context in (None, AUTOMATIC):
        context = context_length(config)
    # A continuation that is too long starts at the first token that the model can see.
    space = None if context is None else max(context - sampling.max_tokens, 1)
    tokens = {
        prompt["id"]: prompt["token_ids"][-space if space else None :]
        if "token_ids" in prompt
        else prompt_token_ids(Prompt(**prompt), tokenizer, variables)
        for prompt in job["prompts"]
    }
    answer_tokens = sampling.max_tokens - thought_tokens
    check_lengths(tokens, answer_tokens, context, thoughts=thought_tokens)
    requests = {
        name: Request(ids, prompt_seed(job["seed"], job["round"], name))
        for name, ids in tokens.items()
    }
    return requests, config


def _load(
    model: ModelConfig,
    sampling: SamplingConfig,
    adapter: Path | None,
    config: Any,
    requests: dict[str, Request],
    constraint: Constraint | None,
    source: GuideSource | None,
    tokenizer: Any,
    seed: int,
) -> Sampler:
    index = None if source is None else source.index
    if sampling.backend == "vllm":
        from quotetune.sampling.vllm import VllmSampler

        longest = max(len(request.prompt_token_ids) for request in requests.values())
        return VllmSampler(
            model,
            sampling,
            adapter,
            config=config,
            longest_prompt=longest,
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
    child_main("sampling", _run_alone)
