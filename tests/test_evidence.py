"""The commands under `evidence/`: what they draw, and what stands beside it."""

import random
import re
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from evidence import guide, passages
from evidence.arms import ARMS, BASE
from evidence.draw import Campaign, draw
from evidence.infinity_gram_index import INDEX_VARIABLE, WEIGHT_VARIABLE, build_token_index
from evidence.rows import rows_of

from quotetune import Index
from quotetune.config import Config, SamplingConfig
from quotetune.evaluation.sample_metrics import text_table
from quotetune.prompts.prompt import Prompt
from quotetune.prompts.retrieval import retrieve
from tiny_run import write_inputs

TOKENS = 7


class Letters:
    """A tokenizer whose tokens are the digits."""

    def __len__(self) -> int:
        return TOKENS

    def __call__(self, text: str, add_special_tokens: bool) -> SimpleNamespace:
        return SimpleNamespace(input_ids=[int(digit) for digit in text])


def interpolated(
    corpus: list[list[int]], response: list[int], model: list[float], weight: float
) -> list[float]:
    """The probabilities of the next token, from the definition."""
    for start in range(len(response)):
        suffix = response[start:]
        after = [
            text[i : i + len(suffix) + 1]
            for text in corpus
            for i in range(len(text) - len(suffix) + 1)
            if text[i : i + len(suffix)] == suffix
        ]
        if after:
            counts = Counter(found[-1] for found in after if len(found) > len(suffix))
            if not counts:
                break
            return [
                (1 - weight) * one + weight * counts[token] / counts.total()
                for token, one in enumerate(model)
            ]
    return model


def test_the_counts_of_the_longest_known_suffix_are_interpolated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evidence import infinity_gram

    draw = random.Random(0)
    corpus = [[draw.randrange(TOKENS - 1) for _ in range(30)] for _ in range(10)]
    texts = ["".join(map(str, text)) for text in corpus]
    build_token_index(texts, Letters(), tmp_path / "index")
    monkeypatch.setenv(INDEX_VARIABLE, str(tmp_path / "index"))
    monkeypatch.setenv(WEIGHT_VARIABLE, "0.25")
    monkeypatch.setattr(infinity_gram, "CANDIDATES", TOKENS)
    processor = infinity_gram.InfinityGram(None, None, False)
    # One is always in the corpus, one ends with a token that is not, and the others are random.
    responses: list[list[int]] = [[] for _ in range(5)]
    batch = SimpleNamespace(
        removed=[],
        added=[
            (row, SimpleNamespace(temperature=0.7), None, one) for row, one in enumerate(responses)
        ],
        moved=[],
    )
    processor.update_state(batch)
    differing = 0
    for step in range(12):
        model = torch.randn(len(responses), TOKENS, generator=torch.Generator().manual_seed(step))
        expected = [
            interpolated(corpus, response, (row / 0.7).softmax(-1).tolist(), 0.25)
            for response, row in zip(responses, model, strict=True)
        ]
        found = (processor.apply(model.clone()) / 0.7).softmax(-1)
        torch.testing.assert_close(found, torch.tensor(expected))
        differing += not torch.allclose(found, (model / 0.7).softmax(-1))
        responses[0].append(corpus[3][step])
        responses[1].append(TOKENS - 1 if step % 2 else corpus[0][step])
        for response in responses[2:]:
            response.append(draw.randrange(TOKENS))
    assert differing == 11


def test_arms_have_settings_that_a_run_takes_and_names_of_their_own() -> None:
    rows = [arm.row(strength) for arm in ARMS for strength in arm.strengths or (0.0,)]
    assert len(rows) == len(set(rows))
    assert rows[0] == BASE
    for arm in ARMS:
        SamplingConfig.model_validate({"max_tokens": 8} | arm.sampling)


@pytest.mark.usefixtures("without_children")
def test_the_table_has_a_row_for_each_strength_and_each_baseline(tmp_path: Path) -> None:
    content = write_inputs(tmp_path)
    content["sampling"] |= {"backend": "transformers", "temperature": 1.0}
    campaign = Campaign(Config.model_validate(content), tmp_path, 3, 2, tmp_path / "work")
    wanted = [arm for arm in ARMS if arm.name in (BASE, "passage", "guide 4, own articles removed")]
    drawn = {arm: draw(arm, campaign, 8, lambda _: None) for arm in wanted}
    rows = rows_of(drawn, campaign)
    assert rows[BASE].num_rows == 6
    assert rows["base, best of 2"].num_rows == 3
    whole = {(one.source, one.id) for one in Index.open(campaign.config.index).documents()}
    own = {document for prompt in campaign.heldout() for document in prompt.documents or ()}
    rest = Index.open(tmp_path / "work" / "without-3-own-articles").documents()
    assert len(own) == 3
    assert {(one.source, one.id) for one in rest} == whole - own
    measured = guide.measured(drawn, campaign, 8)
    index = Index.open(campaign.config.index)
    mean = float(np.nan_to_num(index.quip(rows[BASE]["response"].to_pylist())).mean())
    assert measured["rows"][BASE]["quip"] == pytest.approx(mean)
    starts = next(name for name in rows if name.startswith("start of the passage"))
    [chars] = map(int, re.findall(r"\d+", starts))
    asked = [prompt.asked for prompt in campaign.heldout()]
    passages = [found.text for [found] in retrieve(index, asked, 1)]
    assert rows[starts]["response"].to_pylist() == [text[:chars] for text in passages]
    header, *lines = [line for line in guide.table(measured).markdown().splitlines() if "|" in line]
    assert [line.split(" | ")[0] for line in lines[1:]] == [f"| {name}" for name in rows]
    assert "on-topic share" in header


def test_every_way_to_decode_a_passage_is_a_valid_setting() -> None:
    guides = {
        name: SamplingConfig.model_validate(dict(changes)).guide
        for name, changes in passages.DECODES.items()
    }
    assert {name for name, guide in guides.items() if guide is None} == {"as sampled", "greedy"}
    assert all(guide is None or guide.documents == "prompt" for guide in guides.values())


def test_what_is_copied_from_passages_is_in_them_and_as_long_as_the_answers() -> None:
    prompts = [
        Prompt("a", text="?", question="Who floats?", passages=["Tea is hot. Ice floats. So."]),
        Prompt("b", text="?", question="What is hot?", passages=["Ice floats. Tea is hot."]),
    ]
    work = passages.Work(Config.model_construct(), prompts, Path())
    base = text_table([("a", 0, "12345"), ("b", 0, "1234567")])
    copied = {
        name: dict(zip(table["prompt_id"].to_pylist(), table["response"].to_pylist(), strict=True))
        for name, table in passages._copied(work, base).items()
    }
    assert copied["best sentence (BM25)"] == {"a": "Ice floats.", "b": "Tea is hot."}
    assert copied["first 6 characters"] == {"a": "Tea is", "b": "Ice fl"}
    assert copied["whole passage"] == {
        prompt.id: (prompt.passages or [""])[0] for prompt in prompts
    }
