"""Compute the metrics of samples: one row of the table of results per table of samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quotetune.measures.diversity import distinct_n
from quotetune.measures.quoting import on_topic_scores, quote_length_histogram, quoting_rows
from quotetune.measures.responses import best_of_n as best_responses
from quotetune.measures.responses import highest, mean_metrics, response_rows
from quotetune.measures.scoring_models import ScoringModels, score_with_models
from quotetune.metrics.row_names import (
    BESIDE,
    BEST_OF_N,
    BEST_ON_TOPIC,
    REFERENCE,
    RESPONSES,
)
from quotetune.prompts.prompt import Prompt
from quotetune.runs.directory import METRICS
from quotetune.runtime.whole_files import write_json
from quotetune.sampling.parts import answers, part_path

if TYPE_CHECKING:
    from quotetune.corpus.index import Index

# A reader of one response reads the group that it is in: about a megabyte of text.
_ROWS_OF_GROUP = 1024


@dataclass(frozen=True)
class EvaluatedSamples:
    """A row of the table of results.

    Attributes:
        metrics: Metrics by name (docs/metrics.md).
        quote_lengths: Histogram of quote lengths; None without a suffix index.
        rows: The measures of each response.
    """

    metrics: dict[str, float | None]
    quote_lengths: dict[str, list[int]] | None
    rows: list[dict[str, Any]]


def evaluate_samples(
    prompts: Sequence[Prompt],
    samples: Any,
    index: "Index",
    *,
    n: int | None,
    best_of_n: int | None,
    with_reference: bool,
    models: ScoringModels,
    work: Path,
) -> dict[str, EvaluatedSamples]:
    """Compute the metrics of a policy's samples, and those of the rows beside it.

    Args:
        prompts: The prompts.
        samples: A table of samples, as `read_samples` returns it.
        index: The index of the corpus.
        n: The number of samples per prompt that are the policy's responses, counted from the
            first; None takes all.
        best_of_n: The number of samples per prompt of which the one with the highest QUIP is
            evaluated, too, and the one with the highest on-topic QUIP; None leaves these rows out.
        with_reference: Whether to evaluate the prompts' references as if they were responses.
        models: The language models that measure.
        work: Directory for their log.

    Returns:
        The row `responses`, and those of `BESIDE` that the arguments ask for. Only prompts whose
        documents the index contains have a best response on topic.
    """
    import pyarrow.compute as pc

    def first(count: int | None) -> Any:
        return samples if count is None else samples.filter(pc.less(samples["sample"], count))

    tables = {RESPONSES: first(n)}
    if best_of_n is not None:
        tables |= best_rows(prompts, first(best_of_n), index)
    if with_reference and any(prompt.reference for prompt in prompts):
        tables[REFERENCE] = text_table(
            [(prompt.id, 0, prompt.reference) for prompt in prompts if prompt.reference]
        )
    return evaluate_tables(prompts, tables, index, models, work)


def best_rows(prompts: Sequence[Prompt], samples: Any, index: "Index") -> dict[str, Any]:
    """Select each prompt's best response by QUIP, and by on-topic QUIP if a prompt has a score.

    Args:
        prompts: The prompts.
        samples: The responses from which the best ones are selected.
        index: The index of the corpus.

    Returns:
        Tables of samples, by the name of their row.
    """
    rows = {BEST_OF_N: best_responses(samples, index)}
    on_topic = _best_on_topic(prompts, samples, index)
    return rows if on_topic is None else rows | {BEST_ON_TOPIC: on_topic}


def _best_on_topic(prompts: Sequence[Prompt], samples: Any, index: "Index") -> Any | None:
    """Select each prompt's response of highest on-topic QUIP; None if no prompt has a score."""
    if not index.has_suffix_index:
        return None
    asked = {prompt.id: prompt for prompt in prompts}
    rows = answers(samples, ["prompt_id", "response"])
    scores = on_topic_scores(
        [asked[row["prompt_id"]] for row in rows], [row["response"] for row in rows], index
    )
    scored = [place for place, score in enumerate(scores) if score is not None]
    if not scored:
        return None
    return highest(samples.take(scored), [scores[place] for place in scored])


def evaluate_tables(
    prompts: Sequence[Prompt],
    tables: Mapping[str, Any],
    index: "Index",
    models: ScoringModels,
    work: Path,
) -> dict[str, EvaluatedSamples]:
    """Compute the metrics of several tables of samples; one child process runs all models.

    Args:
        prompts: The prompts.
        tables: Tables of samples, by the name of their row. The row `reference` is not compared
            with the references.
        index: The index of the corpus.
        models: The language models that measure.
        work: Directory for their log.

    Returns:
        The rows, by name.
    """
    rows: dict[str, list[dict[str, Any]]] = {}
    asked_rows = []
    for name, table in tables.items():
        compared = list(prompts)
        if name == REFERENCE:  # it would only agree with itself
            compared = [replace(prompt, reference=None) for prompt in prompts]
        by_id = {prompt.id: prompt for prompt in compared}
        rows[name] = response_rows(compared, table, index)
        asked = [by_id[row["prompt_id"]] for row in rows[name]]
        quoting = quoting_rows(asked, [row["response"] for row in rows[name]], index)
        for row, measured in zip(rows[name], quoting, strict=True):
            row |= measured
        asked_rows.append(list(zip(asked, rows[name], strict=True)))
    mauves = dict(zip(rows, score_with_models(asked_rows, models, work), strict=True))
    return {
        name: EvaluatedSamples(
            row_metrics(of_row) | {"mauve": mauves[name]}, _quote_lengths(of_row, index.n), of_row
        )
        for name, of_row in rows.items()
    }


def _quote_lengths(rows: Sequence[Mapping[str, Any]], n: int) -> dict[str, list[int]] | None:
    lengths = [row["quote_lengths"] for row in rows]
    if None in lengths:
        return None
    return quote_length_histogram([length for found in lengths for length in found], n)


def row_metrics(rows: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Compute the metrics of a row: means over its responses, and metrics of all together."""
    metrics = mean_metrics(rows)
    texts = [row["response"] for row in rows]
    metrics |= {"distinct_1": distinct_n(texts, 1), "distinct_2": distinct_n(texts, 2)}
    documents = [row["quoted_documents"] for row in rows]
    metrics["documents_quoted"] = None
    if None not in documents:
        named = {(document["source"], document["id"]) for found in documents for document in found}
        metrics["documents_quoted"] = len(named)
    return metrics


def text_table(texts: Sequence[tuple[str, int, str | None]]) -> Any:
    """Return a table of samples for texts that no model gave: prompt id, sample number and text."""
    import pyarrow as pa

    return pa.table(
        {
            "prompt_id": pa.array([prompt_id for prompt_id, _, _ in texts], pa.string()),
            "sample": pa.array([sample for _, sample, _ in texts], pa.int32()),
            "response": pa.array([text for _, _, text in texts], pa.string()),
            "token_ids": pa.nulls(len(texts), pa.list_(pa.int32())),
            "finish_reason": pa.nulls(len(texts), pa.string()),
        }
    )


def write_texts(directory: Path, prompts: Sequence[Prompt], texts: Sequence[str]) -> None:
    """Write a text for each prompt as a directory of samples."""
    import pyarrow.parquet as pq

    directory.mkdir(exist_ok=True)
    rows = [(prompt.id, 0, text) for prompt, text in zip(prompts, texts, strict=True)]
    pq.write_table(text_table(rows), part_path(directory, 0))


def write_evaluation(
    directory: Path, evaluated: Mapping[str, EvaluatedSamples], prompts: int
) -> None:
    """Write the metrics as JSON, and the measures of each response as one Parquet file per row."""
    import pyarrow.parquet as pq

    directory.mkdir(exist_ok=True)
    for name, row in evaluated.items():
        path = directory / f"{name}.parquet"
        pq.write_table(_table(row.rows), path, row_group_size=_ROWS_OF_GROUP)
    content = {
        "prompts": prompts,
        "metrics": evaluated[RESPONSES].metrics,
        **{name: evaluated[name].metrics if name in evaluated else None for name in BESIDE},
        "quote_lengths": {name: row.quote_lengths for name, row in evaluated.items()},
    }
    write_json(directory / METRICS, content)


def _table(rows: Sequence[Mapping[str, Any]]) -> Any:
    import pyarrow as pa

    number, count, text = pa.float64(), pa.int32(), pa.string()
    document = pa.struct([("source", text), ("id", text)])
    kinds = {
        "prompt_id": text,
        "sample": count,
        "response": text,
        "numerator": count,
        "denominator": count,
        "longest_quote": count,
        "length_tokens": count,
        "length_chars": count,
        "documents_quoted": count,
        "cut": pa.bool_(),
        "quote_lengths": pa.list_(count),
        "quoted_documents": pa.list_(document),
    }
    fields = [pa.field(name, kinds.get(name, number)) for name in rows[0]]
    return pa.Table.from_pylist(list(rows), pa.schema(fields))
