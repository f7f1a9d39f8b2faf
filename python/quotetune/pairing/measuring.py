"""The measure stages: a number for every candidate, in a file for each measure.

QUIP and the length are known from scoring and sampling; what the others are is in
`quotetune.measures.criteria`.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from quotetune.errors import QuotetuneError
from quotetune.measures.criteria import (
    Numbers,
    long_quotes,
    on_topic_quip,
    rarity,
    reference_similarity,
)
from quotetune.pairing.candidates import candidate_parts
from quotetune.pairing.ranking_config import RankingConfig
from quotetune.runtime.console import Report

if TYPE_CHECKING:
    from quotetune.prompts.prompt import Prompt

NEURAL = ("perplexity", "bart_score")
_BATCH = 4096
# From texts and their prompts to numbers.
Measure = Callable[[Sequence[str], Sequence["Prompt | None"]], Numbers]


def write_measure(
    samples: Path,
    gold: Path | None,
    output: Path,
    measure: Measure,
    *,
    prompts: Mapping[str, "Prompt"],
    at_once: bool = False,
    progress: Report,
) -> None:
    """Measure all candidates.

    Args:
        samples: Directory of the samples' parts.
        gold: Directory of the references' part, if they are ranked.
        output: Directory that gets `values.parquet`: `prompt_id`, `sample` and `value`, null where
            there is none; rows in the order of the candidates.
        measure: What to measure.
        prompts: The prompts by id.
        at_once: Give all candidates to `measure` together, as a model has to be loaded for them.
        progress: Called after every batch.

    Raises:
        QuotetuneError: There are no samples.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts = candidate_parts(samples, gold)
    columns = ["prompt_id", "sample", "response"]
    tables = [pq.read_table(part, columns=columns) for part in parts]
    if not tables:
        raise QuotetuneError(f"{samples}: there are no samples in it: sample first")
    table = pa.concat_tables(tables)
    values: Numbers = []
    size = len(table) if at_once else _BATCH
    for first in range(0, len(table), size):
        rows = table.slice(first, size).to_pylist()
        texts = [row["response"] for row in rows]
        values += measure(texts, [prompts.get(row["prompt_id"]) for row in rows])
        progress(len(values), len(table))
    output.mkdir(parents=True, exist_ok=True)
    column = pa.array(values, pa.float64())
    result = table.drop_columns("response").append_column("value", column)
    pq.write_table(result, output / "values.parquet")


def measure_of(name: str, config: RankingConfig, work: Path) -> Measure:
    """Return a measure as a config has it.

    Args:
        name: One of `config.measures`.
        config: The config.
        work: Directory for the files of a model's child process; it is removed after each call.

    Returns:
        From texts and their prompts to numbers.
    """
    from quotetune.corpus.index import Index

    match name:
        case "on_topic_quip":
            return lambda texts, prompts: on_topic_quip(
                Index.open(config.index), texts, [p.documents if p else None for p in prompts]
            )
        case "long_quotes":
            assert config.preference and config.preference.long_quotes
            lengths = config.preference.long_quotes.min_chars
            return lambda texts, _: long_quotes(Index.open(config.index), texts, lengths)
        case "rarity":
            return lambda texts, _: rarity(Index.open(config.index), texts)
        case "reference_similarity":
            return reference_similarity
        case "repetition":
            from quotetune.measures.responses import repetition

            return lambda texts, _: [repetition(text) for text in texts]
        case "perplexity" | "bart_score":
            return _neural(name, config, work)
    raise AssertionError(name)


def _neural(name: str, config: RankingConfig, work: Path) -> Measure:
    model = config.model_of(name)
    assert model is not None

    def measure(texts: Sequence[str], prompts: Sequence["Prompt | None"]) -> Numbers:
        from quotetune.measures.neural import bart_scores, perplexities
        from quotetune.measures.scoring_models import prompt_words

        if name == "perplexity":
            contexts = [prompt_words(prompt) if prompt else "" for prompt in prompts]
            values: Numbers = perplexities(texts, model, contexts=contexts, work=work)
        else:
            known = [i for i, prompt in enumerate(prompts) if prompt and prompt.reference]
            references = [prompt.reference for prompt in prompts if prompt and prompt.reference]
            found = bart_scores([texts[i] for i in known], references, model, work=work)
            values = [None] * len(texts)
            for i, value in zip(known, found, strict=True):
                values[i] = value
        shutil.rmtree(work, ignore_errors=True)
        return values

    return measure
