"""The child process that measures: `python -m quotetune.measures.neural_worker jobs.json`.

It does the parts of the jobs of `quotetune.measures.neural`, and reports the values of each: all
parts, or as a replica those that its parent hands out (`runtime/hand_out.py`).
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quotetune.config import ModelConfig
from quotetune.measures.loaded_models import LoadedModels, device_type
from quotetune.measures.token_batches import batches_for, share_of
from quotetune.models.context import context_length
from quotetune.models.quick_imports import quick_imports
from quotetune.models.tokenizer import load_tokenizer
from quotetune.runtime.child import Ask, child_main
from quotetune.runtime.cpu import apply_in_child, child_environment
from quotetune.runtime.hand_out import MADE
from quotetune.sampling.wanted import AskedParts, ListedParts

# It must be set before torch is imported.
os.environ.update(child_environment())

import torch

_Report = Callable[[dict[str, Any]], None]
# A sequence is a context and the tokens to score.
Sequences = Sequence[tuple[list[int], list[int]]]


@dataclass(frozen=True)
class _Ready:
    """A job that is ready to be done, row by row.

    Attributes:
        lengths: Tokens of each row.
        values: Returns the values of some rows.
    """

    lengths: list[int]
    values: Callable[[list[int]], list[Any]]


def measure(content: dict[str, Any], work: Path, report: _Report, ask: Ask | None = None) -> None:
    """Do parts of jobs of `quotetune.measures.neural`.

    Args:
        content: The jobs, and their parts.
        work: The directory of the jobs.
        report: Called with the values of each part.
        ask: Asks the parent for parts; None does all of them.
    """
    apply_in_child()
    jobs, parts = content["jobs"], content["parts"]
    wanted = ListedParts(range(len(parts))) if ask is None else AskedParts(ask)
    models = LoadedModels()
    ready, of = None, None
    with torch.inference_mode():
        while (number := wanted.next()) is not None:
            job, policy, share, shares = parts[number]
            if (job, policy) != of:
                ready = None  # its model may go
                ready, of = (
                    _MEASURES[jobs[job]["measure"]](jobs[job], policy, models),
                    (job, policy),
                )
                report({"loaded": jobs[job]["measure"]})
            assert ready is not None
            rows = share_of(ready.lengths, share, shares, device_type())
            report({"part": number, "rows": rows, "values": ready.values(rows)})
            if ask is not None:
                report({MADE: number})


def _perplexities(job: dict[str, Any], _: int, models: LoadedModels) -> _Ready:
    tokenizer, model = load_tokenizer(ModelConfig(**job["model"])), models.causal(job["model"])
    limit = context_length(model.config)
    sequences = [
        _fit(_before(context, tokenizer), _ids(text, tokenizer), limit)
        for text, context in zip(job["texts"], job["contexts"], strict=True)
    ]

    def values(rows: list[int]) -> list[float | None]:
        scored = token_log_probs(model, [sequences[row] for row in rows])
        return [(-found.mean()).exp().item() if len(found) else None for found in scored]

    return _Ready(_lengths(sequences), values)


def _log_likelihoods(job: dict[str, Any], _: int, models: LoadedModels) -> _Ready:
    tokenizer, model = load_tokenizer(ModelConfig(**job["model"])), models.causal(job["model"])
    limit = context_length(model.config)
    sequences, counted = [], []
    for text, context, spans in zip(job["texts"], job["contexts"], job["spans"], strict=True):
        encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        before, scored = _fit(_before(context, tokenizer), list(encoded["input_ids"]), limit)
        places = encoded["offset_mapping"][: len(scored)]
        sequences.append((before, scored))
        counted.append(
            [any(first < end and start < last for start, end in spans) for first, last in places]
        )

    def values(rows: list[int]) -> list[float | None]:
        means: list[float | None] = []
        scored = token_log_probs(model, [sequences[row] for row in rows])
        for row, found in zip(rows, scored, strict=True):
            # Without a context, the first token has nothing before it and no value.
            counts = counted[row][len(counted[row]) - len(found) :]
            chosen = found[torch.tensor(counts, dtype=torch.bool)]
            means.append(chosen.mean().item() if len(chosen) else None)
        return means

    return _Ready(_lengths(sequences), values)


def _bart_scores(job: dict[str, Any], _: int, models: LoadedModels) -> _Ready:
    from transformers import AutoModelForSeq2SeqLM

    settings = ModelConfig(**job["model"])
    tokenizer, model = load_tokenizer(settings), models.load(AutoModelForSeq2SeqLM, settings)
    limit = context_length(model.config)
    # The limit includes special tokens.
    cut = {} if limit is None else {"truncation": True, "max_length": limit}
    references = job["references"]
    pairs = [
        (tokenizer(response, **cut)["input_ids"], tokenizer(reference, **cut)["input_ids"])
        for response, reference in zip(job["responses"], references, strict=True)
    ]

    def values(rows: list[int]) -> list[float | None]:
        means = _target_log_probs(model, [pairs[row] for row in rows])
        return [mean if references[row] else None for row, mean in zip(rows, means, strict=True)]

    return _Ready(_lengths(pairs), values)


def _policy_log_probs(job: dict[str, Any], policy: int, models: LoadedModels) -> _Ready:
    chosen = job["policies"][policy]
    model = models.causal(chosen["model"], chosen["adapter"])
    sequences = list(zip(job["prompts"], job["responses"], strict=True))

    def values(rows: list[int]) -> list[float]:
        scored = token_log_probs(model, [sequences[row] for row in rows])
        return [found.sum().item() for found in scored]

    return _Ready(_lengths(sequences), values)


def _mauve(job: dict[str, Any], _: int, models: LoadedModels) -> _Ready:
    """Compare all texts at once: the job is one row."""
    from mauve import compute_mauve
    from transformers import AutoModel

    settings = ModelConfig(path=job["featurizer"])
    tokenizer, model = load_tokenizer(settings), models.load(AutoModel, settings)
    sides = [
        [tokenizer(text)["input_ids"][: job["max_tokens"]] for text in job[name] if text]
        for name in ("texts", "references")
    ]

    def values(rows: list[int]) -> list[float | None]:
        if not rows or not all(sides):
            return [None] * len(rows)
        responses, references = (last_states(model, side).numpy() for side in sides)
        return [float(compute_mauve(p_features=responses, q_features=references).mauve)]

    return _Ready([1], values)


_MEASURES: dict[str, Callable[[dict[str, Any], int, LoadedModels], _Ready]] = {
    "perplexity": _perplexities,
    "log_likelihood": _log_likelihoods,
    "bart_score": _bart_scores,
    "log_probs": _policy_log_probs,
    "mauve": _mauve,
}


def last_states(model: Any, rows: Sequence[list[int]]) -> torch.Tensor:
    """Return the last hidden state of the last token of each row, in float32."""
    states: list[torch.Tensor] = [torch.empty(0)] * len(rows)
    for group in batches_for(model, [len(ids) for ids in rows]):
        ids = _padded([rows[row] for row in group], 0, model.device)
        lengths = torch.tensor([len(rows[row]) for row in group])
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).to(model.device)
        hidden = model(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        # A copy: a part of `hidden` would keep all of it.
        last = hidden[torch.arange(len(group)), lengths - 1].float().cpu()
        for row, state in zip(group, last, strict=True):
            states[row] = state
    return torch.stack(states)


def token_log_probs(model: Any, sequences: Sequences) -> list[torch.Tensor]:
    """Return log p of every token to score of each sequence, in float32.

    The first token of a sequence without a context has nothing before it, and is left out.
    """
    results = [torch.empty(0)] * len(sequences)
    for rows in batches_for(model, _lengths(sequences)):
        ids = _padded([sequences[row][0] + sequences[row][1] for row in rows], 0, model.device)
        lengths = torch.tensor([sum(map(len, sequences[row])) for row in rows])
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).to(model.device)
        logits = model(input_ids=ids, attention_mask=mask.long(), use_cache=False).logits[:, :-1]
        # All rows at once: after one row, what is kept of it would lie where its logits were, so
        # that the next ones would not fit there. That took 7 MB of memory for every row.
        chosen = logits.gather(-1, ids[:, 1:, None]).squeeze(-1).float()
        scores = (chosen - logits.float().logsumexp(-1)).cpu()
        for position, row in enumerate(rows):
            first = max(len(sequences[row][0]), 1)
            results[row] = scores[position, first - 1 : int(lengths[position]) - 1]
    return results


def _target_log_probs(model: Any, pairs: Sequences) -> list[float]:
    """Return the mean log p of each target's tokens, given its source, by an encoder-decoder."""
    results = [0.0] * len(pairs)
    padding = model.config.pad_token_id
    for rows in batches_for(model, _lengths(pairs)):
        sources = _padded([pairs[row][0] for row in rows], padding, model.device)
        lengths = torch.tensor([len(pairs[row][0]) for row in rows])
        mask = (torch.arange(sources.shape[1]) < lengths[:, None]).to(model.device)
        labels = _padded([pairs[row][1] for row in rows], padding, model.device)
        logits = model(input_ids=sources, attention_mask=mask.long(), labels=labels).logits
        for position, row in enumerate(rows):
            length = len(pairs[row][1])
            loss = torch.nn.functional.cross_entropy(
                logits[position, :length].float(), labels[position, :length]
            )
            results[row] = -loss.item()
    return results


def _lengths(sequences: Sequences) -> list[int]:
    return [len(before) + len(scored) for before, scored in sequences]


def _padded(rows: list[list[int]], padding: int, device: Any) -> torch.Tensor:
    width = max(map(len, rows))
    return torch.tensor([row + [padding] * (width - len(row)) for row in rows], device=device)


def _ids(text: str, tokenizer: Any) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _before(context: str, tokenizer: Any) -> list[int]:
    """Tokenise a context, with exactly one begin-of-sequence token at its start."""
    ids = _ids(context, tokenizer)
    begin = tokenizer.bos_token_id
    return ids if begin is None or ids[:1] == [begin] else [begin, *ids]


def _fit(before: list[int], scored: list[int], limit: int | None) -> tuple[list[int], list[int]]:
    """Cut a sequence to the context length: the start of the context, then the text's end."""
    if limit is None or len(before) + len(scored) <= limit:
        return before, scored
    keep = max(limit - len(scored), 1)
    before = before[-keep:]
    return before, scored[: limit - len(before)]


def _models(job: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if job["measure"] == "mauve":
        return [{"path": job["featurizer"]}]
    policies = job["policies"] if job["measure"] == "log_probs" else [job]
    return [policy["model"] for policy in policies]


def _measure_alone(
    content: dict[str, Any], work: Path, report: _Report, ask: Ask | None = None
) -> None:
    """Do `measure` in a process that does nothing else."""
    quick_imports([model for job in content["jobs"] for model in _models(job)])
    measure(content, work, report, ask)


if __name__ == "__main__":
    child_main("measuring", _measure_alone)
