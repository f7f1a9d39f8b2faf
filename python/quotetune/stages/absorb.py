"""The stages before the first round: one gathers the documents, the other one learns them."""

from pathlib import Path
from typing import Any

from quotetune.config.absorb import is_whole
from quotetune.runs.layout import ABSORBED, BASE, Layout, flat
from quotetune.runs.stage import Stage
from quotetune.runtime.console import progress, say
from quotetune.runtime.plural import counted
from quotetune.stages.training import learned, named

_TEXTS = "texts.parquet"
_FORM_KEYS = {"documents", "limit", "format", "prompt_share", "ids", "permutations"}


def documents(layout: Layout) -> Stage:
    """Gather the texts that are learned."""
    config = layout.config
    settings = config.absorb
    assert settings is not None
    prompts = layout.prompts

    def make(result: Path) -> None:
        from quotetune.corpus.index import Index
        from quotetune.training.absorb.texts import collect_texts, write_texts

        texts = collect_texts(settings, Index.open(config.index), prompts, seed=config.seed)
        result.mkdir(exist_ok=True)
        written = write_texts(result / _TEXTS, texts)
        say(
            f"  {counted(written.documents, 'document')} in {counted(written.texts, 'text')},"
            f" {counted(written.replayed, 'text')} replayed"
        )

    keys = flat("absorb", settings.model_dump(include=_FORM_KEYS))
    inputs = {"index": config.index, "the prompts": prompts}
    if settings.permutations:
        keys["seed"] = config.seed
    if settings.replay is not None:
        keys["absorb.replay_share"] = settings.replay_share
        inputs["absorb.replay"] = settings.replay
    directory = config.run / ABSORBED / "documents"
    return Stage("absorb/documents", directory, keys, inputs, make)


def train(layout: Layout) -> Stage:
    """Learn the texts."""
    config = layout.config
    settings = config.absorb
    assert settings is not None
    directory = config.run / ABSORBED
    texts = directory / "documents" / _TEXTS
    lora = config.lora if settings.lora == "same" else settings.lora
    assert not isinstance(lora, str)
    merge = lora is not None and is_whole(settings, config.lora)

    def make(result: Path) -> None:
        from quotetune.training.absorb.run import run_absorbing

        with named("absorb/train"), progress("absorb/train", "steps") as report:
            run_absorbing(
                texts,
                result,
                work=directory / "training",
                model=config.model,
                adapter=config.model.adapter,
                lora=lora,
                merge=merge,
                sft=settings.sft,
                seed=config.seed,
                clock=layout.clock_file,
                launch=config.launch,
                processes=config.processes,
                progress=lambda now: report(
                    now.done, now.steps, "" if now.loss is None else f"loss {now.loss:.3f}"
                ),
                notice=lambda text: say(f"  {text}"),
            )

    keys: dict[str, Any] = {
        **flat("model", config.model.model_dump()),
        **({"lora": None} if lora is None else flat("lora", lora)),
        **flat("absorb.sft", learned(settings.sft)),
        "seed": config.seed,
    }
    if merge:
        keys["merged"] = True
    inputs = {"the texts": texts, **layout.policy_inputs(BASE)}
    if isinstance(config.launch, Path):  # its number of processes scales the batch
        inputs["launch"] = config.launch
    return Stage("absorb/train", layout.trained(ABSORBED), keys, inputs, make)
