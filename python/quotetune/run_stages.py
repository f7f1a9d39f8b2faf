"""The stages of a run: which there are, what each reads, and what each does.

A stage's settings are the keys of the config that it reads. Changing others leaves it done.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quotetune.config import Config, SamplingConfig
from quotetune.console import progress, say
from quotetune.errors import UsageError
from quotetune.stage import Stage
from quotetune.whole_files import write_json

if TYPE_CHECKING:
    from quotetune.training import TrainingProgress

# Keys of `dpo` that change what is logged or how often is saved, not what is learned.
_DPO_KEYS_WITHOUT_EFFECT = {
    "log_level",
    "logging_first_step",
    "logging_steps",
    "logging_strategy",
    "project",
    "report_to",
    "run_name",
    "save_steps",
    "save_strategy",
    "save_total_limit",
    "trackio_space_id",
}
EVALUATION_ROUND = 0  # in the seeds; training rounds count from 1


@dataclass(frozen=True)
class RunStages:
    """Makes the stages of a config's run."""

    config: Config

    def all(self) -> list[Stage]:
        """Return the stages in the order in which they are done."""
        stages = [self.prompts()]
        for number in range(1, self.config.rounds + 1):
            stages += [self.sample(number), self.score(number), self.pair(number)]
            stages.append(self.train(number))
            if number == 1:
                stages += [self.evaluation_sample("base"), self.evaluation_metrics("base")]
            name = f"round-{number}"
            stages += [self.evaluation_sample(name), self.evaluation_metrics(name)]
        return stages

    def _round(self, number: int) -> Path:
        return self.config.run / f"round-{number}"

    def _policy(self, number: int) -> Path | None:
        """Return the policy after a round; 0 is the base model."""
        return self._round(number) / "adapter" if number else None

    def _model_inputs(self) -> dict[str, Path]:
        """A model's directory is an input; a name on the Hub is only a setting."""
        path = Path(self.config.model.path)
        return {"model.path": path} if path.exists() else {}

    def _policy_inputs(self, number: int) -> dict[str, Path]:
        policy = self._policy(number)
        return self._model_inputs() | ({} if policy is None else {"the adapter": policy})

    @property
    def heldout(self) -> Path:
        """The held-out prompts."""
        return self.config.run / "prompts" / "heldout.parquet"

    def prompts(self) -> Stage:
        """Split the prompts."""
        config = self.config
        settings = _flat("prompts", config.prompts.model_dump(exclude={"path"}))
        settings["rounds"] = config.rounds
        inputs = {"prompts.path": config.prompts.path}
        if config.prompts.prefix_tokens is not None:
            settings["sampling.max_tokens"] = config.sampling.max_tokens
            settings |= _flat("model", config.model.model_dump(include={"path", "revision"}))
            inputs |= self._model_inputs()

        def make(result: Path) -> None:
            from quotetune.prompt_split import split_file

            split_file(config, result)

        return Stage("prompts", config.run / "prompts", settings, inputs, make)

    def sample(self, number: int) -> Stage:
        """Sample the training prompts of a round from the policy of the round before."""
        return self._sampling_stage(
            f"round-{number}/sample",
            self._round(number) / "samples",
            self.config.run / "prompts" / f"round-{number}.parquet",
            self.config.sampling,
            policy=number - 1,
            seed_round=number,
        )

    def evaluation_sample(self, name: str) -> Stage:
        """Sample the held-out prompts from a policy, with the same seeds whichever it is."""
        sampling = self.config.evaluation_sampling
        number = 0 if name == "base" else int(name.removeprefix("round-"))
        if number == 0:
            n = max(sampling.n, self.config.evaluation.best_of_n or 1)
            sampling = sampling.model_copy(update={"n": n})
        return self._sampling_stage(
            f"evaluation/{name}/sample",
            self.config.run / "evaluation" / name / "samples",
            self.heldout,
            sampling,
            policy=number,
            seed_round=EVALUATION_ROUND,
        )

    def _sampling_stage(
        self,
        name: str,
        directory: Path,
        prompts: Path,
        sampling: SamplingConfig,
        *,
        policy: int,
        seed_round: int,
    ) -> Stage:
        config = self.config
        settings = {
            **_flat("model", config.model.model_dump()),
            **_flat("sampling", sampling.model_dump() | {"backend": _backend(sampling)}),
            "seed": config.seed,
        }

        def make(result: Path) -> None:
            from quotetune.prompts import load_prompts
            from quotetune.sampling import run_sampling

            loaded = load_prompts(prompts)
            with progress(name, "parts") as report:
                run_sampling(
                    loaded,
                    result,
                    model=config.model,
                    sampling=sampling,
                    adapter=self._policy(policy),
                    seed=config.seed,
                    round=seed_round,
                    progress=lambda now: report(
                        now.done, now.parts, f"{now.tokens_per_second:.0f} tokens/s"
                    ),
                )

        inputs = {"its prompts": prompts, **self._policy_inputs(policy)}
        return Stage(name, directory, settings, inputs, make)

    def score(self, number: int) -> Stage:
        """Score the samples of a round."""
        config = self.config
        samples = self._round(number) / "samples"
        name = f"round-{number}/score"

        def make(result: Path) -> None:
            from quotetune.scoring import score_samples

            with progress(name, "responses") as report:
                score_samples(samples, config.index, result, report)

        inputs = {"index": config.index, "the samples": samples}
        return Stage(name, self._round(number) / "scores", {}, inputs, make)

    def pair(self, number: int) -> Stage:
        """Make the pairs of a round."""
        config = self.config
        samples = self._round(number) / "samples"
        scores = self._round(number) / "scores" / "scores.parquet"

        def make(result: Path) -> None:
            from quotetune.pairing import pair_samples, statistics_lines

            statistics = pair_samples(samples, scores, result, config.pairs, seed=config.seed)
            for line in statistics_lines(statistics):
                say(f"  {line}")

        settings = _flat("pairs", config.pairs.model_dump())
        if config.pairs.rule == "random_partner":
            settings["seed"] = config.seed
        inputs = {"the samples": samples, "the scores": scores}
        directory = self._round(number) / "pairs"
        return Stage(f"round-{number}/pair", directory, settings, inputs, make)

    def train(self, number: int) -> Stage:
        """Train on the pairs of a round."""
        config = self.config
        pairs = self._round(number) / "pairs" / "pairs.parquet"
        name = f"round-{number}/train"

        def make(result: Path) -> None:
            from quotetune.training import run_training

            with progress(name, "steps") as report:
                run_training(
                    pairs,
                    result,
                    work=self._round(number) / "training",
                    model=config.model,
                    adapter=self._policy(number - 1),
                    reference=config.reference,
                    lora=config.lora,
                    dpo=config.dpo,
                    seed=config.seed,
                    launch=config.launch,
                    progress=lambda now: report(now.done, now.steps, _losses(now)),
                    notice=lambda text: say(f"  {text}"),
                )

        settings: dict[str, Any] = {
            **_flat("model", config.model.model_dump()),
            **({"lora": None} if config.lora is None else _flat("lora", config.lora)),
            **_flat(
                "dpo",
                {k: v for k, v in config.dpo.items() if k not in _DPO_KEYS_WITHOUT_EFFECT},
            ),
            "seed": config.seed,
        }
        if number > 1:
            settings["reference"] = config.reference
        inputs = {"the pairs": pairs, **self._policy_inputs(number - 1)}
        if config.launch is not None:  # the number of processes scales the batch
            inputs["launch"] = config.launch
        return Stage(name, self._round(number) / "adapter", settings, inputs, make)

    def evaluation_metrics(self, name: str) -> Stage:
        """Compute the metrics of a policy's responses."""
        config = self.config
        directory = config.run / "evaluation" / name
        samples = directory / "samples"
        best_of_n = config.evaluation.best_of_n if name == "base" else None
        n = config.evaluation_sampling.n

        def make(result: Path) -> None:
            from quotetune.evaluating import evaluate_samples
            from quotetune.prompts import load_prompts

            prompts = load_prompts(self.heldout)
            metrics = evaluate_samples(prompts, samples, config.index, n=n, best_of_n=best_of_n)
            result.mkdir(exist_ok=True)
            write_json(result / "metrics.json", metrics)

        settings = {"evaluation.sampling.n": n, "evaluation.best_of_n": best_of_n}
        inputs = {
            "the held-out prompts": self.heldout,
            "index": config.index,
            "the samples": samples,
        }
        return Stage(f"evaluation/{name}/metrics", directory / "metrics", settings, inputs, make)


def _flat(name: str, block: dict[str, Any]) -> dict[str, Any]:
    """Return a block's keys as they are written with `--set`."""
    return {f"{name}.{key}": value for key, value in block.items()}


def _losses(now: "TrainingProgress") -> str:
    if now.loss is None:
        return ""
    return f"loss {now.loss:.3f}, margin {now.margin:.2f}, accuracy {now.accuracy:.2f}"


def _backend(sampling: SamplingConfig) -> str:
    """Name the backend that samples: what `auto` takes depends on the machine."""
    from quotetune.sampling.run import choose_backend

    try:
        return choose_backend(sampling.backend)
    except UsageError:  # the plan of a run is also shown where it cannot be done
        return sampling.backend
