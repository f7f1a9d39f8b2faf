"""What the tests of measures share: a config of an evaluation, and children's work done here."""

import json

from quotetune import general_ability, lm_eval_worker, neural_measures, neural_worker
from quotetune.config import Config
from quotetune.prompts import Prompt

CHAT = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Why?"}]
PROMPTS = [
    Prompt("a", text="The ice ", reference="is dense."),
    Prompt("b", messages=CHAT, reference=None),
]
_WORK = {
    "quotetune.neural_worker": neural_worker.measure,
    "quotetune.lm_eval_worker": lm_eval_worker.evaluate,
}


def without_children(monkeypatch):
    """Do a child's work in this process: starting a child takes longer than all of it."""

    def run(module, job, log, report, *, name):
        _WORK[module](json.loads(job.read_text()), job.parent, report)

    monkeypatch.setattr(neural_measures, "run_child", run)
    monkeypatch.setattr(general_ability, "run_child", run)


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
