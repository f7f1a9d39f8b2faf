"""Check that the files a config names are there and can be used."""

import importlib.util
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from quotetune.config import Config, ModelConfig
from quotetune.config.problem import Problem
from quotetune.errors import QuotetuneError, UsageError
from quotetune.pairing.ranking_config import RankingConfig
from quotetune.pipeline.preflight_pairing import further_models, preference_input_problems

if TYPE_CHECKING:
    from quotetune.corpus.index import Index
    from quotetune.prompts.reading import SourcePrompt
    from quotetune.prompts.split import Split


@dataclass(frozen=True)
class Inputs:
    """What a config names, read once.

    Attributes:
        problems: What keeps it from being used; those with `to_provide` are files that are not
            there.
        prompts: The prompts, not cut to their prefix, which would take the tokenizer; None if
            there is a problem with them.
        split: The same in rounds and held out; None as for `prompts`.
    """

    problems: list[Problem]
    prompts: "list[SourcePrompt] | None" = None
    split: "Split | None" = None


def check_inputs(config: Config) -> list[Problem]:
    """Return the problems of `read_inputs`."""
    return read_inputs(config).problems


def read_inputs(config: Config) -> Inputs:
    """Check that what a config names is there and can be used.

    A model's name on the Hub is not looked up here; sampling does so before it starts.

    Args:
        config: A validated config.

    Returns:
        The problems, and the prompts if they have none.
    """
    prompts = Inputs([])
    problems = _model_problems("model.path", config.model) + _measure_problems(config)
    problems += [
        problem
        for key, model in further_models(RankingConfig.of_run(config)).items()
        for problem in _model_problems(key, model)
    ]
    if not config.prompts.path.exists():
        problems.append(
            Problem(
                "prompts.path",
                f"{config.prompts.path} is not there: put your prompts there (JSONL or Parquet with"
                " a column prompt), or correct the path",
                to_provide=True,
            )
        )
    else:
        prompts = _read_prompts(config)
        problems += prompts.problems
    index, index_problems = _open_index(config.index)
    problems += index_problems
    if index is not None and config.pairs.citations is not None:
        problems += _citation_problems(index)
    if config.launch is not None and not config.launch.is_file():
        text = f"{config.launch} is not there: write it with `accelerate config`"
        problems.append(Problem("launch", text, to_provide=True))
    texts = {
        "absorb.replay": None if config.absorb is None else config.absorb.replay,
        "drift.outside": None if config.drift is None else config.drift.outside,
    }
    for key, path in texts.items():
        problems += [] if path is None else _text_problems(key, path)
    problems += _absorb_problems(config, prompts)
    problems += preference_input_problems(config, prompts.prompts, index)
    return replace(prompts, problems=problems)


def _absorb_problems(config: Config, prompts: Inputs) -> list[Problem]:
    """Check that prompts have the documents that are to be absorbed."""
    if config.absorb is None or config.absorb.documents == "all" or prompts.prompts is None:
        return []
    context = config.prompts.context
    later = context is not None and context.brings_documents
    if later or any(one.prompt.documents for one in prompts.prompts):
        return []
    text = "no prompt has documents: give the prompts documents, or set it to all"
    return [Problem("absorb.documents", text)]


def _text_problems(key: str, path: Path) -> list[Problem]:
    from quotetune.prompts.general_text import read_general_texts

    if not path.exists():
        text = f"{path} is not there: put the text there, or correct the path"
        return [Problem(key, text, to_provide=True)]
    try:
        read_general_texts(path)
    except UsageError as error:
        return [Problem(key, str(error))]
    return []


def _measure_problems(config: Config) -> list[Problem]:
    """Check the models and packages of what is measured beside QUIP."""
    evaluation = config.evaluation
    problems = []
    for name in ("perplexity", "bart_score"):
        model = getattr(evaluation, name)
        if isinstance(model, ModelConfig):
            problems += _model_problems(f"evaluation.{name}.path", model)
    if evaluation.mauve is not None:
        problems += _package_problems("evaluation.mauve", "mauve", "mauve-text", "measures")
        featurizer = ModelConfig(path=evaluation.mauve.featurizer)
        problems += _model_problems("evaluation.mauve.featurizer", featurizer)
    if evaluation.lm_eval is not None:
        problems += _package_problems("evaluation.lm_eval", "lm_eval", "lm-eval", "lm-eval")
        tasks = evaluation.lm_eval.include_path
        if tasks is not None and not tasks.is_dir():
            key = "evaluation.lm_eval.include_path"
            text = f"{tasks} is not there: put a directory of task files there, or leave it out"
            problems.append(Problem(key, text, to_provide=True))
    return problems


def _package_problems(key: str, module: str, package: str, extra: str) -> list[Problem]:
    if importlib.util.find_spec(module) is not None:
        return []
    text = f"{package} is not installed: install quotetune[{extra}], or leave {key} out"
    return [Problem(key, text, to_provide=True)]


def _model_problems(key: str, model: ModelConfig) -> list[Problem]:
    directory = Path(model.path)
    if directory.is_dir():
        if (directory / "config.json").exists():
            return []
        text = f"{model.path} has no config.json, so it holds no model: correct the path"
        return [Problem(key, text)]
    if re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?", model.path, re.ASCII) and not directory.exists():
        return []  # a name on the Hub
    text = f"{model.path} is not there: put a model's directory there, or correct the path"
    return [Problem(key, text, to_provide=not directory.exists())]


def _read_prompts(config: Config) -> Inputs:
    from quotetune.prompts.grounding import check_passages
    from quotetune.prompts.reading import read_prompts
    from quotetune.prompts.split import split_prompts

    try:
        prompts = read_prompts(config.prompts.path, config.prompts)
        split = split_prompts(prompts, config.prompts, config.rounds)
        if config.prompts.context is not None:
            for part in (split.heldout, *split.rounds):
                check_passages(part, config.prompts.context)
    except UsageError as error:
        return Inputs([Problem("prompts.path", str(error))])
    return Inputs([], prompts, split)


def _open_index(path: Path) -> tuple["Index | None", list[Problem]]:
    """Open the index if it can answer what a run asks; else say what is wrong with it."""
    from quotetune.corpus.index import Index

    if not path.exists():
        text = (
            f"{path} is not there: build it with `quotetune build-index CORPUS -o {path}`, or"
            " correct the path"
        )
        return None, [Problem("index", text, to_provide=True)]
    try:
        index = Index.open(path)
    except QuotetuneError as error:
        return None, [Problem("index", str(error))]
    if not index.has_suffix_index:
        text = (
            f"{path} has no suffix index, which finds quotes: build it again with both structures"
        )
        return None, [Problem("index", text)]
    return index, []


def _citation_problems(index: "Index") -> list[Problem]:
    from quotetune.citations.form import is_citable

    if any(is_citable(document.id) for document in index.documents()):
        return []
    text = (
        f"no document of {index.path} has an id without brackets and line breaks: give them such"
        " ids"
    )
    return [Problem("pairs.citations", text)]
