"""The size of a model, from its config and the shapes of its weights."""

import pytest

from quotetune.models.size import size_of


@pytest.mark.parametrize(
    ("experts", "width"),
    [
        # DeepSeek-V3: its first layers are dense, and as wide as the experts of a token together.
        ({"moe_intermediate_size": 2048, "num_experts_per_tok": 8, "n_shared_experts": 1}, 18432),
        # Qwen1.5-MoE-A2.7B: four experts, and a shared one that is as wide as four.
        (
            {
                "moe_intermediate_size": 1408,
                "num_experts_per_tok": 4,
                "shared_expert_intermediate_size": 5632,
            },
            11264,
        ),
        # Mixtral 8x7B: the key of the dense width has that of an expert.
        ({"intermediate_size": 14336, "num_experts_per_tok": 2}, 28672),
    ],
)
def test_a_token_passes_its_experts_and_those_that_all_tokens_share(
    experts: dict[str, int], width: int
) -> None:
    settings = {"num_attention_heads": 8, "hidden_size": 64, "num_hidden_layers": 2}
    assert size_of({"vocab_size": 16, **settings, **experts}, {}, 0).inner == width
