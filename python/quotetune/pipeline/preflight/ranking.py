"""Check that prompts, index and the user's code have what the ranking of candidates needs."""

import importlib.util
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from quotetune.config import Config, PromptsConfig
from quotetune.config.preference import PreferenceConfig
from quotetune.config.problem import Problem
from quotetune.errors import QuotetuneError, UsageError
from quotetune.metrics.criteria import CRITERIA
from quotetune.metrics.table import ON_DEMAND, metric_named
from quotetune.pairing.ranking_config import RankingConfig

if TYPE_CHECKING:
    from quotetune.corpus.index import Index
    from quotetune.prompts.prompt import Prompt
    from quotetune.prompts.reading import SourcePrompt
    from quotetune.prompts.split import Split

# A document that a prompt will have: retrieval, which happens later, gives each prompt some.
_LATER = ("", "")
_WORDS = {
    "documents": "documents",
    "passages": "passages",
    "reference": "a reference",
    "answers": "answers",
}


def callable_problems(preference: PreferenceConfig | None) -> list[Problem]:
    """Import the user's own preferences.

    Args:
        preference: The preference, if there is one.

    Returns:
        A problem for each that cannot be imported.
    """
    from quotetune.pairing.own_preference import load_preference

    problems = []
    for name, own in {} if preference is None else preference.callables.items():
        try:
            load_preference(name, own.function)
        except UsageError as error:
            key, _, text = str(error).partition(": ")
            problems.append(Problem(key, text))
    return problems


def preference_input_problems(
    config: Config, sources: Sequence["SourcePrompt"] | None, index: "Index | None"
) -> list[Problem]:
    """Check all that a config's preference, candidates and constraints need.

    Args:
        config: The config.
        sources: The prompts; None if they cannot be read.
        index: The index; None if it cannot be used.

    Returns:
        The problems.
    """
    ranking = RankingConfig.of_run(config)
    problems = callable_problems(config.preference)
    prompts: list[Prompt] = []
    if sources is not None and ranking.needs_prompts:
        prompts = [source.prompt for source in sources]
        if config.prompts.prefix_tokens is not None:  # what follows the prefix is the reference
            prompts = [replace(prompt, reference=prompt.reference or "...") for prompt in prompts]
        context = config.prompts.context
        if context is not None and context.brings_documents:
            prompts = [replace(prompt, documents=[]) for prompt in prompts]
            problems += need_problems(ranking, [replace(p, documents=[_LATER]) for p in prompts])
        else:
            problems += need_problems(ranking, prompts)
    if index is not None:
        problems += index_problems(ranking, index, prompts)
    return problems


def need_problems(ranking: RankingConfig, prompts: Sequence["Prompt"]) -> list[Problem]:
    """Check that prompts have what criteria, constraints and candidates need.

    Only some prompts may have it: the responses to the others are equal by that criterion.

    Args:
        ranking: The criteria, constraints and candidates.
        prompts: The prompts.

    Returns:
        A problem for each need that no prompt meets, and for a package that is not installed.
    """
    scored = {} if ranking.preference is None else ranking.preference.scored
    needs = {f"preference.{name}": CRITERIA[name].needs for name in scored}
    constraints = ranking.pairs.constraints
    if constraints is not None:
        for name, bound in constraints:
            if bound is not None:
                needs[f"pairs.constraints.{name}"] = CRITERIA[name].needs
    if ranking.candidates.gold:
        needs["candidates.gold"] = "reference"
    problems = []
    for key, need in needs.items():
        if need is not None and not any(getattr(prompt, need) for prompt in prompts):
            text = f"no prompt has {_WORDS[need]}: give the prompts {_WORDS[need]}, or leave it out"
            problems.append(Problem(key, text))
    if "reference_similarity" in ranking.measures and not importlib.util.find_spec("rouge_score"):
        text = "needs rouge-score: install quotetune[train]"
        problems.append(Problem(_key_of("reference_similarity", ranking), text))
    return problems


def measured_problems(config: Config, split: "Split | None") -> list[Problem]:
    """Check that held-out and development prompts have what the metrics that the config names need.

    Args:
        config: The config.
        split: The prompts; None if they cannot be read.
    """
    prompts, evaluation = config.prompts, config.evaluation
    if split is None:
        return []
    named = {"best.criterion": (config.best.criterion, "choose another")}
    for name in ON_DEMAND:
        if getattr(evaluation, name) is not None:
            named[f"evaluation.{name}"] = (name, "leave it out")
    sides = {"held-out": split.heldout}
    if split.dev:
        sides["development"] = split.dev
    problems = []
    for key, (name, remedy) in named.items():
        need = metric_named(name).needs
        for side, asked in sides.items():
            if need is not None and not _has(need, asked, prompts):
                text = f"{name} needs {_WORDS[need]}, which no {side} prompt has"
                text += f": give the prompts {_WORDS[need]}, or {remedy}"
                problems.append(Problem(key, text))
    return problems


def _has(need: str, asked: Sequence["Prompt"], prompts: PromptsConfig) -> bool:
    """Tell whether a prompt has what a metric needs, or will get it before it is asked."""
    if need == "reference" and prompts.prefix_tokens is not None:
        return True
    if need == "passages" and prompts.context is not None:
        return True
    if need == "documents" and prompts.context is not None and prompts.context.brings_documents:
        return True
    return any(getattr(prompt, need) for prompt in asked)


def index_problems(
    ranking: RankingConfig, index: "Index", prompts: Sequence["Prompt"]
) -> list[Problem]:
    """Check that an index can answer the questions of the criteria.

    Args:
        ranking: The criteria.
        index: The index, which has a suffix index.
        prompts: The prompts.

    Returns:
        A problem if the index does not contain a document of the prompts, and one if quotes are
        too short for a lean index.
    """
    problems = []
    if "on_topic_quip" in ranking.measures:
        documents = {name for prompt in prompts for name in prompt.documents or []}
        try:
            index.quip([""], documents=[sorted(documents)])
        except QuotetuneError as error:
            text = f"{error}: correct the documents of the prompts, or add it to the index"
            problems.append(Problem(_key_of("on_topic_quip", ranking), text))
    if "long_quotes" in ranking.measures:
        least = min(ranking.min_chars)
        if least < index.n and "lean" in index.structures:
            text = f"is {least}, but a lean index finds quotes of {index.n} characters or more"
            problems.append(Problem("preference.long_quotes.min_chars", f"{text}: raise it"))
    return problems


def _key_of(name: str, ranking: RankingConfig) -> str:
    """Return the key that asks for a measure, of a criterion or else of a constraint."""
    scored = {} if ranking.preference is None else ranking.preference.scored
    return f"{'preference' if name in scored else 'pairs.constraints'}.{name}"
