"""The measure stages: write a number for every candidate, in a file per measure.

`quotetune.metrics.criteria` lists the measures. QUIP and the length need no stage, because scoring
and sampling already write them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from quotetune.errors import QuotetuneError
from quotetune.measures.criteria import FUNCTIONS, Given
from quotetune.measures.model_criteria import Numbers, Prompts
from quotetune.pairing.candidates import VALUES, candidate_parts
from quotetune.pairing.ranking_config import RankingConfig
from quotetune.prompts.prompt import Prompt
from quotetune.runtime.console import Report
from quotetune.sampling.parts import Row, answers, with_answers

_BATCH = 4096
_COLUMNS = ("prompt_id", "sample", "response")
# From texts and their prompts to numbers.
Measure = Callable[[Sequence[str], Prompts], Numbers]


def write_measure(
    samples: Path,
    gold: Path | None,
    output: Path,
    measure: Measure,
    *,
    prompts: Mapping[str, Prompt],
    at_once: bool = False,
    progress: Report,
) -> None:
    """Measure all candidates.

    Args:
        samples: Directory of the samples' parts.
        gold: Directory of the references' part; None if references are not ranked.
        output: Directory that gets `values.parquet`: `prompt_id`, `sample` and `value`, which is
            null where there is none. The rows are in the order of the candidates.
        measure: The measure.
        prompts: The prompts by id.
        at_once: Whether `measure` gets all candidates together, so that it loads a model once.
        progress: Called after every batch.

    Raises:
        QuotetuneError: There are no samples.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts = candidate_parts(samples, gold)
    if not parts:
        raise QuotetuneError(f"{samples}: no samples: sample first")
    total = sum(pq.read_metadata(part).num_rows for part in parts)
    schema = pa.schema(
        [
            pa.field("prompt_id", pa.string(), nullable=False),
            pa.field("sample", pa.int32(), nullable=False),
            pa.field("value", pa.float64()),
        ]
    )
    rows, measured, done = _rows(parts), [schema.empty_table()], 0
    while some := list(islice(rows, total if at_once else _BATCH)):
        texts = [row["response"] for row in some]
        values = measure(texts, [prompts.get(row["prompt_id"]) for row in some])
        named = [row | {"value": value} for row, value in zip(some, values, strict=True)]
        measured.append(pa.Table.from_pylist(named, schema))
        done += len(some)
        progress(done, total)
    output.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.concat_tables(measured).combine_chunks(), output / VALUES)


def _rows(parts: Iterable[Path]) -> Iterator[Row]:
    """Yield the candidates of parts, of which one is in memory at a time."""
    import pyarrow.parquet as pq

    for part in parts:
        # Without the tokens, which are most of a part.
        columns = with_answers(_COLUMNS, pq.read_schema(part).names)
        yield from answers(pq.read_table(part, columns=columns), _COLUMNS)


def measure_of(name: str, config: RankingConfig, work: Path) -> Measure:
    """Return the measure of a name, with the settings of a config.

    Args:
        name: One of `config.measures`.
        config: The config.
        work: Directory for the files of a model's child process; it is removed after each call.

    Returns:
        A function from texts and their prompts to numbers.
    """
    given = Given(
        index=config.index,
        min_chars=config.min_chars,
        model=config.model_of(name),
        work=work,
        places=config.places,
    )
    compute = FUNCTIONS[name]
    return lambda texts, prompts: compute(texts, prompts, given)
