"""`quotetune generate`: an answer of a run's policy, with a footnote for each quote."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quotetune.cli.options import AllQuotes, MaxDocuments, MinCited, SamplingOverrides, check_format

if TYPE_CHECKING:
    from quotetune.rendering.marks import MarkStyle


def generate(
    run: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="Directory of a run; left out with --model."),
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Argument(
            metavar="[PROMPT]", help="The prompt, or - for standard input.  [default: -]"
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="A model without a run: a directory, or a name on the Hub."),
    ] = None,
    index_path: Annotated[
        Path | None, typer.Option("--index", metavar="DIR", help="The index, with --model.")
    ] = None,
    guide: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="STRENGTH",
            help="Guide the answer towards the corpus; 4 is moderate, 0 is none.",
        ),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Policy: base, best, round-1, ...  [default: best, or the last one]",
        ),
    ] = None,
    format: Annotated[
        str, typer.Option(metavar="markdown|text|jsonl", help="As for quotetune cite.")
    ] = "markdown",
    min_chars: MinCited = None,
    all: AllQuotes = False,
    max_documents: MaxDocuments = 10,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the sampling; another seed gives another answer.")
    ] = 0,
    overrides: SamplingOverrides = [],  # noqa: B006 - typer reads it, nobody changes it
) -> None:
    """Answer a prompt with a run's tuned policy. A footnote names the documents of each quote.

    In a run, the prompt is put into the run's template, and the sampling settings are those of its
    evaluation. With --model and --index, a model answers that belongs to no run. Change settings as
    in --set sampling.temperature=0.3 or --set sampling.max_tokens=200. Without a GPU, the backend
    auto is transformers here, because it starts faster than vLLM.
    """
    from quotetune.cli.records import write_record
    from quotetune.config import ModelConfig, SamplingConfig
    from quotetune.config.file import read_blocks
    from quotetune.config.validation import validate_block
    from quotetune.corpus.formats import STDIN
    from quotetune.corpus.index import Index
    from quotetune.corpus.records import read_whole_text
    from quotetune.errors import UsageError
    from quotetune.release.answering import answer, bare_model
    from quotetune.rendering.footnotes import cite
    from quotetune.rendering.marks import STYLES
    from quotetune.runs.finished import tuned_policy
    from quotetune.runtime.console import status
    from quotetune.runtime.streams import typed_text

    check_format(format, (*STYLES, "jsonl"))
    blocks = ("sampling",) if model is None else ("sampling", "model", "prompts")
    changed = read_blocks(None, overrides, blocks)
    if model is None:
        if run is None or index_path is not None:
            raise UsageError("give the directory of a run, or --model and --index")
        found = tuned_policy(Path(run), policy)
    else:
        if index_path is None or prompt is not None or policy is not None:
            raise UsageError("--model needs --index, and no run and no --policy")
        run, prompt = None, run
        own = validate_block(ModelConfig, "model", {"path": model, **changed["model"]})
        found = bare_model(own, index_path, changed["prompts"])
    index = Index.open(found.config.index)
    if not index.has_suffix_index:
        raise UsageError(
            f"{found.config.index}: it has no suffix index, which finds quotes: build it again with"
            " --structures bloom,suffix"
        )
    settings = found.config.evaluation_sampling.model_dump() | changed["sampling"] | {"n": 1}
    if guide is not None:
        if "strength" in (changed["sampling"].get("guide") or {}):
            raise UsageError("--guide and --set sampling.guide.strength: give one of the two")
        own_guide = settings.get("guide") or {}
        # Without a bonus there is no guide, but the rule of a mode holds.
        is_guided = guide or own_guide.get("mode")
        settings["guide"] = {**own_guide, "strength": guide} if is_guided else None
    prompt = "-" if prompt is None else prompt
    text = read_whole_text(STDIN).removesuffix("\n") if prompt == "-" else typed_text(prompt)
    sampling = validate_block(SamplingConfig, "sampling", settings)
    if sampling.guide is not None and len(sampling.guide.strengths) > 1:
        raise UsageError(
            "sampling.guide.strength: is a list, and one answer has one: give a number"
        )
    with status() as tell:
        response = answer(found, text, index, sampling, seed, tell)
        tell(f"looking for quotes in {found.config.index}")
        style: MarkStyle = "text" if format == "text" else "markdown"
        cited = cite(response, index, min_chars, max_documents, style, all=all)
    if format == "jsonl":
        record = {"prompt": text, "response": response, "policy": found.name, "seed": seed}
        write_record(sys.stdout, record | cited.to_dict())
    else:
        print(cited, end="")
