"""The config of an evaluation, and the prompts, that the tests of measures share."""

from quotetune.config import Config
from quotetune.prompts.prompt import Prompt

CHAT = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Why?"}]
PROMPTS = [
    Prompt("a", text="The ice ", reference="is dense."),
    Prompt("b", messages=CHAT, reference=None),
]


def run_config(tmp_path, **evaluation):
    return Config.model_validate(
        {
            "run": tmp_path / "run",
            "index": "i",
            "model": {"path": "m"},
            "prompts": {"path": "p"},
            "evaluation": evaluation,
        }
    )
