"""Names that pickles and scripts import from here; they are in `quotetune.integrations.rewards`."""

from quotetune.integrations.rewards import QuipReward, QuipScorer

__all__ = ["QuipReward", "QuipScorer"]
