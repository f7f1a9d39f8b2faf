"""The child process that measures: `python -m quotetune.measures.neural_worker jobs.json`.

It does the jobs of `quotetune.measures.neural`, and reports one object per job.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from quotetune.config import ModelConfig
from quotetune.models.context import context_length
from quotetune.models.load_adapter import with_adapter
from quotetune.models.precision import measuring_dtype
from quotetune.models.quantization import quantization_settings
from quotetune.models.quick_imports import quick_imports
from quotetune.models.tokenizer import load_tokenizer
from quotetune.runtime.child import child_main
from quotetune.runtime.cpu import apply_in_child, child_environment
from quotetune.runtime.device_memory import device_memory, fitting

# It must be set before torch is imported.
os.environ.update(child_environment())

import torch

# Tokens per batch, including padding. On a CPU more of them are not faster. With a vocabulary of
# 128,000, the logits of 2,048 are 1 GiB in float32.
_CPU_TOKENS, _GPU_TOKENS, _FEWEST_TOKENS = 2048, 65536, 256
# Numbers per token that exist at once: logits, their float32 copy and its exponentials; and those
# that a block of the model computes, per hidden unit.
_LOGITS, _STATES = 3, 40
_Report = Callable[[dict[str, Any]], None]
# A sequence is a context and the tokens to score.
Sequences = Sequence[tuple[list[int], list[int]]]


def measure(content: dict[str, Any], work: Path, report: _Report) -> None:
    """Do jobs of `quotetune.measures.neural`."""
    apply_in_child()
    measures = {
        "perplexity": _perplexities,
        "log_likelihood": _log_likelihoods,
        "bart_score": _bart_scores,
        "log_probs": _policy_log_probs,
        "mauve": _mauve,
    }
    with torch.inference_mode():
        for job in content["jobs"]:
            report({"result": measures[job["measure"]](job)})


def _perplexities(job: dict[str, Any]) -> list[float | None]:
    settings = ModelConfig(**job["model"])
    tokenizer, model = load_tokenizer(settings), _load_causal(settings)
    limit = context_length(model.config)
    sequences = [
        _fit(_before(context, tokenizer), _ids(text, tokenizer), limit)
        for text, context in zip(job["texts"], job["contexts"], strict=True)
    ]
    scored = token_log_probs(model, sequences)
    return [(-values.mean()).exp().item() if len(values) else None for values in scored]


def _log_likelihoods(job: dict[str, Any]) -> list[float | None]:
    settings = ModelConfig(**job["model"])
    tokenizer, model = load_tokenizer(settings), _load_causal(settings)
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
    means: list[float | None] = []
    for values, counts in zip(token_log_probs(model, sequences), counted, strict=True):
        # Without a context, the first token has nothing before it and no value.
        chosen = values[torch.tensor(counts[len(counts) - len(values) :], dtype=torch.bool)]
        means.append(chosen.mean().item() if len(chosen) else None)
    return means


def _bart_scores(job: dict[str, Any]) -> list[float | None]:
    from transformers import AutoModelForSeq2SeqLM

    settings = ModelConfig(**job["model"])
    tokenizer, model = load_tokenizer(settings), _load(AutoModelForSeq2SeqLM, settings)
    limit = context_length(model.config)
    # The limit includes special tokens.
    cut = {} if limit is None else {"truncation": True, "max_length": limit}
    pairs = [
        (tokenizer(response, **cut)["input_ids"], tokenizer(reference, **cut)["input_ids"])
        for response, reference in zip(job["responses"], job["references"], strict=True)
    ]
    means = _target_log_probs(model, pairs)
    return [
        mean if reference else None
        for mean, reference in zip(means, job["references"], strict=True)
    ]


def _policy_log_probs(job: dict[str, Any]) -> list[list[float]]:
    sequences = list(zip(job["prompts"], job["responses"], strict=True))
    results = []
    loaded, model = None, None
    for policy in job["policies"]:
        if policy["model"] != loaded:
            model, loaded = _load_causal(ModelConfig(**policy["model"])), policy["model"]
        if policy["adapter"] is None:
            scored = token_log_probs(model, sequences)
        else:
            adapted = with_adapter(model, policy["adapter"])
            scored = token_log_probs(adapted.eval(), sequences)
            model = adapted.unload()
        results.append([values.sum().item() for values in scored])
    return results


def _mauve(job: dict[str, Any]) -> float | None:
    from mauve import compute_mauve
    from transformers import AutoModel

    settings = ModelConfig(path=job["featurizer"])
    tokenizer, model = load_tokenizer(settings), _load(AutoModel, settings)
    sides = [
        [tokenizer(text)["input_ids"][: job["max_tokens"]] for text in job[name] if text]
        for name in ("texts", "references")
    ]
    if not all(sides):
        return None
    responses, references = (last_states(model, side).numpy() for side in sides)
    return float(compute_mauve(p_features=responses, q_features=references).mauve)


def last_states(model: Any, rows: Sequence[list[int]]) -> torch.Tensor:
    """Return the last hidden state of the last token of each row, in float32."""
    states: list[torch.Tensor] = [torch.empty(0)] * len(rows)
    for group in batches([len(ids) for ids in rows], tokens_per_batch(model)):
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
    lengths_of = [len(before) + len(scored) for before, scored in sequences]
    for rows in batches(lengths_of, tokens_per_batch(model)):
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
    lengths_of = [len(source) + len(target) for source, target in pairs]
    for rows in batches(lengths_of, tokens_per_batch(model)):
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


def tokens_per_batch(model: Any) -> int:
    """Return how many tokens, padding included, a model sees at once on its device."""
    config = model.config.get_text_config()
    each = 4.0 * (_LOGITS * config.vocab_size + _STATES * config.hidden_size)
    most = _CPU_TOKENS if model.device.type == "cpu" else _GPU_TOKENS
    return fitting(device_memory(model.device), model, each, least=_FEWEST_TOKENS, most=most)


def batches(lengths: Sequence[int], tokens: int = _CPU_TOKENS) -> list[list[int]]:
    """Group rows of similar length into batches with little padding, without empty rows.

    Args:
        lengths: Tokens of each row.
        tokens: Tokens of a batch, padding included; a longer row is a batch of its own.

    The longest rows come first, so that a lack of memory shows at once.

    Example:
        >>> batches([1500, 10, 1400, 12])
        [[0], [2], [1, 3]]
    """
    groups: list[list[int]] = []
    for row in sorted(filter(lengths.__getitem__, range(len(lengths))), key=lengths.__getitem__):
        # The rows are sorted by length, so this one is the longest of its batch.
        full = not groups or (len(groups[-1]) + 1) * lengths[row] > tokens
        if full:
            groups.append([])
        groups[-1].append(row)
    return groups[::-1]


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


def _load_causal(model: ModelConfig) -> Any:
    from transformers import AutoModelForCausalLM

    return _load(AutoModelForCausalLM, model)


def _load(kind: Any, model: ModelConfig) -> Any:
    dtype = measuring_dtype(model)
    loaded = kind.from_pretrained(
        model.path,
        revision=model.revision,
        dtype=dtype,
        **quantization_settings(model, dtype),
        trust_remote_code=model.trust_remote_code,
        use_safetensors=True,
    )
    return loaded.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def _models(job: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if job["measure"] == "mauve":
        return [{"path": job["featurizer"]}]
    policies = job["policies"] if job["measure"] == "log_probs" else [job]
    return [policy["model"] for policy in policies]


def _measure_alone(content: dict[str, Any], work: Path, report: _Report) -> None:
    """Do `measure` in a process that does nothing else."""
    quick_imports([model for job in content["jobs"] for model in _models(job)])
    measure(content, work, report)


if __name__ == "__main__":
    child_main("measuring", _measure_alone)
