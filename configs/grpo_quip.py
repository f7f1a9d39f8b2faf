"""The reward of configs/grpo-quip.yaml; `trl grpo` imports it by its dotted path."""

from quotetune import QuipReward

# A response of 96 tokens has about 450 characters. Below 200 it is too short, above 600 too long.
quip_reward = QuipReward("data/demo/index", min_chars=200, max_chars=600)
