"""The reward of configs/grpo-quip.yaml; `trl grpo` imports it by its dotted path."""

from quotetune import QuipReward

# Responses of 96 tokens have about 450 characters: less than 200 is too short, 600 too long.
quip_reward = QuipReward("data/demo/index", min_chars=200, max_chars=600)
