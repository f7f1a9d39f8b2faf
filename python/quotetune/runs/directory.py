"""The places of the files in a run's directory that do not depend on its config."""

from pathlib import Path

from quotetune.metrics.row_names import RESPONSES
from quotetune.prompts.split import DEV, HELDOUT, round_file
from quotetune.runtime.clock import CLOCK_NAME

BEST = "best"
METRICS = "metrics.json"  # of each evaluation, and of the whole run
ROUND = "round-"  # and the number: the policy that a round trained, and its directory
LOOKS = "heldout.jsonl"
PAIRS = "pairs.parquet"
PAIR_STATISTICS = "pairs.json"


def round_name(number: int) -> str:
    """Name a round, its directory, and the policy that it trains.

    Example:
        >>> round_name(2)
        'round-2'
    """
    return f"{ROUND}{number}"


def on_dev(policy: str) -> str:
    """Name the evaluation of a policy on the development prompts.

    Example:
        >>> on_dev("round-2")
        'round-2/dev'
    """
    return f"{policy}/dev"


class RunDirectory:
    """The places of the files of a run.

    Args:
        run: The run's directory.
    """

    def __init__(self, run: Path) -> None:
        self.run = run

    @property
    def config_file(self) -> Path:
        """The config of the run, as it was last run."""
        return self.run / "config.yaml"

    @property
    def clock_file(self) -> Path:
        """The time that chat templates read in this run."""
        return self.run / CLOCK_NAME

    @property
    def metrics_file(self) -> Path:
        """The metrics of all evaluations."""
        return self.run / METRICS

    @property
    def curves_file(self) -> Path:
        """The curves of the policies that are evaluated."""
        return self.run / "curves.json"

    @property
    def best(self) -> Path:
        """The link to the best policy."""
        return self.run / BEST

    @property
    def prompts(self) -> Path:
        """The directory of all prompts."""
        return self.run / "prompts"

    @property
    def heldout(self) -> Path:
        """The held-out prompts."""
        return self.prompts / HELDOUT

    @property
    def dev(self) -> Path:
        """The development prompts; not every run has some."""
        return self.prompts / DEV

    @property
    def looks_file(self) -> Path:
        """The record of all evaluations on the held-out prompts."""
        return self.run / LOOKS

    def round_prompts(self, number: int) -> Path:
        """Return the file of the prompts that a round samples."""
        return self.prompts / round_file(number)

    def round(self, number: int) -> Path:
        """Return the directory of a round."""
        return self.run / round_name(number)

    def pair_statistics(self, number: int) -> Path:
        """Return the file of the statistics of a round's pairs."""
        return self.round(number) / "pairs" / PAIR_STATISTICS

    def replay(self, number: int) -> Path:
        """Return the directory of a round's pairs mixed with those of earlier rounds."""
        return self.round(number) / "replay"

    def trained(self, policy: str) -> Path:
        """Return the directory that training writes: an adapter, or a whole model."""
        return self.run / policy / "adapter"

    def all_trained(self) -> dict[str, Path]:
        """Return the directories that training wrote, by the name of the policy."""
        return {path.parent.name: path for path in sorted(self.run.glob("*/adapter"))}

    def evaluation(self, name: str) -> Path:
        """Return the directory of the evaluation of a policy, or of a baseline."""
        return self.run / "evaluation" / name

    def metrics_directory(self, name: str) -> Path:
        """Return the directory of an evaluation's metrics, with the numbers of each response."""
        return self.evaluation(name) / "metrics"

    def metrics(self, name: str) -> Path:
        """Return the file of an evaluation's metrics."""
        return self.metrics_directory(name) / METRICS

    def row(self, evaluation: str, row: str = RESPONSES) -> Path:
        """Return the file of what an evaluation measured on each response of a row."""
        return self.metrics_directory(evaluation) / f"{row}.parquet"

    def drift(self, name: str) -> Path:
        """Return the file of a policy's distance from the base model."""
        return self.evaluation(name) / "drift" / "drift.json"

    def reward_accuracy(self, name: str) -> Path:
        """Return the file of a policy's reward accuracy on held-out pairs."""
        return self.evaluation(name) / "reward_accuracy" / "reward_accuracy.json"

    def lm_eval(self, name: str) -> Path:
        """Return the results of benchmarks of general ability."""
        return self.evaluation(name) / "lm_eval" / "lm_eval.json"

    def citations(self, name: str) -> Path:
        """Return the measures of the ids that a policy cites."""
        return self.evaluation(name) / "citations" / "citations.json"
