"""A guide that the index cannot give is refused before any work, exactly where decoding fails."""

from pathlib import Path
from typing import Any

import pytest

from quotetune import UsageError, build_index
from quotetune.config import Config, GuideConfig
from quotetune.decoding.guidance import Guidance
from quotetune.pipeline.preflight import check_inputs
from tiny_model import tiny_tokenizer


@pytest.mark.parametrize("structures", [["bloom", "suffix"], ["bloom", "lean"]])
@pytest.mark.parametrize(
    "guide", [{}, {"max_chars": 9}, {"mode": "never", "max_chars": 9}, {"mode": "verbatim"}]
)
def test_a_guide_is_refused_where_decoding_cannot_start(
    content: dict[str, Any], tmp_path: Path, structures: list[str], guide: dict[str, Any]
) -> None:
    build_index(["The number of the text is large."], tmp_path / "index", structures=structures)
    inputs = {**content, "index": str(tmp_path / "index")}
    inputs["sampling"] = {**content["sampling"], "guide": guide}
    problems = check_inputs(Config.model_validate(inputs))
    tokenizer = tiny_tokenizer()
    try:
        guidance = Guidance(
            tmp_path / "index", tokenizer, GuideConfig(**guide), [tokenizer.eos_token_id]
        )
        rule = guidance.response(strength=1.0).rule
        if rule is not None:
            rule.take(tokenizer('"')["input_ids"][-1])
            rule.passes([5], None)
        fails = False
    except UsageError:
        fails = True
    assert [problem.key.startswith("sampling.guide.") for problem in problems] == [True] * fails
