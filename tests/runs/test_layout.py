"""The places that other rooms read are those that the stages make."""

from quotetune.config import Config
from quotetune.runs.layout import Layout
from quotetune.stages import all_stages


def test_every_place_that_is_read_is_the_directory_of_a_stage(tmp_path):
    config = Config.model_validate(
        {
            "run": tmp_path / "run",
            "index": "i",
            "model": {"path": "m"},
            "prompts": {"path": "p"},
            "rounds": 2,
            "replay": [0.5],
            "absorb": {},
            "drift": {},
            "pairs": {"citations": {"most": 2}},
            "evaluation": {"reward_accuracy": True, "lm_eval": {"tasks": ["x"]}},
        }
    )
    layout = Layout(config)
    made = {stage.name: stage.directory for stage in all_stages(config)}
    read = {
        "prompts": layout.heldout.parent,
        "absorb/train": layout.trained("absorbed"),
        "round-1/pair": layout.pair_statistics(1).parent,
        "round-1/cite": layout.pairs(1).parent,
        "round-2/replay": layout.replay(2),
        "round-2/train": layout.adapter("round-2"),
        "evaluation/base/metrics": layout.metrics("base").parent,
        "evaluation/absorbed/drift": layout.drift("absorbed").parent,
        "evaluation/round-1/citations": layout.citations("round-1").parent,
        "evaluation/round-1/reward_accuracy": layout.reward_accuracy("round-1").parent,
        "evaluation/round-2/lm_eval": layout.lm_eval("round-2").parent,
    }
    assert read == {name: made[name] for name in read}
    sampled = next(stage for stage in all_stages(config) if stage.name == "round-2/sample")
    assert sampled.inputs["its prompts"] == layout.round_prompts(2)
