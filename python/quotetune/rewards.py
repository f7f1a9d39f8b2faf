"""The names that pickles and scripts take from here are now in `quotetune.integrations.rewards`."""

from quotetune.integrations.rewards import QuipReward, QuipScorer

__all__ = ["QuipReward", "QuipScorer"]
