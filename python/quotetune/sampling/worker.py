"""The child process that samples: `python -m quotetune.sampling.worker job.json`.

Standard output carries one JSON object a line, `{"done", "tokens", "seconds"}` or
`{"error", "usage"}`; everything else that is printed goes to standard error, the log. The process
ends when standard input does.
"""

import json
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from quotetune.chat import prompt_token_ids
from quotetune.cpu import apply_in_child
from quotetune.errors import QuotetuneError, UsageError
from quotetune.sampling.backend import (
    Request,
    Sampler,
    check_lengths,
    context_length,
    prompt_seed,
)
from quotetune.sampling.parts import LOG_NAME, count_parts, missing_parts, write_part
from quotetune.sampling.settings import ModelConfig, SamplingConfig

_SECONDS_BETWEEN_REPORTS = 0.5


class _Prompt(NamedTuple):
    id: str
    text: str | None
    messages: list[dict[str, str]] | None


class _Reporter:
    """Writes the progress lines, seldom enough to cost nothing."""

    def __init__(self, stream: TextIO, done: int) -> None:
        self._stream = stream
        self._done = done
        self._tokens = 0
        self._start = self._last = time.monotonic()

    def generated(self, tokens: int) -> None:
        """Responses of this many tokens have been finished."""
        self._tokens += tokens
        if time.monotonic() - self._last > _SECONDS_BETWEEN_REPORTS:
            self._write()

    def part_done(self) -> None:
        """A part has been written."""
        self._done += 1
        self._write()

    def _write(self) -> None:
        self._last = time.monotonic()
        event = {"done": self._done, "tokens": self._tokens, "seconds": self._last - self._start}
        print(json.dumps(event), file=self._stream, flush=True)


def run(job: dict[str, Any], output: Path, stream: TextIO) -> None:
    """Sample the missing parts of a job.

    Args:
        job: What `run_sampling` wrote.
        output: The directory of parts.
        stream: Where the progress lines go.
    """
    model = ModelConfig(**job["model"])
    sampling = SamplingConfig(**job["sampling"])
    adapter = None if job["adapter"] is None else Path(job["adapter"])
    requests, config = _requests(job, model, sampling)
    names = list(requests)
    parts = count_parts(len(names), sampling.chunk_prompts)
    missing = missing_parts(output, parts)
    sampler = _load(model, sampling, adapter, config, requests)
    reporter = _Reporter(stream, done=parts - len(missing))
    for part in missing:
        first = part * sampling.chunk_prompts
        chunk = names[first : first + sampling.chunk_prompts]
        part_requests = [requests[name] for name in chunk]
        responses = sampler.sample(part_requests, reporter.generated)
        write_part(output, part, chunk, part_requests, responses)
        reporter.part_done()


def _requests(
    job: dict[str, Any], model: ModelConfig, sampling: SamplingConfig
) -> tuple[dict[str, Request], Any]:
    """Tokenise all prompts, and refuse those that do not fit, before the model is loaded.

    Returns:
        The requests by prompt id, and the model's `transformers` config.
    """
    from transformers import AutoConfig, AutoTokenizer

    source = {"revision": model.revision, "trust_remote_code": model.trust_remote_code}
    tokenizer = AutoTokenizer.from_pretrained(model.path, **source)
    config = AutoConfig.from_pretrained(model.path, **source)
    tokens = {
        prompt["id"]: prompt_token_ids(_Prompt(**prompt), tokenizer) for prompt in job["prompts"]
    }
    check_lengths(tokens, sampling.max_tokens, context_length(config, sampling.engine))
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
) -> Sampler:
    if sampling.backend == "vllm":
        from quotetune.sampling.vllm import VllmSampler

        longest = max(len(request.prompt_token_ids) for request in requests.values())
        return VllmSampler(model, sampling, adapter, config=config, longest_prompt=longest)
    from quotetune.sampling.transformers import TransformersSampler

    return TransformersSampler(model, sampling, adapter)


def _end_with_parent() -> None:
    """Wait for the end of standard input, which is that of the parent, however it ends."""
    while os.read(0, 1):
        pass
    os._exit(1)


def main() -> None:
    """Run the job whose file is the only argument."""
    # Ctrl-C reaches the whole process group; the parent handles it and its end is ours.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Libraries print to standard output; only our own lines may go to the parent.
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    path = Path(sys.argv[1])
    try:
        apply_in_child()
        run(json.loads(path.read_text(encoding="utf-8")), path.parent, stream)
    except Exception as error:
        traceback.print_exc()
        message = str(error)
        if not isinstance(error, QuotetuneError):
            reason = " ".join(message.split())
            log = path.parent / LOG_NAME
            message = f"sampling failed with {type(error).__name__}: {reason} (its log is {log})"
        event = {"error": message, "usage": isinstance(error, UsageError)}
        print(json.dumps(event), file=stream, flush=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
