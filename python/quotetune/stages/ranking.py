"""The stages from samples to pairs: references, scores, measures, the judge, pairs.

A config has only the stages that it needs; plain Quote-Tuning scores and pairs. A run does those
that are not done yet, one by one. `quotetune pair` does the whole list at once.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quotetune.metrics.criteria import CRITERIA
from quotetune.pairing.candidates import SCORES, VALUES, VERDICTS, CandidateFiles
from quotetune.pairing.ranking_config import RankingConfig
from quotetune.runs.directory import round_name
from quotetune.runs.layout import BASE, Layout, flat, model_input
from quotetune.runs.stage import Stage
from quotetune.runtime.console import progress, say

if TYPE_CHECKING:
    from quotetune.prompts.prompt import Prompt


def stages(layout: Layout, number: int) -> list[Stage]:
    """Return the stages between the sampling and the training of a round, in order."""
    prompts = layout.round_prompts(number)
    root = layout.round(number)
    config = RankingConfig.of_run(layout.config)
    return _stages(config, round_name(number), root, prompts, layout.measured(root))


def heldout_stages(layout: Layout) -> list[Stage]:
    """Return the stages that make pairs from the base model's responses to held-out prompts."""
    root = layout.evaluation(BASE)
    guided = layout.config.evaluation_sampling.guide is not None
    samples = layout.unguided(BASE) if guided else layout.measured(root)
    config = replace(RankingConfig.of_run(layout.config), seed=layout.config.evaluation_seed)
    *before, pair = _stages(config, f"evaluation/{BASE}", root, layout.heldout, samples)

    def make(result: Path) -> None:
        from quotetune.pairing.run import NoPairsError

        # A handful of held-out prompts may give no pair. That is a result, not a failure.
        with suppress(NoPairsError):
            pair.make(result)

    return [*before, replace(pair, make=make)]


def _stages(
    config: RankingConfig, name: str, root: Path, prompts: Path, samples: Path
) -> list[Stage]:
    def load() -> "dict[str, Prompt]":
        from quotetune.prompts.prompt import load_prompts

        return {prompt.id: prompt for prompt in load_prompts(prompts)}

    ranking = RankingStages(
        config,
        prefix=f"{name}/",
        samples=samples,
        root=root,
        scores=root / "scores",
        prompts=prompts,
        load_prompts=load,
    )
    return [*ranking.before_pairing(), ranking.pair()]


@dataclass(frozen=True)
class RankingStages:
    """Makes the stages that rank samples.

    Attributes:
        config: How they are ranked and paired.
        prefix: The start of the stages' names.
        samples: The directory of the samples' parts.
        root: The directory of all results except the scores.
        scores: The directory of the scores.
        prompts: The file of the prompts.
        load_prompts: Returns the prompts by their ids.
    """

    config: RankingConfig
    prefix: str
    samples: Path
    root: Path
    scores: Path
    prompts: Path
    load_prompts: "Callable[[], Mapping[str, Prompt]]"

    def before_pairing(self) -> list[Stage]:
        """Return the stages whose results the pairs are made from, in order."""
        stages = [self.gold()] if self.config.candidates.gold else []
        stages.append(self.score())
        stages += [self.measure(name) for name in self.config.measures]
        if self.config.preference is not None and self.config.preference.judge is not None:
            stages.append(self.judge())
        return stages

    @property
    def files(self) -> CandidateFiles:
        """The files of the candidates, and those of the results of these stages."""
        judge = self.config.preference and self.config.preference.judge
        return CandidateFiles(
            samples=self.samples,
            scores=self.scores / SCORES,
            gold=self.root / "gold" if self.config.candidates.gold else None,
            measures={
                name: self.root / "measures" / name / VALUES for name in self.config.measures
            },
            verdicts=self.root / "judge" / VERDICTS if judge else None,
        )

    @property
    def _inputs(self) -> dict[str, Path]:
        files = self.files
        gold = {} if files.gold is None else {"the references": files.gold}
        return {"the samples": files.samples, **gold}

    def gold(self) -> Stage:
        """Write the references in the form of samples."""
        config = self.config
        assert config.model is not None
        model = config.model

        def make(result: Path) -> None:
            from quotetune.pairing.gold import write_gold

            write_gold(
                list(self.load_prompts().values()),
                self.samples,
                result,
                model=model,
                max_tokens=config.max_tokens,
            )

        settings = {
            **flat("model", config.model.model_dump(include={"path", "revision", "reasoning"})),
            "sampling.max_tokens": config.max_tokens,
        }
        inputs = {
            "its prompts": self.prompts,
            "the samples": self.samples,
            **model_input("model.path", config.model),
        }
        return Stage(f"{self.prefix}gold", self.root / "gold", settings, inputs, make)

    def score(self) -> Stage:
        """Score the candidates."""
        files = self.files
        name = f"{self.prefix}score"

        def make(result: Path) -> None:
            from quotetune.pairing.scoring import score_samples

            with progress(name, "responses") as report:
                score_samples(files.samples, self.config.index, result, report, gold=files.gold)

        inputs = {"index": self.config.index, **self._inputs}
        return Stage(name, self.scores, {}, inputs, make)

    def measure(self, measure: str) -> Stage:
        """Measure the candidates for one criterion or constraint."""
        config = self.config
        files = self.files
        reads = CRITERIA[measure].reads
        name = f"{self.prefix}{measure}"

        def make(result: Path) -> None:
            from quotetune.pairing.measuring import measure_of, write_measure

            with progress(name, "responses") as report:
                write_measure(
                    files.samples,
                    files.gold,
                    result,
                    measure_of(measure, config, result.with_name("work")),
                    prompts=self.load_prompts() if "prompts" in reads else {},
                    at_once="model" in reads,
                    progress=report,
                )

        settings: dict[str, Any] = {}
        inputs = self._inputs
        if "index" in reads:
            inputs["index"] = config.index
        if "prompts" in reads:
            inputs["its prompts"] = self.prompts
        if measure == "long_quotes":
            settings["preference.long_quotes.min_chars"] = config.min_chars
        model = config.model_of(measure)
        if model is not None:
            settings |= flat(f"{measure}.model", model.model_dump())
            inputs |= model_input(f"{measure}.model", model)
        return Stage(name, self.root / "measures" / measure, settings, inputs, make)

    def judge(self) -> Stage:
        """Let the judge compare the candidates."""
        config = self.config
        assert config.preference is not None and config.preference.judge is not None
        judge = config.preference.judge
        name = f"{self.prefix}judge"
        files = self.files

        def make(result: Path) -> None:
            from quotetune.pairing.judging import run_judge

            with progress(name, "parts") as report:
                run_judge(
                    CandidateFiles(files.samples, files.scores, files.gold),
                    self.load_prompts(),
                    result,
                    judge,
                    places=config.places,
                    seed=config.seed,
                    progress=lambda now: report(now.done, now.parts, now.note),
                )

        settings = flat("preference.judge", judge.model_dump(exclude={"weight", "comparisons"}))
        if judge.comparisons is not None:
            settings["preference.judge.comparisons"] = judge.comparisons
        settings["seed"] = config.seed
        inputs = {
            "its prompts": self.prompts,
            **self._inputs,
            "the scores": files.scores,
            **model_input("preference.judge.model.path", judge.model),
        }
        return Stage(name, self.root / "judge", settings, inputs, make)

    def pair(self) -> Stage:
        """Make the pairs."""
        config = self.config
        files = self.files
        own = {} if config.preference is None else config.preference.callables

        def make(result: Path) -> None:
            from quotetune.pairing.run import pair_samples
            from quotetune.pairing.statistics import statistics_lines

            statistics = pair_samples(
                files,
                result,
                config.pairs,
                seed=config.seed,
                preference=config.preference,
                prompts=self.load_prompts() if own else None,
            )
            for line in statistics_lines(statistics):
                say(f"  {line}")

        settings = _given("pairs", config.pairs.model_dump(exclude={"citations"}))
        settings["pairs.pairs_per_prompt"] = config.pairs.most_pairs
        if config.pairs.rule == "random_partner" and config.pairs.most_pairs != 1:
            # Earlier versions drew one partner per response, so they made other pairs.
            settings["pairs.rule"] = "random_partner, several per response"
        if config.preference is not None:
            judge = {"judge": {"model", "comparisons", "format", "template", "sampling"}}
            settings |= _given("preference", config.preference.model_dump(exclude=judge))
        negatives = config.pairs.negatives
        crosses = negatives and (negatives.cross_prompt or negatives.best_of_other_prompts)
        if negatives is not None:
            # The name under which earlier versions have it, so that their pairs stay done.
            count = settings.pop("pairs.negatives.best_of_other_prompts")
            settings["pairs.negatives.cross_prompt"] = count
        if config.pairs.rule == "random_partner" or crosses:
            settings["seed"] = config.seed
        inputs = {**self._inputs, "the scores": files.scores}
        inputs |= {f"the {name}": path for name, path in files.measures.items()}
        if files.verdicts is not None:
            inputs["the judge's verdicts"] = files.verdicts
        if own:
            inputs["its prompts"] = self.prompts
            inputs |= _sources({name: one.function for name, one in own.items()})
        return Stage(f"{self.prefix}pair", self.root / "pairs", settings, inputs, make)


def _sources(functions: Mapping[str, str]) -> dict[str, Path]:
    """Return the files of the user's functions, because a changed one makes other pairs."""
    from quotetune.pairing.own_preference import source_file

    files = {name: source_file(function) for name, function in functions.items()}
    return {
        f"preference.callables.{name}.function": file
        for name, file in files.items()
        if file is not None
    }


def _given(name: str, block: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys that are not null, of a block and of the blocks inside it."""
    given: dict[str, Any] = {}
    for key, value in block.items():
        if isinstance(value, Mapping):
            given |= _given(f"{name}.{key}", value)
        elif value is not None:
            given[f"{name}.{key}"] = value
    return given
