"""The score stage: write the QUIP of every candidate."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from quotetune.errors import QuotetuneError
from quotetune.pairing.candidates import SCORES, candidate_parts
from quotetune.runtime.console import Report
from quotetune.sampling.parts import answer_texts, with_answers

if TYPE_CHECKING:
    from quotetune.corpus.index import Index

_BATCH = 4096
_COLUMNS = ("prompt_id", "sample", "response")


def score_samples(
    samples: Path, index: Path, output: Path, progress: Report, *, gold: Path | None = None
) -> None:
    """Score all samples of a directory of parts.

    Args:
        samples: The directory.
        index: The index of the corpus.
        output: Directory that gets `scores.parquet`: `prompt_id`, `sample`, `numerator` (25-grams
            that occur in the corpus), `denominator` (all 25-grams), and `quip`, which is null for a
            text that is too short. The rows are in the order of the candidates.
        progress: Called after every batch.
        gold: Directory of the references' part; they are scored after the samples.
    """
    import pyarrow.parquet as pq

    from quotetune.corpus.index import Index

    opened = Index.open(index)
    parts = candidate_parts(samples, gold)
    if not parts:
        raise QuotetuneError(f"{samples}: no samples: sample first")
    output.mkdir(parents=True, exist_ok=True)
    total = sum(pq.read_metadata(part).num_rows for part in parts)
    done = 0
    with pq.ParquetWriter(output / SCORES, _schema()) as writer:
        for part in parts:
            file = pq.ParquetFile(part)
            columns = with_answers(_COLUMNS, file.schema_arrow.names)
            for batch in file.iter_batches(_BATCH, columns=columns):
                writer.write_table(_scored(opened, batch))
                done += len(batch)
                progress(done, total)


def _scored(index: "Index", batch: Any) -> Any:
    """Return the scores of a batch of samples as a table."""
    import pyarrow as pa

    counts = index.quip_counts(answer_texts(batch))
    numerators, denominators = counts[:, 0], counts[:, 1]
    too_short = denominators == 0
    shares = numerators / np.where(too_short, 1, denominators)
    return pa.table(
        [
            batch["prompt_id"],
            batch["sample"],
            numerators,
            denominators,
            pa.array(shares, mask=too_short),
        ],
        schema=_schema(),
    )


def _schema() -> Any:
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("prompt_id", pa.string(), nullable=False),
            pa.field("sample", pa.int32(), nullable=False),
            pa.field("numerator", pa.int64(), nullable=False),
            pa.field("denominator", pa.int64(), nullable=False),
            pa.field("quip", pa.float64()),
        ]
    )
